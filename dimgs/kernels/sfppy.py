"""Migration from a film into a well-stirred food, solved by SFPPy's finite volumes."""

from dimgs.common.errors import RunDivergedError
from dimgs.common.formats import in_percent
from dimgs.kernels.base import Port, Settings, Simulated, Tier, Values
from dimgs.kernels.checkout import Checkout, CheckoutKernel
from dimgs.kernels.diffusion import Diffusion, Migration

CHECKOUT = Checkout(
    "SFPPy", "SFPPY_ROOT", "patankar/migration.py", "https://github.com/ovitrac/SFPPy"
)
# the least positive value: ranges include their ends, and zero has no meaning here
_TINY = 1e-300
_DEFAULTS = {"C0": 1000.0, "A": 0.06, "V": 1e-3}
# of the time integration, relative to the concentration at equilibrium
_TOLERANCE = 4e-6
# bound of the relative error of the mesh above which a record carries a warning
_COARSE = 0.01


class Sfppy(CheckoutKernel):
    """Migration from a monolayer by SFPPy; its checkout is named by SFPPY_ROOT.

    A film of thickness l, diffusivity D and initial concentration C0 touches a food of volume V
    over the area A for the time t, through a mass transfer coefficient h, with the partition
    coefficient K = C_film/C_food at equilibrium. Concentrations are per volume. D and K are given,
    so that the temperature takes no part.

    Parameters
    ----------
    timeout : float
        Longest time of a run, in seconds.

    Notes
    -----
    SFPPy runs in a process of its own: it needs names that NumPy 2 lacks, and opens its cache in
    the working folder. The error of CF is the bound CF/(15 n² Fo) of n volumes at Fo = D t/l², and
    the tolerance of the time integration: 64 recorded runs with 50 and with 600 volumes keep it
    against the exact series, and those that diffusion controls come close to it. Where it exceeds
    1 %, provenance has a warning.

    References
    ----------
    P.-M. Nguyen, A. Goujon, P. Sauvegrain, O. Vitrac, AIChE J. 59 (2013) 1183.
    """

    name = "sfppy"
    version = "1"
    physics = "migration"
    inputs = tuple(
        Port(p.name, p.unit, _TINY, None, _DEFAULTS.get(p.name), p.description)
        for p in Diffusion.inputs
    )
    outputs = Diffusion.outputs[:2]
    tiers = (
        Tier("coarse", 2.0, {"nmesh": 50, "ntimes": 100}),
        Tier("medium", 2.5, {"nmesh": 200, "ntimes": 300}),
        Tier("fine", 4.0, {"nmesh": 600, "ntimes": 1000}),
    )
    checkout, child = CHECKOUT, "sfppy_child.py"

    def _simulate(self, values: Values, settings: Settings, seed: int | None) -> Simulated:
        answer, groups = self._answer(values, settings), Migration.of(**values)
        if abs(answer["CF_eq"] - groups.equilibrium) > 1e-6 * groups.equilibrium:
            fault = f"{answer['CF_eq']:.6g} kg/m³, but the mass balance gives "
            fault += f"{groups.equilibrium:.6g}"
            raise RunDivergedError(f"SFPPy's equilibrium is {fault}; it has misread its inputs.")
        error = discretisation_error(groups.fo, settings["nmesh"])
        off = f"At Fo = {groups.fo:.2g} this mesh may put CF off by {in_percent(error)}"
        warnings = [f"{off}; use a finer tier."] if error > _COARSE else []
        return Simulated(
            {"CF": answer["CF"], "CF_eq": answer["CF_eq"]},
            {"CF": error * abs(answer["CF"]) + _TOLERANCE * answer["CF_eq"]},
            {"checkout": {"SFPPy": answer["versions"]}, "warnings": warnings},
        )


def discretisation_error(fo: float, nmesh: int) -> float:
    """Bound of the relative error of CF: 1/(15 n² Fo), at most 1.

    Parameters
    ----------
    fo : float
        Fourier number, D·t/l².
    nmesh : int
        Number of volumes.

    Examples
    --------
    >>> discretisation_error(1.0, 50)
    2.6666666666666667e-05
    """
    return min(1.0, 1.0 / (15.0 * nmesh**2 * fo))
