"""From a unit-tagged table to a closed-form scaling law that is dimensionally checked.

Names are imported on first use, so that importing the package stays fast.
"""

from dimgs.common.lazy import TYPE_CHECKING, on_first_use
from dimgs.common.moved import find_moved_modules

if TYPE_CHECKING:
    from dimgs.ask import Answer as Answer
    from dimgs.ask import ask as ask
    from dimgs.common.errors import DimensionError as DimensionError
    from dimgs.common.errors import DimgsError as DimgsError
    from dimgs.common.errors import DimgsWarning as DimgsWarning
    from dimgs.common.errors import EngineUnavailableError as EngineUnavailableError
    from dimgs.common.errors import FitError as FitError
    from dimgs.common.errors import InputError as InputError
    from dimgs.common.errors import LawError as LawError
    from dimgs.common.errors import RunDivergedError as RunDivergedError
    from dimgs.common.errors import RunFailedError as RunFailedError
    from dimgs.common.errors import RunRefusedError as RunRefusedError
    from dimgs.common.errors import StoreError as StoreError
    from dimgs.common.errors import UnitError as UnitError
    from dimgs.dataset import Dataset as Dataset
    from dimgs.dataset import read_table as read_table
    from dimgs.discovery.discover import discover as discover
    from dimgs.discovery.discover import fit as fit
    from dimgs.discovery.options import Options as Options
    from dimgs.groups.derive import pi_basis as pi_basis
    from dimgs.groups.group import PiBasis as PiBasis
    from dimgs.groups.group import PiGroup as PiGroup
    from dimgs.law.law import Law as Law
    from dimgs.report.results import Report as Report
    from dimgs.symmetry.collapse import collapse as collapse
    from dimgs.symmetry.invariants import invariants as invariants
    from dimgs.symmetry.symmetries import symmetries as symmetries
    from dimgs.variables import Variable as Variable
    from dimgs.variables import define_unit as define_unit

find_moved_modules()
__version__ = "0.2.0"

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "ask": "Answer ask",
        "dataset": "Dataset read_table",
        "discovery.discover": "discover fit",
        "discovery.options": "Options",
        "common.errors": "DimensionError DimgsError DimgsWarning EngineUnavailableError FitError "
        "InputError LawError RunDivergedError RunFailedError RunRefusedError StoreError UnitError",
        "groups.derive": "pi_basis",
        "groups.group": "PiBasis PiGroup",
        "law.law": "Law",
        "report.results": "Report",
        "symmetry.collapse": "collapse",
        "symmetry.invariants": "invariants",
        "symmetry.symmetries": "symmetries",
        "variables": "Variable define_unit",
    },
)
__all__ += ["__version__"]
