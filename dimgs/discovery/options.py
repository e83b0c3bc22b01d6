"""The options of an analysis, each with its type, default and help text, and its keyword.

The keywords of `dimgs.fit`, `dimgs.discover` and their streamed forms, the options of the command
line and the help of both are made of :class:`Options`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from inspect import cleandoc
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from dimgs.common.advice import did_you_mean, setting
from dimgs.common.errors import InputError, check_level
from dimgs.common.formats import attributes
from dimgs.dataset import Dataset
from dimgs.dataset.checks import Purpose
from dimgs.dataset.raw import ReadOptions
from dimgs.dataset.raw import TableKeywords as TableKeywords
from dimgs.dataset.read import dataset_of
from dimgs.engines.registry import ALL, check_name, embedded
from dimgs.groups.scalings import Scaling, read_scalings, scaling_text

if TYPE_CHECKING:
    from dimgs.law.limits import KnownLimit


# ---- Keywords of `dimgs.fit`, `dimgs.discover` and their streamed forms, with their types.
#
# Defaults and help are those of :class:`dimgs.discovery.options.Options`.


class StreamKeywords(TableKeywords, total=False):
    """Keywords of `fit_stream` and `fit_dask`."""

    constants: Sequence[str]
    scales: Sequence[str] | str
    within: str | None
    split_by: str | None
    arrhenius: Sequence[str] | str | None
    arrhenius_power: bool
    level: float
    seed: int


class FitKeywords(StreamKeywords, total=False):
    """Keywords of `fit`."""

    by: Sequence[str] | str
    rounded: Sequence[str] | str
    limits: Mapping[str, Any] | Sequence[Any] | str
    robust: bool
    errors_in_variables: bool
    regimes: bool
    local: bool
    along: str | None
    curve: str | None
    additive: bool
    noise: str


class DiscoverKeywords(FitKeywords, total=False):
    """Keywords of `discover`."""

    engine: str
    model: str
    effort: str
    evaluations: int | None
    time_limit: float | None
    form: str | None
    symmetric: Sequence[str]
    must_use: Sequence[str]
    at_most_constants: int | None
    complete: int | None


MODEL_NAMES = ("linear", "deep")
NOISE_NAMES = ("auto", "relative", "constant")
# expressions, and seconds at most, of each effort. Of the benchmarks' laws most searches end by
# themselves after 1000 to 1500 expressions; 6000 take 15 to 30 s of a processor of 2020, and four
# to eight times that is left for slower ones.
EFFORTS: Mapping[str, tuple[int, float]] = {
    "quick": (1000, 60.0),
    "normal": (6000, 120.0),
    "thorough": (60_000, 1200.0),
}
# secondary searches, of which about so many equal the main one
_SIDE = 12
Kind = Literal[
    "flag", "text", "texts", "names", "several", "units", "sheet", "number", "count", "limits"
]
F = TypeVar("F", bound=Callable[..., Any])


def _are_texts(value: Any) -> bool:
    # the values of a mapping would be lost
    return isinstance(value, str) or (
        isinstance(value, Iterable)
        and not isinstance(value, Mapping)
        and all(isinstance(text, str) for text in value)
    )


def comma_separated(text: str) -> list[str]:
    """The names in a text.

    Examples
    --------
    >>> comma_separated("g, c,")
    ['g', 'c']
    """
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_number(value: Any, kind: type) -> bool:
    # truth values are integers to Python
    return isinstance(value, kind) and not isinstance(value, bool)


# type of each kind, what a value must be, for the message, and a test of values other than None
_NAMES = ("sequence of str", "a list of names, such as ['a', 'b']", _are_texts)
_KINDS: dict[Kind, tuple[str, str, Callable[[Any], bool]]] = {
    "flag": ("bool", "True or False", lambda x: isinstance(x, bool)),
    "text": ("str", "a text", lambda x: isinstance(x, str)),
    "texts": ("sequence of str, or str", "'auto' or a list such as ['M0 [kg]', ...]", _are_texts),
    "names": _NAMES,
    "several": _NAMES,
    "units": (
        "mapping of str to str",
        "a mapping of columns to units, such as {'d': 'mm'}",
        lambda x: isinstance(x, Mapping) and _are_texts([*x, *x.values()]),
    ),
    "sheet": (
        "str or int",
        "the name of a sheet, or its place from 0",
        lambda x: isinstance(x, str | Integral),
    ),
    "number": ("float", "a number", lambda x: _is_number(x, Real)),
    "count": ("int", "a whole number from 0 up", lambda x: _is_number(x, Integral) and x >= 0),
    # what they hold is checked when they are read
    "limits": (
        "path, or sequence of mappings",
        "a file of limits, or a list of them",
        lambda x: hasattr(x, "__iter__"),
    ),
}
# how a value is given that somebody wrote into a mapping, for the options that have any
_VALUES = {
    "constants": "give the names alone, as ['g']; another value is that of a column of this name",
    "rounded": "give a step with its column, as ['d=0.5 mm']",
    "scales": "give a unit with its scale, as ['M0 [kg]']",
    "symmetric": "give the weights in one text, as ['E0=1, d=-1']",
}
# options with a choice of words, and options that exclude each other
_CHOICES = {"model": MODEL_NAMES, "noise": NOISE_NAMES, "effort": (*EFFORTS,)}
_APART = (
    ("errors_in_variables", ("robust", "within")),
    ("by", ("within", "robust", "errors_in_variables")),
    ("complete", ("must_use",)),
)
# options that mean something beside another one alone
_BESIDE = {"along": "local", "curve": "along", "arrhenius_power": "arrhenius"}


def _option(default: Any, kind: Kind, help: str) -> Any:
    return field(default=default, metadata={"kind": kind, "help": help})


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of an analysis.

    Parameters
    ----------
    {options}

    Raises
    ------
    InputError
        If a value is not of its type, or cannot be used.

    Examples
    --------
    >>> Options(constants=("g",)).constants
    ('g',)
    """

    columns: Iterable[str] | None = _option(
        None, "names", "Use only these inputs, and those of a form."
    )
    drop: Iterable[str] | None = _option(None, "names", "Leave out these inputs.")
    drop_bad: bool = _option(
        False, "flag", "Drop rows that cannot be used, and report their number."
    )
    units: Mapping[str, str] = field(
        default_factory=dict, metadata={"kind": "units", "help": "Units of columns."}
    )
    sheet: str | int | None = _option(None, "sheet", "Sheet of a workbook, by name.")
    skip_rows: int | None = _option(None, "count", "Number of lines above the header.")
    strict_units: bool = _option(
        False, "flag", "Treat units with a probable other meaning (W/m K) as errors."
    )
    rounded: Sequence[str] | str = _option(
        (),
        "several",
        "Column of readings that were rounded, with an error of half the last digit: NAME for as "
        "many decimals or digits as its numbers have, or NAME=STEP such as 'd=0.5 mm'. Not for "
        "values that were set.",
    )
    si: bool = _option(False, "flag", "Show results in SI units, not in the units of the table.")
    constants: Sequence[str] = _option(
        (), "names", "Known physical constants to add, such as g, c and k_B."
    )
    scales: Sequence[str] | str = _option(
        (), "texts", "Unknown dimensional constants such as 'M0 [kg]', or auto."
    )
    within: str | None = _option(None, "text", "Label column; each label has its own prefactor.")
    by: Sequence[str] | str = _option(
        (),
        "several",
        "Label column of sources (laboratory, machine, material, species), with random effects on "
        "the prefactor, and on exponents and constants where a test supports it. Intervals for a "
        "new source contain them.",
    )
    split_by: str | None = _option(
        None,
        "text",
        "Label column; runs of one label are left out together, in scores and intervals.",
    )
    arrhenius: Sequence[str] | str | None = _option(
        None, "several", "Absolute temperature that enters as 1/T."
    )
    arrhenius_power: bool = _option(False, "flag", "Let this temperature enter as a power too.")
    limits: Mapping[str, Any] | Sequence[Any] | str = _option(
        (),
        "limits",
        "Known limits where a group goes to zero or infinity: a JSON file, or a hub with "
        "accepted limits.",
    )
    robust: bool = _option(False, "flag", "Robust fit by ranks; a search leaves outlying runs out.")
    errors_in_variables: bool = _option(
        False,
        "flag",
        "Use the error columns (x_err) of the inputs even where they are negligible: orthogonal "
        "regression.",
    )
    regimes: bool = _option(
        False, "flag", "Find regimes of constant exponents and their boundaries."
    )
    local: bool = _option(False, "flag", "Local exponents at every run.")
    along: str | None = _option(
        None,
        "text",
        "Coordinate along each curve, such as a time: with local, exponents along it inside "
        "each run, and regimes.",
    )
    curve: str | None = _option(
        None,
        "text",
        "Label column that names the run of each point; by default points with equal further "
        "inputs are a run.",
    )
    additive: bool = _option(False, "flag", "Sparse sum of smooth functions of the groups.")
    engine: str = _option(
        "auto",
        "text",
        "Engine that searches closed forms beyond the power law: auto (all usable engines in "
        "turn), structured, pysr, operon, or power_law (none).",
    )
    model: str = _option(
        "linear",
        "text",
        "linear (power law), or deep: values of a neural potential, fitted to the runs, guide the "
        "search too; needs torch.",
    )
    effort: str = _option(
        "normal",
        "text",
        "Extent of the search: quick, normal or thorough, with at most 1000, 6000 or 60000 "
        "expressions, and 60, 120 or 1200 s.",
    )
    evaluations: int | None = _option(
        None,
        "count",
        "Largest number of expressions of each search, in place of that of the effort; equal on "
        "all machines.",
    )
    time_limit: float | None = _option(
        None,
        "number",
        "Time limit of the whole discovery in seconds, in place of that of the effort; a search "
        "that it ends may find less on a slower machine.",
    )
    form: str | None = _option(
        None,
        "text",
        "A form to fit and to judge beside the candidates of the search, such as "
        "'a*x**b*(1 + c*y)'. Names of columns are inputs, and other names are constants. One "
        "unknown function, as in 'exp(-x)*f(y)', is searched. Starting values in SI units may "
        "follow: '...; a=1, b=0.5'.",
    )
    symmetric: Sequence[str] = _option(
        (),
        "several",
        "A scaling that leaves the law unchanged, as the weights of the columns ('E0=1, d=-1'), or "
        "a JSON document of 'dimgs symmetries' with scalings. Each scaling removes a group, and is "
        "refused if the runs contradict it.",
    )
    must_use: Sequence[str] = _option((), "several", "Inputs that every law must use.")
    at_most_constants: int | None = _option(
        None, "count", "Largest number of fitted constants of a law, exponents included."
    )
    complete: int | None = _option(
        None,
        "count",
        "Try all forms up to this number of nodes (groups, numbers, constants, operators and "
        "functions), without a time limit; by default the number that takes about a second.",
    )
    noise: str = _option(
        "auto",
        "text",
        "Error model of the target: auto (the likeliest), relative, or constant (least squares of "
        "the target itself).",
    )
    level: float = _option(0.9, "number", "Coverage of the intervals.")
    seed: int = _option(0, "count", "Seed of the random numbers.")

    def __post_init__(self) -> None:
        check_level(self.level)
        for option in fields(self):
            value = getattr(self, option.name)
            kind = option.metadata["kind"]
            _, expected, is_right = _KINDS[kind]
            if not (option.default is None if value is None else is_right(value)):
                remedy = _VALUES.get(option.name) if isinstance(value, Mapping) else None
                raise InputError(f"{option.name} is {value!r}; {remedy or f'give {expected}'}.")
            if kind in ("names", "several") and value is not None:
                if isinstance(value, str):
                    value = comma_separated(value) if kind == "names" else [value]
                object.__setattr__(self, option.name, tuple(value))
        object.__setattr__(self, "limits", self.known_limits)
        object.__setattr__(self, "symmetric", tuple(map(scaling_text, self.scalings)))
        check_name(self.engine)
        for fault in self._faults():
            raise InputError(fault)

    def _faults(self) -> Iterator[str]:
        """Sentences on values that cannot be used, or not together."""
        for name, words in _CHOICES.items():
            if getattr(self, name) not in words:
                yield f"There is no {name} '{getattr(self, name)}'; use {', '.join(words)}."
        for name, other in ((name, n) for name, others in _APART for n in others):
            if getattr(self, name) and getattr(self, other):
                both = f"{setting(name)} is not combined with {setting(other)}"
                yield f"{both}: leave out one of them."
        for name in ("by", "robust", "errors_in_variables", "local", "additive"):
            if self.noise == "constant" and getattr(self, name):
                relative = f"Fits with {setting(name)} have relative errors"
                yield f"{relative}: leave out it or {setting('noise', 'constant')}."
        for name, other in _BESIDE.items():
            if getattr(self, name) not in (None, False) and not getattr(self, other):
                yield f"{setting(name)} belongs to {setting(other)}: give that too."
        if self.time_limit is not None and not self.time_limit > 0:
            yield f"The time limit is {self.time_limit} s; give more than 0."
        if self.evaluations is not None and self.evaluations < 1:
            yield f"{self.evaluations} evaluations allow no search; give more than 0."
        tries_all = self.engine in (ALL, embedded())
        if self.complete is not None and (self.complete < 1 or not tries_all):
            yield (
                f"complete is {self.complete} with the engine '{self.engine}'; give at least one "
                f"node, and the engine auto or {embedded()}, which tries all forms."
            )
        if isinstance(self.scales, str) and self.scales != "auto":
            yield f"scales is '{self.scales}'; give 'auto' or ['M0 [kg]', ...]."

    @classmethod
    def of(
        cls, options: "Options | None", keywords: Mapping[str, Any], function: str, keys: type
    ) -> "Options":
        """The options of a call: those given as a whole, changed by those given as keywords.

        Parameters
        ----------
        options : Options, optional
        keywords : mapping of str to object
        function : str
            What was called, for the message.
        keys : type
            The TypedDict of its keywords.

        Raises
        ------
        TypeError
            For a keyword that is none of them; the nearest one is named.
        InputError
            For a value that is not of its type, or cannot be used.
        """
        names = tuple(keys.__annotations__)
        for name in keywords:
            if name in names:
                continue
            others = (("fit", FitKeywords), ("discover", DiscoverKeywords))
            owner = [other for other, kind in others if name in kind.__annotations__]
            mended = did_you_mean(name, names, f"it takes {', '.join(names)}.")
            rest = f"{owner[0]}() does." if owner else mended
            raise TypeError(f"{function}() takes no keyword '{name}'; {rest}")
        return replace(options or cls(), **keywords)

    @property
    def budget(self) -> int:
        """Most expressions that a search may fit."""
        return EFFORTS[self.effort][0] if self.evaluations is None else self.evaluations

    @property
    def restricts(self) -> bool:
        """Whether the options restrict the laws."""
        return bool(self.must_use) or self.at_most_constants is not None

    @property
    def side_budget(self) -> int:
        """Budget of the secondary searches, several of which equal the main one."""
        most = EFFORTS[self.effort][0] // _SIDE
        return most if self.evaluations is None else self.evaluations

    @property
    def seconds(self) -> float:
        """Time limit of the whole discovery in seconds."""
        return EFFORTS[self.effort][1] if self.time_limit is None else self.time_limit

    @property
    def known_limits(self) -> "tuple[KnownLimit, ...]":
        """The limits, read where they are in a file."""
        if not self.limits:
            return ()
        from dimgs.discovery.limits import read_limits

        return read_limits(self.limits)

    @property
    def scalings(self) -> list[Scaling]:
        """The given symmetries, read from files where needed."""
        return [scaling for source in self.symmetric for scaling in read_scalings(source)]

    @property
    def labels(self) -> tuple[str, ...]:
        """Label columns that the analysis reads."""
        named = (self.within, self.split_by, self.curve, *self.by)
        return tuple(dict.fromkeys(n for n in named if n is not None))

    @property
    def left_out_whole(self) -> str:
        """Column whose labels are left out whole; empty where single runs are."""
        return self.split_by or next(iter(self.by), "")

    def purpose(self, target: str, **allowed: bool) -> Purpose:
        """Requirements of the analysis of this target on a table, beside what else it allows."""
        temperatures = tuple(self.arrhenius or ())
        asked = (self.arrhenius_power, self.errors_in_variables, self.drop_bad)
        return Purpose(target, self.labels, temperatures, *asked, within=self.within, **allowed)

    def reader(self, targets: Iterable[str] = ()) -> ReadOptions:
        """Options of the reader, which always keeps the targets, labels and temperatures.

        And the columns that a form names, of which only the table can say what is one.

        Raises
        ------
        InputError
            If one of them is dropped.
        """
        from dimgs.expression import safe_identifiers

        along = [] if self.along is None else [self.along]
        keep = [*targets, *self.labels, *(self.arrhenius or ()), *along]
        # a form has the names of columns as identifiers, and functions before brackets
        in_form = re.findall(r"[^\W\d]\w*\b(?!\s*\()", (self.form or "").partition(";")[0])
        dropped = safe_identifiers(sorted(self.drop or ()))
        clash = [n for n, identifier in dropped.items() if n in keep or identifier in in_form]
        if clash:
            raise InputError(
                f"'{clash[0]}' is dropped with {setting('drop')} but needed; leave it in."
            )
        return ReadOptions(
            units=dict(self.units),
            columns=None if self.columns is None else list(dict.fromkeys([*self.columns, *keep])),
            beside=in_form,
            drop=None if self.drop is None else list(self.drop),
            **attributes(self, "drop_bad strict_units si sheet skip_rows rounded"),
            # numbers that name sources need no unit to say so
            defaults=dict.fromkeys(self.labels, "label"),
        )

    def read(self, data: Any, *targets: str) -> Dataset:
        """The table of anything that :func:`dimgs.read_table` takes, with the chosen columns."""
        for target in targets:
            if not isinstance(target, str):
                raise InputError(
                    f"The target is the name of one column, not {target!r}; call once for each."
                )
        chosen = self.units or self.columns is not None or self.drop is not None or self.si
        if isinstance(data, Dataset) and not chosen and not self.rounded:
            return data
        return dataset_of(data, replace(self.reader(targets), bounded=targets, with_labels=True))

    def without_reading(self) -> Self:
        """The options for a table that is read already."""
        reading = {n: f for n, f in options_by_name().items() if n in TableKeywords.__annotations__}
        del reading["drop_bad"]
        return replace(self, **{n: default_of(f) for n, f in reading.items()})


def default_of(option: "Field[Any]") -> Any:
    """Value of an option that nobody gave."""
    return {} if option.metadata["kind"] == "units" else option.default


def options_by_name() -> "dict[str, Field[Any]]":
    """Every option, with its default and, in its metadata, its kind and its help."""
    return {option.name: option for option in fields(Options)}


def documented(keys: type) -> Callable[[F], F]:
    """Insert the help of the options into the docstring of a function, at ``{options}``."""

    def decorate(function: F) -> F:
        function.__doc__ = _filled(function.__doc__, keys.__annotations__)
        return function

    return decorate


def _filled(text: str | None, names: Iterable[str]) -> str | None:
    options = options_by_name()
    lines = []
    for name in names:
        kind, *_ = _KINDS[options[name].metadata["kind"]]
        default = default_of(options[name])
        optional = ", optional" if default is None else f", default {default!r}"
        lines += [f"{name} : {kind}{optional}", f"    {options[name].metadata['help']}"]
    # Python 3.13 takes the indentation of a docstring away, older ones do not
    return text and cleandoc(text).replace("{options}", "\n".join(lines))


Options.__doc__ = _filled(Options.__doc__, options_by_name())
