"""Radical oxidation of a fatty ester, with its oxygen supply, solved by Radigen."""

from collections.abc import Mapping

from dimgs.kernels.base import Port, Settings, Simulated, Tier, Values
from dimgs.kernels.checkout import Checkout, CheckoutKernel

CHECKOUT = Checkout(
    "Radigen", "RADIGEN_ROOT", "radigen3/oxidation.py", "https://github.com/ovitrac/radigen"
)
# the least positive value: ranges include their ends, and zero has no meaning here
_TINY = 1e-300


class Radigen(CheckoutKernel):
    """Oxidation of a mono-allylic ester (L1H) by Radigen; its checkout is named by RADIGEN_ROOT.

    The ester, its hydroperoxide (L1OOH, which starts the chain) and dissolved oxygen react for the
    time t at the temperature T, while oxygen of partial pressure pO2 enters a volume V over the
    area A with the transfer coefficient kO2.

    Parameters
    ----------
    timeout : float
        Longest time of a run, in seconds.

    Notes
    -----
    Radigen itself takes °C; here T is any absolute temperature. Without any hydroperoxide its
    equations divide by zero: such a run is refused. The tolerance of the integration is not
    offered as a tier: a relative one of 1e-3 gives 587 instead of 171 mol/m³ without any error.

    References
    ----------
    M. Touffet, P. Smith, O. Vitrac, Food Research International 173 (2023) 113289. M. Touffet,
    O. Vitrac, Food Chemistry 481 (2025) 143952.
    """

    name = "radigen"
    version = "1"
    inputs = (
        Port("T", "K", 250.0, 500.0, None, "temperature"),
        Port("t", "s", _TINY, None, None, "time"),
        Port("L1H_0", "mol/m^3", 0.0, None, 3000.0, "ester at the start"),
        Port("L1OOH_0", "mol/m^3", _TINY, None, 100.0, "its hydroperoxide at the start"),
        Port("O2_0", "mol/m^3", 0.0, None, 1.0, "dissolved oxygen at the start"),
        Port("kO2", "m/s", 0.0, None, 1e-5, "transfer coefficient of oxygen"),
        Port("A", "m^2", _TINY, None, 0.45, "area that takes oxygen up"),
        Port("V", "m^3", _TINY, None, 3e-3, "volume"),
        Port("pO2", "Pa", 0.0, None, 21e3, "partial pressure of oxygen"),
    )
    outputs = (
        Port("LOOH", "mol/m^3", description="hydroperoxides"),
        Port("L1H", "mol/m^3", description="ester that is left"),
        Port("L1H_consumed", "mol/m^3", description="ester that has reacted"),
        Port("O2", "mol/m^3", description="dissolved oxygen"),
    )
    tiers = (Tier("fine", 3.0, {"rtol": 1e-6, "atol": 1e-7}),)
    checkout, child = CHECKOUT, "radigen_child.py"

    def _simulate(self, values: Values, settings: Settings, seed: int | None) -> Simulated:
        answer = self._answer(values, settings)
        summary = {k: answer[k] for k in ("steps", "reactions", "versions")}
        return Simulated(outputs_of(values, answer), {}, {"checkout": {"Radigen": summary}})


def outputs_of(values: Mapping[str, float], answer: Mapping[str, float]) -> dict[str, float]:
    """Outputs from the concentrations that Radigen ends with, in mol/m³.

    Examples
    --------
    >>> outputs_of({"L1H_0": 1000.0}, {"LOOH": 12.0, "L1H": 990.0, "O2": 1.5})
    {'LOOH': 12.0, 'L1H': 990.0, 'L1H_consumed': 10.0, 'O2': 1.5}
    """
    made = {**answer, "L1H_consumed": values["L1H_0"] - answer["L1H"]}
    return {port.name: made[port.name] for port in Radigen.outputs}
