"""Any Python function as a kernel, with units declared beside it or in its annotations."""

import ast
import hashlib
import inspect
import io
import os
import pickle
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, TypedDict, Unpack, get_args, get_origin, get_type_hints, overload

from dimgs.common.errors import InputError, RunFailedError, warn_all
from dimgs.common.formats import attributes
from dimgs.kernels.base import BaseKernel, Port, Settings, Simulated, Tier, Values, ports_of
from dimgs.kernels.fingerprint import MOST_FILES, file_digest, user_folders, user_modules
from dimgs.variables import split_header, to_pint

_RESERVED = ("tier", "seed")
_REMEDY = "for example @kernel(inputs={'D': 'm^2/s'}, outputs={'t': 's'})"


class KernelKeywords(TypedDict, total=False):
    """Keywords of :func:`kernel`."""

    inputs: Mapping[str, Any] | Sequence[Port] | None
    outputs: Mapping[str, Any] | Sequence[Port] | None
    tiers: Mapping[str, Mapping[str, Any]] | Sequence[Tier] | None
    name: str | None
    version: str | None
    quantities: bool


class FunctionKernel(BaseKernel):
    """A Python function behind the kernel protocol; made by :func:`kernel`.

    Examples
    --------
    >>> from dimgs.kernels import kernel
    >>> @kernel(inputs={"L": "m"}, outputs={"A": "m^2"})
    ... def square(L):
    ...     return L**2
    >>> type(square).__name__, square(3.0), square.run({"L": 3.0}).outputs["A"]
    ('FunctionKernel', 9.0, (9.0, 'm^2'))
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        inputs: Any = None,
        outputs: Any = None,
        tiers: Any = None,
        name: str | None = None,
        version: str | None = None,
        quantities: bool = False,
    ) -> None:
        if not inspect.isroutine(function):
            remedy = "wrap it in a function to make a kernel"
            raise InputError(f"{function!r:.60} is not a function; {remedy}.")
        called = str(name or function.__name__)
        annotated_in, annotated_out = _annotated(function)
        ports = ports_of(annotated_in if inputs is None else inputs, called)
        outputs = annotated_out if outputs is None else outputs
        inputs = _with_defaults(function, ports, called)
        self._declare(called, str(version or _source_version(function)), inputs, outputs, tiers)
        self.__wrapped__, self.quantities = function, quantities
        self.__doc__ = function.__doc__
        self._taken = [n for n in _RESERVED if n in inspect.signature(function).parameters]
        self.stochastic = "seed" in self._taken

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function itself."""
        return self.__wrapped__(*arguments, **named)

    def _simulate(
        self, values: Values, settings: Settings, seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        arguments = dict(values)
        for port in self.inputs if self.quantities else ():
            if not port.is_label:
                arguments[port.name] = to_pint(values[port.name], port.unit)
        given = {"tier": dict(settings), "seed": seed}
        arguments |= {name: given[name] for name in self._taken}
        returned = self.__wrapped__(**arguments)
        if returned is None:
            raise RunFailedError(f"The function of '{self.name}' returns nothing; add a return.")
        if isinstance(returned, Mapping | Simulated):
            return returned
        several = returned if isinstance(returned, tuple) else (returned,)
        if (many := len(several)) != len(self.outputs):
            raise InputError(f"The function gave {many} values for {len(self.outputs)} outputs.")
        return {p.name: value for p, value in zip(self.outputs, several, strict=True)}

    @property
    def is_importable(self) -> bool:
        """Whether its module has it, or its function, under the name of the function."""
        function = self.__wrapped__
        return _resolve(function.__module__, function.__qualname__) in (self, function)

    def __reduce__(self) -> tuple[Any, ...]:
        home, name = self.__wrapped__.__module__, self.__wrapped__.__qualname__
        if not self.is_importable:
            fault = f"'{name}' is not at the top level of '{home}'; define it there"
            to = f"The kernel '{self.name}' cannot be sent to another process"
            raise pickle.PicklingError(f"{to}: {fault}.")
        return _restore, (home, name, attributes(self, " ".join(KernelKeywords.__annotations__)))


@overload
def kernel(function: Callable[..., Any], /) -> FunctionKernel: ...


@overload
def kernel(
    function: None = None, /, **declared: Unpack[KernelKeywords]
) -> Callable[[Callable[..., Any]], FunctionKernel]: ...


def kernel(
    function: Callable[..., Any] | None = None, /, **declared: Unpack[KernelKeywords]
) -> FunctionKernel | Callable[[Callable[..., Any]], FunctionKernel]:
    """Make a kernel of a Python function.

    A parameter ``tier`` receives the settings of the tier, a parameter ``seed`` the seed; every
    other parameter is an input, in the unit of its port. The function returns its output, a tuple
    in the order of the outputs, a mapping by name, or a :class:`~dimgs.kernels.base.Simulated`.

    Parameters
    ----------
    function : callable, optional
        Where the units stand in its annotations: ``Annotated[float, "m^2/s"]`` for an input,
        ``Annotated[float, "t [s]"]`` for what it returns.
    inputs, outputs : mapping of str to str, dict or Port, optional
        Units by name, or tables with ``unit``, ``low``, ``high``, ``default``, ``description``.
    tiers : mapping of str to mapping, optional
        Settings by tier, coarse to fine; ``cost`` is a rough wall time in seconds.
    name : str, optional
        That of the function by default.
    version : str, optional
        By default a hash of the source of the function, of the functions and values of its module
        that it uses, of the plain values that it encloses, and of the modules of your own that
        its module imports, so that runs of an older one are not taken for runs of this one. Give
        one where something else that it uses may change, such as a file that it reads.
    quantities : bool
        Whether the function takes Pint quantities instead of plain numbers.

    Returns
    -------
    FunctionKernel
        It can still be called as a function.

    Raises
    ------
    InputError
        If a parameter has no unit, or a port no parameter.

    Examples
    --------
    >>> @kernel(inputs={"l": "mm", "D": {"unit": "m^2/s", "low": 0}}, outputs={"tau": "s"})
    ... def lag(l, D=1e-12):
    ...     return (l * 1e-3) ** 2 / (6 * D)
    >>> from dimgs.variables import registry
    >>> lag.run({"l": registry().Quantity(60, "um")}).outputs["tau"]
    (600.0, 's')

    >>> @kernel
    ... def period(
    ...     l: Annotated[float, "m"], g: Annotated[float, "m/s^2"] = 9.81
    ... ) -> Annotated[float, "T [s]"]:
    ...     return 2 * 3.141592653589793 * (l / g) ** 0.5
    >>> period.run({"l": 1}).outputs, round(period(1.0), 3)
    ({'T': (2.00606668..., 's')}, 2.006)
    """
    made = partial(FunctionKernel, **declared)
    return made if function is None else made(function)


def _with_defaults(
    function: Callable[..., Any], ports: tuple[Port, ...], name: str
) -> tuple[Port, ...]:
    """Ports in the order of the parameters, with their defaults."""
    parameters = inspect.signature(function).parameters
    by_name = {p.name: p for p in ports}
    inputs = [n for n in parameters if n not in _RESERVED]
    if any(p.kind in (p.VAR_POSITIONAL, p.POSITIONAL_ONLY) for p in parameters.values()):
        raise InputError(f"The kernel '{name}' needs parameters that can be given by name.")
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return ports
    missing = [n for n in inputs if n not in by_name]
    if missing:
        raise InputError(f"The parameter '{missing[0]}' of '{name}' has no unit; {_REMEDY}.")
    odd = [n for n in by_name if n not in inputs]
    if odd:
        raise InputError(f"'{name}' declares the input '{odd[0]}', but has no such parameter.")
    defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    return tuple(
        replace(port, default=defaults.get(port.name)) if port.default is None else port
        for port in map(by_name.__getitem__, inputs)
    )


def _annotated(function: Callable[..., Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Units that stand in annotations: of the parameters, and of what is returned."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError):
        return {}, {}
    texts = {
        n: [m for m in get_args(h)[1:] if isinstance(m, str | Port)]
        for n, h in hints.items()
        if get_origin(h) is Annotated
    }
    outputs: dict[str, Any] = {}
    for port in texts.pop("return", []):
        title, unit = (port.name, port) if isinstance(port, Port) else split_header(port)[:2]
        outputs[title] = unit
    return {n: units[0] for n, units in texts.items() if units}, outputs


def _source_version(function: Callable[..., Any]) -> str:
    """Hash of a function's source, of what it uses of its module, and of what it encloses."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    enclosed = [(n, c.cell_contents) for n, c in cells if _is_plain(c)]
    try:
        source = inspect.getsource(function)
        content = source + "".join(_used_sources(function, source))
    except (OSError, TypeError, SyntaxError):
        code = function.__code__
        content = code.co_code.hex() + repr((code.co_names, code.co_varnames))
        content += repr([c for c in code.co_consts if not inspect.iscode(c)])
    content += repr(enclosed) if enclosed else ""
    modules = _modules(function)
    content += repr(modules) if modules else ""
    return f"source-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


# content of a module's file by the module's name, with the specification that it was loaded by:
# where the file was edited since, what runs is still what was loaded
_loaded: dict[str, tuple[Any, str | None]] = {}


def _modules(function: Callable[..., Any]) -> list[tuple[str, str | None]]:
    """Names and content hashes of the user's modules that a function's module imports."""
    module = inspect.getmodule(function)
    try:
        code = inspect.getsource(module) if module is not None else ""
    except (OSError, TypeError):
        # as in a notebook: what its names stand for
        code = "\n".join(f"import {n}" for n in _homes(function))
    name = function.__module__ or ""
    file = Path(getattr(module, "__file__", None) or os.curdir).absolute()
    package = getattr(module, "__package__", None) or ""
    home = file.parents[min(package.count(".") + bool(package), len(file.parents) - 1)]
    modules = user_modules([(code, package)], [home, *user_folders()])
    if modules is None:
        what = f"The version of the kernel '{function.__name__}' does not follow the modules"
        many = f"there are more than {MOST_FILES}; set a version yourself"
        warn_all([f"{what} that it imports: {many}."])
        return []
    return [(n, _as_loaded(n, f)) for n, f in sorted(modules.items()) if n != name]


def _homes(function: Callable[..., Any]) -> list[str]:
    """Modules that the names of a function stand for, or come from."""
    names = function.__code__.co_names
    values = [function.__globals__[n] for n in names if n in function.__globals__]
    homes = (v.__name__ if inspect.ismodule(v) else getattr(v, "__module__", None) for v in values)
    return sorted({h for h in homes if isinstance(h, str) and h != "__main__"})


def _as_loaded(name: str, file: Path) -> str | None:
    """Content hash of a module's file, as it was when first seen after the module was loaded."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if spec is None:
        return file_digest(file)
    if name not in _loaded or _loaded[name][0] is not spec:
        _loaded[name] = spec, file_digest(file)
    return _loaded[name][1]


def _is_plain(cell: Any) -> bool:
    try:
        return isinstance(cell.cell_contents, bool | int | float | complex | str | bytes | None)
    except ValueError:
        # what a function encloses may get its value later
        return False


def _used_sources(function: Callable[..., Any], source: str) -> list[str]:
    """Sources of the functions, classes and values of its module that a function uses."""
    module = inspect.getmodule(function)
    try:
        whole = inspect.getsource(module) if module is not None else ""
    except (OSError, TypeError):
        return []
    defined: dict[str, ast.stmt] = {}
    for node in ast.parse(whole).body:
        for name in _bound_names(node):
            defined[name] = node
    reached: dict[str, ast.stmt] = {}
    waiting = [ast.parse(textwrap.dedent(source))]
    while waiting:
        names = {n.id for n in ast.walk(waiting.pop()) if isinstance(n, ast.Name)}
        new = {n: defined[n] for n in sorted(names & defined.keys() - reached.keys())}
        reached |= new
        waiting += [ast.Module([node], []) for node in new.values()]
    reached.pop(function.__name__, None)
    return [ast.get_source_segment(whole, reached[n]) or "" for n in sorted(reached)]


def _bound_names(node: ast.stmt) -> list[str]:
    """Names that a statement of a module binds, imports apart."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return [
            n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        ]
    return []


def _resolve(home: str, name: str) -> Any:
    attribute: Any = sys.modules.get(home)
    for part in name.split("."):
        attribute = getattr(attribute, part, None)
    return attribute


def _restore(home: str, name: str, declared: dict[str, Any]) -> FunctionKernel:
    import_module(home)
    value = _resolve(home, name)
    return value if isinstance(value, FunctionKernel) else FunctionKernel(value, **declared)


# ---- A kernel as it is sent to another process, which may not be able to import its code.


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
        remedy = "name it as 'module:attribute' or 'file.py:attribute' in the plan"
        fault = f"The kernel '{name}' cannot be sent to another process: {why}"
        raise InputError(f"{fault}; {remedy}, or use a thread pool.") from error


def _with_code(kernel: Any, home: ModuleType | None) -> bytes:
    """A kernel in bytes with its code, that of its module included where it has no name."""
    import cloudpickle

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
