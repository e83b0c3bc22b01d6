"""What a user asks of an analysis."""

from collections.abc import Sequence
from dataclasses import dataclass

from dimgs.engines.registry import check_name
from dimgs.errors import InputError

MODEL_NAMES = ("linear", "deep")


@dataclass(frozen=True)
class Options:
    """Options shared by fit, explore and discover.

    Parameters
    ----------
    constants : sequence of str
        Known physical constants to add, such as ``("g", "c")``.
    scales : sequence of str, or "auto"
        Unknown dimensional constants, such as ``("M0 [kg]",)``.
    within : str, optional
        Label column whose groups keep their own prefactor.
    split_by : str, optional
        Label column whose groups are held out together, and are the unit of uncertainty.
    arrhenius : str, optional
        Absolute temperature that enters as 1/T.
    arrhenius_power : bool
        Let that temperature enter as a power too.
    robust : bool
        Fit by ranks instead of squares.
    errors_in_variables : bool
        Let the error columns of the inputs count, by orthogonal regression.
    regimes, local, additive : bool
        Look for regimes, local exponents and additive terms as well.
    engine : str
        What looks for closed forms beyond the power law: an engine by its name, every usable one
        in turn ("auto"), or none ("power_law").
    model : {"linear", "deep"}
        With "deep", a neural potential teaches the search besides the runs themselves.
    time_limit : float
        Seconds that the whole discovery may take.
    evaluations : int, optional
        How many expressions each search may fit: a budget that does not depend on the machine.
    drop_bad : bool
        Drop rows that cannot be used, and count them.
    level : float
        Coverage of the intervals.
    seed : int
        Seed of everything random.

    Raises
    ------
    InputError
        If the level is not between 0 and 1, or another field cannot be used.
    """

    constants: Sequence[str] = ()
    scales: Sequence[str] | str = ()
    within: str | None = None
    split_by: str | None = None
    arrhenius: str | None = None
    arrhenius_power: bool = False
    robust: bool = False
    errors_in_variables: bool = False
    regimes: bool = False
    local: bool = False
    additive: bool = False
    engine: str = "auto"
    model: str = "linear"
    time_limit: float = 60.0
    evaluations: int | None = None
    drop_bad: bool = False
    level: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.engine)
        if self.model not in MODEL_NAMES:
            raise InputError(f"There is no model '{self.model}'; use linear or deep.")
        if not 0.0 < self.level < 1.0:
            raise InputError(
                f"The level is {self.level}; give the coverage as a fraction, such as 0.9."
            )
        if self.errors_in_variables and (self.robust or self.within is not None):
            raise InputError(
                "Errors in the inputs are not combined with a robust fit or with prefactors by "
                "group: leave out --errors-in-variables, or --robust and --within."
            )
        if not str(self.seed).isdecimal():
            raise InputError(f"The seed is {self.seed!r}; give a whole number from 0 up.")
        if not self.time_limit > 0:
            raise InputError(f"The time limit is {self.time_limit} s; give more than 0.")
        if self.evaluations is not None and self.evaluations < 1:
            raise InputError(f"{self.evaluations} evaluations allow no search; give more than 0.")
        if isinstance(self.scales, str) and self.scales != "auto":
            raise InputError(f"scales is '{self.scales}'; give 'auto' or ['M0 [kg]', ...].")
