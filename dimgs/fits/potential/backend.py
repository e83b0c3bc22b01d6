"""Where torch is needed: whether it is there, and on which device it computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any

from dimgs.errors import EngineUnavailableError, InputError

# a processor is faster than a graphics card on small tables, where launching costs more than work
ROWS_FOR_GPU = 2000


def require_torch() -> None:
    """Raise unless torch is installed.

    Raises
    ------
    EngineUnavailableError
        Naming how to install it.
    """
    if find_spec("torch") is None:
        raise EngineUnavailableError(
            "The deep potential needs PyTorch, which is not installed; install it with "
            '`pip install "dimgs[deep]"`.'
        )


def choose_device(device: str, n_runs: int) -> Any:
    """The torch device for a name.

    Parameters
    ----------
    device : str
        "auto" takes a graphics card where there is one and the runs are many enough; any other
        name is torch's.
    n_runs : int

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        If there is no such device.
    """
    import torch

    if device == "auto":
        gpu = torch.cuda.is_available() and n_runs >= ROWS_FOR_GPU
        return torch.device("cuda" if gpu else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, dtype=torch.float64, device=chosen)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(
            f"The device '{device}' cannot be used here ({str(error).splitlines()[0]}); "
            f"use 'auto' or 'cpu'."
        ) from error
    return chosen


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread of torch and of the linear algebra below numpy; then as before.

    The problems are so small that threads wait for each other longer than they work, many times
    longer on a busy machine; and sums would depend on how many threads there are.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _linear_algebra().limit(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


@cache
def _linear_algebra() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
