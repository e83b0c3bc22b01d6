"""Names that modules had in earlier versions: imports and pickles that use them still work."""

import sys
import warnings
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

# below dimgs: what it was -> what it is
MOVED = {
    "accessor": "cli.accessors.accessor",
    "advice": "common.advice",
    "arrays": "common.arrays",
    "campaign.curves": "campaign.result",
    "design": "fits.design",
    "dimensions": "groups.dimensions",
    "errors": "common.errors",
    "escape": "common.escape",
    "fits.chosen_pairs": "fits.power_law",
    "fits.consensus": "campaign.regimes",
    "fits.crossover": "fits.regimes",
    "fits.mixed_power_law": "fits.power_law",
    "formats": "common.formats",
    "kernels.curve": "kernels.record",
    "kernels.spec": "kernels.base",
    "latex": "law.latex",
    "lazy": "common.lazy",
    "news": "common.progress",
    "outofcore": "discovery.outofcore",
    "pandas": "cli.accessors.pandas",
    "plugins": "common.plugins",
    "rationals": "groups.rationals",
    "reproduce": "cli.reproduce",
    "xarray": "cli.accessors.xarray",
}
# these stay, as names that a user imports
_STAYS = ("errors", "pandas", "xarray")


class _Moved:
    """Finds modules by their earlier names, and gives each as the one object that it is."""

    @staticmethod
    def find_spec(name: str, path: "Any" = None, target: "Any" = None) -> ModuleSpec | None:
        package, _, old = name.partition(".")
        if package != "dimgs" or old not in MOVED:
            return None
        home = f"dimgs.{MOVED[old]}"
        if old not in _STAYS:
            text = f"{name} has moved to {home}; the earlier name will go with the next version."
            warnings.warn(text, FutureWarning, stacklevel=2)
        return ModuleSpec(name, _Moved, loader_state=home)  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: ModuleSpec) -> "ModuleType":
        from importlib import import_module

        module = import_module(spec.loader_state)
        spec.loader_state = module.__spec__
        return module

    @staticmethod
    def exec_module(module: "ModuleType") -> None:
        # importing has named it after the alias
        module.__spec__ = module.__spec__ and module.__spec__.loader_state


def find_moved_modules() -> None:
    """Let modules be imported by their earlier names.

    Examples
    --------
    >>> import importlib
    >>> importlib.import_module("dimgs.errors").__name__
    'dimgs.common.errors'
    """
    if _Moved not in sys.meta_path:
        sys.meta_path.append(_Moved)
