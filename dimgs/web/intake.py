"""What is read of a request: to disk, up to a limit, few unfinished ones from one address."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.requests import ClientDisconnect, Request

from dimgs.errors import InputError

# bytes that are kept in memory of a request; most entries have less
_IN_MEMORY = 64 << 10
# of one address, requests whose rest has not come yet: a browser opens six connections to a host
UNFINISHED = 8
# seconds for all of a body: 64 MB over 10 Mbit/s take 54
_PATIENCE = 120.0


class TooLongError(InputError):
    """A request is longer than the server reads."""


class TooSlowError(InputError):
    """A request has not come within the time that the server waits."""


class TooManyError(InputError):
    """Too many attempts to sign in, or too many unfinished requests."""


class Intake:
    """Takes the bodies of requests.

    Each lies in a file without a name while it comes. A request that is known to be too long is
    refused before any of it is read.

    Attributes
    ----------
    unfinished : Counter
        Requests whose rest has not come yet, by address.
    """

    def __init__(self) -> None:
        self.unfinished: Counter[str] = Counter()

    @asynccontextmanager
    async def body(self, request: Request, most: int) -> AsyncIterator[IO[bytes]]:
        """The body of a request as a file.

        Parameters
        ----------
        request : Request
        most : int
            Bytes that it may have.

        Raises
        ------
        InputError
            If it is longer, does not come in time, is broken off, or the address sends too many
            at once.
        """
        address = request.client.host if request.client else ""
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise _too_long(most)
        if self.unfinished[address] >= UNFINISHED:
            raise TooManyError(
                f"{UNFINISHED} requests from your address are unfinished; finish one of them "
                f"before you send another."
            )
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            self.unfinished[address] += 1
            try:
                async with asyncio.timeout(_PATIENCE):
                    async for part in request.stream():
                        if file.tell() + len(part) > most:
                            raise _too_long(most)
                        file.write(part)
            except TimeoutError as error:
                raise TooSlowError(
                    f"The request did not come within {_PATIENCE:g} s; send it in smaller parts."
                ) from error
            except ClientDisconnect as error:
                raise InputError("The request was broken off before all of it had come.") from error
            finally:
                self.unfinished[address] -= 1
                if not self.unfinished[address]:
                    del self.unfinished[address]
            file.seek(0)
            yield file


def _too_long(most: int) -> TooLongError:
    return TooLongError(f"The request is longer than {most >> 10} kB; send it in parts.")


def text_of(file: IO[bytes]) -> str:
    """Text of a body.

    Raises
    ------
    InputError
        If it is no text.
    """
    try:
        return file.read().decode()
    except UnicodeDecodeError as error:
        raise InputError("The request is no text in UTF-8.") from error
