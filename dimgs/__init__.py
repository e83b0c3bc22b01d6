"""From a unit-tagged table to a closed-form scaling law that is dimensionally checked.

Names are imported on first use, so that importing the package stays fast.
"""

# not imported from typing, which would take most of the time that this import takes
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from dimgs.ask import Answer, ask
    from dimgs.dataset import Dataset, read_table
    from dimgs.discovery.discover import discover
    from dimgs.discovery.fitting import fit
    from dimgs.discovery.options import Options
    from dimgs.errors import (
        DimensionError,
        DimgsError,
        DimgsWarning,
        EngineUnavailableError,
        FitError,
        InputError,
        LawError,
        RunDivergedError,
        RunFailedError,
        RunRefusedError,
        StoreError,
        UnitError,
    )
    from dimgs.groups.derive import pi_basis
    from dimgs.groups.group import PiBasis, PiGroup
    from dimgs.law.law import Law
    from dimgs.report.results import Report
    from dimgs.variables import Variable, define_unit

__version__ = "0.1.0"

_HOMES = {
    "Answer": "dimgs.ask",
    "Dataset": "dimgs.dataset",
    "DimensionError": "dimgs.errors",
    "DimgsError": "dimgs.errors",
    "DimgsWarning": "dimgs.errors",
    "EngineUnavailableError": "dimgs.errors",
    "FitError": "dimgs.errors",
    "InputError": "dimgs.errors",
    "Law": "dimgs.law.law",
    "LawError": "dimgs.errors",
    "Options": "dimgs.discovery.options",
    "PiBasis": "dimgs.groups.group",
    "PiGroup": "dimgs.groups.group",
    "Report": "dimgs.report.results",
    "RunDivergedError": "dimgs.errors",
    "RunFailedError": "dimgs.errors",
    "RunRefusedError": "dimgs.errors",
    "StoreError": "dimgs.errors",
    "UnitError": "dimgs.errors",
    "Variable": "dimgs.variables",
    "ask": "dimgs.ask",
    "define_unit": "dimgs.variables",
    "discover": "dimgs.discovery.discover",
    "fit": "dimgs.discovery.fitting",
    "pi_basis": "dimgs.groups.derive",
    "read_table": "dimgs.dataset",
}

__all__ = [
    "Answer",
    "Dataset",
    "DimensionError",
    "DimgsError",
    "DimgsWarning",
    "EngineUnavailableError",
    "FitError",
    "InputError",
    "Law",
    "LawError",
    "Options",
    "PiBasis",
    "PiGroup",
    "Report",
    "RunDivergedError",
    "RunFailedError",
    "RunRefusedError",
    "StoreError",
    "UnitError",
    "Variable",
    "__version__",
    "ask",
    "define_unit",
    "discover",
    "fit",
    "pi_basis",
    "read_table",
]


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dimgs' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
