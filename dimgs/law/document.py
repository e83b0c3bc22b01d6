"""The schema of law.json, and of reports that hold a law; loaded when one is read."""

from fractions import Fraction
from keyword import iskeyword
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
)

from dimgs.expression.parsing import MOST_EXPONENT

# longer than the longest header of a table; names are printed in messages and axes
_LONGEST_NAME = 1000
# labels of a column; each wrong one would be collected before the first is reported
_MOST_ENTRIES = 100_000
_Value = TypeVar("_Value")


def _few(table: object) -> object:
    if isinstance(table, dict) and len(table) > _MOST_ENTRIES:
        raise ValueError(f"{len(table)} entries are more than the {_MOST_ENTRIES} that are read.")
    return table


def _bounded(text: str) -> str:
    if abs(Fraction(text)) > MOST_EXPONENT:
        raise ValueError(f"the exponent {text[:40]} is larger than {MOST_EXPONENT:.0e}.")
    return text


def _no_keyword(text: str) -> str:
    if iskeyword(text):
        raise ValueError(f"'{text}' means something else in Python; name it '{text}_'.")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_NAME)]
Identifier = Annotated[
    str,
    StringConstraints(pattern=r"^[^\W\d]\w*$", max_length=_LONGEST_NAME),
    AfterValidator(_no_keyword),
]
# a fitted exponent has up to 17 digits, and those of several variables add up
Exponent = Annotated[
    str,
    StringConstraints(pattern=r"^-?[0-9]{1,60}(/[1-9][0-9]{0,60})?$"),
    AfterValidator(_bounded),
]
Base = Annotated[str, StringConstraints(pattern=r"^\[\w+\]$", max_length=_LONGEST_NAME)]
Listed = Annotated[tuple[_Value, ...], Field(strict=False), FailFast()]
Named = Annotated[dict[str, _Value], BeforeValidator(_few)]
DimensionPart = Annotated[dict[Base, Exponent], BeforeValidator(_few)]
Exponents = Annotated[dict[Name, Exponent], BeforeValidator(_few)]
Row = Annotated[tuple[float, ...], Field(min_length=2, max_length=2, strict=False)]
ColumnRow = Annotated[tuple[float, float, str], Field(strict=False)]


class _LawPart(BaseModel):
    """A table whose further keys do no harm."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, protected_namespaces=())


class SymbolPart(_LawPart):
    """Input, constant or group that an identifier of the expression stands for."""

    column: Name
    unit: str


class ConstantPart(_LawPart):
    """A constant in the coherent SI unit of its dimension."""

    name: Identifier
    value: float
    unit: str
    low: float | None
    high: float | None
    origin: Literal["fitted", "scale", "physical", "recognised"]
    dimension: DimensionPart


class ScoresPart(_LawPart):
    """Scores of the law on its target; null for a score that does not exist."""

    r2_log: float | None
    rmse_log: float | None
    cv_r2_log: float | None
    r2: float | None
    holdout_r2_log: float | None = None
    holdout_n: int = Field(0, ge=0)
    cv_r2: float | None = None


class DomainPart(_LawPart):
    """Ranges of the groups and columns, and what leverage is judged by."""

    groups: Named[Row]
    columns: Named[ColumnRow]
    features: Listed[str] = ()
    centre: Listed[float] = ()
    precision: Listed[Listed[float]] = ()
    max_leverage: float | None = None
    varied_alone: Listed[str] = ()
    held_by_label: Named[Named[float]] = {}
    held: Named[Any] = {}
    constant_groups: Named[float] | None = None


class VariablePart(_LawPart):
    """A variable with its unit: ``SI value = factor * value + offset``."""

    name: Name
    unit: str = Field(max_length=_LONGEST_NAME)
    dimension: DimensionPart
    factor: float = Field(gt=0.0)
    offset: float
    scale: Literal["ratio", "temperature", "level", "label"]
    log_factor: float
    kind: str | None
    role: Literal["data", "constant", "scale"]
    value: float | None


class CurveFile(_LawPart):
    """A smooth curve through runs; see :class:`dimgs.law.curve.Curve`."""

    kind: Literal["smooth curve"]
    target: VariablePart
    inputs: Listed[VariablePart]
    logged: Listed[Name]
    plain: Listed[Name]
    matrix: Listed[Listed[float]]
    shift: Listed[float]
    scale: Literal["log", "linear", "level"]
    powers: Named[float]
    constant: float
    columns: Named[Annotated[tuple[float, ...], Field(min_length=3, max_length=3, strict=False)]]
    places: Listed[Listed[float]]
    values: Listed[float]
    parts: Listed[int]
    covariance: Listed[float]
    level: float = Field(gt=0.0, lt=1.0)


class GroupPart(_LawPart):
    """A pi group."""

    name: Identifier
    exponents: Exponents
    known_as: str | None = None
    symbol: str | None = None


class ErrorsPart(_LawPart):
    """The scale on which errors that are not relative are of one size."""

    kind: Literal["constant", "mixed"]
    turn: float = Field(gt=0.0)


class UncertaintyPart(_LawPart):
    """Covariance of the parameters, and the law's derivatives with respect to them."""

    gradients: Listed[str]
    covariance: Listed[Listed[float]]
    residual_sd: float = Field(ge=0.0)
    dof: float | None = Field(gt=0.0)
    scale: Literal["log", "linear"]
    residual_dof: float | None = Field(gt=0.0)
    errors: ErrorsPart | None = None
    tails: float | None = Field(None, gt=0.0)
    quartic: Listed[Listed[float]] = ()


class LabelPart(_LawPart):
    """A prefactor for each label of a column."""

    column: Name
    log_ratios: Named[float]
    counts: Named[Annotated[int, Field(ge=1)]] = {}


class SourcePart(_LawPart):
    """Effects of the sources of one kind."""

    column: Name
    differs: Listed[str]
    gradients: Listed[str]
    spreads: Listed[Annotated[float, Field(ge=0.0)]]
    shifts: Named[Listed[float]]
    covariances: Named[Listed[Listed[float]]]
    crossed: Named[Listed[Listed[float]]]
    p_values: Listed[float] = ()
    counts: Named[Annotated[int, Field(ge=1)]] = {}
    constants: Listed[str] = ()


class ExactPart(_LawPart):
    """Further exact values for loading."""

    target: VariablePart
    symbols: Annotated[dict[Identifier, VariablePart], BeforeValidator(_few)]
    scales: Listed[VariablePart]
    known: Listed[VariablePart]
    unused: Listed[VariablePart] = ()
    constant_groups: Listed[GroupPart] = ()
    labels: Named[Listed[str]] = {}
    unlogged: Named[Name] = {}
    exponents: Named[Exponent] = {}
    response: GroupPart
    groups: Listed[GroupPart]
    uncertainty: UncertaintyPart
    label_effects: LabelPart | None
    sources: Listed[SourcePart] = ()


class LawFile(_LawPart):
    """A law: ``law.json``, and "law" in the documents of fit and discover."""

    edition: int = Field(0, alias="schema", ge=0)
    target: Name
    target_unit: str
    expression: str
    text: str = ""
    symbols: Annotated[dict[Identifier, SymbolPart], BeforeValidator(_few)]
    pi_expression: str
    groups: Named[Exponents]
    latex: str
    constants: Listed[ConstantPart]
    sources: Listed[dict[str, Any]] = ()
    scores: ScoresPart
    domain: DomainPart
    dimension_check: str
    level: float = Field(gt=0.0, lt=1.0)
    confirmed: bool | None = None
    why_not: Listed[str] = ()
    probability: float | None = Field(None, ge=0.0, le=1.0)
    undetermined: Listed[Name] = ()
    note: str = ""
    exact: ExactPart
    edited: bool = False
    checksum: str | None = None


class CandidatePart(_LawPart):
    """An expression of the Pareto front."""

    expression: str
    complexity: int
    loss: float | None


class ReportFile(_LawPart):
    """A document with a law: ``report.json``, and what fit and discover print with ``--json``."""

    edition: int = Field(0, alias="schema", ge=0)
    law: LawFile | None
    level: float = Field(0.9, gt=0.0, lt=1.0)
    warnings: Listed[str] = ()
    pi: dict[str, Any] | None = None
    fit: dict[str, Any] | None = None
    candidates: Listed[CandidatePart] = ()
    engine: str = ""
    outcome: str = ""
    probability: float | None = None
    rivals: Listed[dict[str, Any]] = ()
    none_of_these: float | None = None
    extrapolates: bool | None = None
    confirmed: bool | None = None
    why_not: Listed[str] = ()
    noise: dict[str, Any] | None = None
    complete_to: dict[str, int] | None = None
    form: dict[str, Any] | None = None
    seconds: float | None = None
    provenance: Named[str] = {}
