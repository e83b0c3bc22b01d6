"""A kernel as it is sent to another process, which may not be able to import its code."""

import io
import os
import pickle
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from dimgs.common.errors import InputError


@dataclass(frozen=True)
class PackedKernel:
    """A kernel in bytes, and the code that has to be executed before they can be read.

    Attributes
    ----------
    content : bytes
    file : str, optional
        Python file that holds the kernel, where it was named as ``file.py:name``.
    needs_main : bool
        Whether the main script has to be executed first, because its code cannot be sent along:
        it refers to what cannot be copied, such as a loaded library.
    """

    content: bytes
    file: str | None = None
    needs_main: bool = False


def portable(reference: Any) -> Any:
    """Form of a kernel for another process: its name, or the kernel with its code.

    The code of an installed module is imported there, and a file that was named as ``file.py:name``
    is executed. The code of a notebook, of a script, or of a function within a function is sent
    along.

    Parameters
    ----------
    reference : str, Kernel or PackedKernel

    Returns
    -------
    str or PackedKernel

    Raises
    ------
    InputError
        If the kernel can be neither named nor packed.

    Examples
    --------
    >>> from dimgs.kernels import kernel
    >>> from dimgs.kernels.registry import load_kernel
    >>> square = kernel(lambda L: L**2, inputs={"L": "m"}, outputs={"A": "m^2"}, name="square")
    >>> load_kernel(portable(square)).run({"L": 3.0}).outputs
    {'A': (9.0, 'm^2')}
    """
    if isinstance(reference, str | PackedKernel):
        return reference
    home = getattr(reference, "__wrapped__", type(reference)).__module__
    module = sys.modules.get(home)
    is_named = home == "__main__" or getattr(module, "__spec__", None) is not None
    unnamed = None if is_named else module
    if unnamed is not None and unnamed.__file__:
        with suppress(Exception):
            return PackedKernel(pickle.dumps(reference), os.path.abspath(unnamed.__file__))
    try:
        return PackedKernel(_with_code(reference, unnamed))
    except Exception as error:
        with suppress(Exception):
            return PackedKernel(pickle.dumps(reference), needs_main=True)
        name = getattr(reference, "name", None) or getattr(reference, "__name__", "of the plan")
        why = str(error).rpartition(": ")[2].rstrip(".")
        raise InputError(
            f"The kernel '{name}' cannot be sent to another process: {why}; name it as "
            f"'module:attribute' or 'file.py:attribute' in the plan, or use a thread pool."
        ) from error


def _with_code(kernel: Any, home: ModuleType | None) -> bytes:
    """A kernel in bytes with its code, that of its module included where it has no name."""
    import cloudpickle

    from dimgs.kernels.function import FunctionKernel

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            """Pickle a function that cannot be imported together with its kernel."""
            if isinstance(obj, FunctionKernel) and not (
                obj.is_importable and obj.__wrapped__.__module__ != "__main__"
            ):
                return object.__new__, (type(obj),), vars(obj)
            return super().reducer_override(obj)

    if home is not None:
        cloudpickle.register_pickle_by_value(home)
    buffer = io.BytesIO()
    Pickler(buffer).dump(kernel)
    return buffer.getvalue()


@lru_cache(maxsize=16)
def unpacked(content: bytes) -> Any:
    """The kernel of a packed one; equal bytes are read once in a process."""
    return pickle.loads(content)
