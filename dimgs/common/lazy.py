"""Names of a package that are imported on first use, so that importing the package stays fast."""

# not imported from typing, which would take most of the time that importing dimgs takes
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def on_first_use(
    package: str, homes: "Mapping[str, str]"
) -> "tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]":
    """`__getattr__`, `__dir__` and `__all__` of a package whose names lie in modules below it.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        Module below the package -> names that it holds, with spaces between.

    Examples
    --------
    >>> get, _, names = on_first_use("dimgs", {"common.arrays": "LARGEST_LOG"})
    >>> names, get("LARGEST_LOG")
    (['LARGEST_LOG'], 700.0)
    """
    where = {name: f"{package}.{home}" for home, names in homes.items() for name in names.split()}

    def get(name: str) -> "Any":
        from importlib import import_module

        if name in where:
            return getattr(import_module(where[name]), name)
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    return get, lambda: sorted(where), sorted(where)
