"""Candidate runs over the ranges of the columns, and the predictions of laws for them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.judgement.next_run import Prediction, choose
from dimgs.law.law import Law
from dimgs.law.prediction import gradients_at, law_inputs, predicted, response_factor, values
from dimgs.report.results import NextRuns, ProposedRun, Report, Rival, RivalPrediction
from dimgs.variables import Variable, parse_unit
from dimgs.variables.quantities import Quantity, as_quantity
from dimgs.variables.units import other_turning


def range_of(span: Any, variable: Variable) -> tuple[float, float]:
    """A range in SI from ``0.1..10 m/s``, or a pair of numbers or quantities.

    Raises
    ------
    InputError

    Examples
    --------
    >>> from dimgs.variables import parse_variable
    >>> range_of("10..250 mm", parse_variable("d [m]"))
    (0.01, 0.25)
    """
    name = f"The range of '{variable.name}'"
    if isinstance(span, str | Mapping | Quantity):
        quantity = as_quantity(span, name)
        if quantity.is_label:
            example = f"{variable.name}=0.1..10 {variable.unit.text}"
            raise InputError(f"{name} is '{quantity}'; write it as '{example}'.")
        ends = [(end, quantity.unit) for end in quantity.ends()]
    else:
        both = [as_quantity(end, name) for end in span] if np.ndim(span) == 1 else []
        if len(both) != 2:
            raise InputError(f"{name} needs two ends, such as (0.1, 10).")
        ends = [(end.number(name), end.unit) for end in both]
    low, high = (_in_si(*end, variable) for end in ends)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(f"{name} must be finite and rise, such as 0.1..10.")
    return low, high


def ranges_of(texts: Sequence[str]) -> dict[str, Quantity]:
    """Ranges by column from ``U=0.1..10 m/s``.

    Raises
    ------
    InputError

    Examples
    --------
    >>> ranges_of(["U=0.1..10 m/s"])["U"].ends()
    (0.1, 10.0)
    """
    out: dict[str, Quantity] = {}
    for text in texts:
        name, equals, span = text.partition("=")
        if not equals or not name.strip():
            raise InputError(f"The range '{text}' is not clear; write it as 'U=0.1..10 m/s'.")
        if name.strip() in out:
            raise InputError(f"'{name.strip()}' has two ranges; give one.")
        out[name.strip()] = as_quantity(span, f"The range of '{name.strip()}'")
    return out


def _in_si(number: float, unit: str | None, variable: Variable) -> float:
    given_unit = variable.unit if unit in (None, "1") else parse_unit(str(unit))
    if not variable.unit.accepts(given_unit):
        raise InputError(
            f"The range of '{variable.name}' is in '{unit}', which is not a unit of that column; "
            f"give it in '{variable.unit.text}'."
        )
    if doubt := other_turning(variable.name, given_unit, variable.unit):
        raise InputError(f"The range of {doubt}.")
    return float(given_unit.to_si(number))


# each end of the range of the runs, wider by it at most: a law is first asked near the runs; a
# range of less than a factor of two, such as of absolute temperatures, becomes twice as long
WIDER = float(np.sqrt(2.0))
# places that are compared, besides the corners of the ranges where those are not too many
_PLACES, _MOST_CORNERS = 256, 6
# laws that are shown for rivals; the power of probabilities that runs are chosen by, so that all
# count: of 19 ties five runs settled 5 so, 4 with the power 1/4, and 3 by rivals alone
_STAND_INS, _FLATTER = 2, 0.5
# share of the places that may lie beyond all usable ones by chance
_FEW = 0.02
# information of a run, in bits, that is the rounding of a difference of equal predictions
_NO_BITS = 1e-6
# a range of a column that never varied
_FIXED = 1e-12


@dataclass(frozen=True, eq=False)
class Places:
    """Possible runs.

    Attributes
    ----------
    columns : mapping of str to ndarray of shape (n_places,)
        In SI, labels as they are.
    variables : mapping of str to Variable
    """

    columns: Mapping[str, Any]
    variables: Mapping[str, Variable]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def row(self, place: int) -> dict[str, tuple[float, str] | str]:
        """One run in the units of the table."""
        out: dict[str, tuple[float, str] | str] = {}
        for name, column in self.columns.items():
            v = self.variables[name]
            if v.is_label:
                out[name] = str(column[place])
            else:
                out[name] = (float(v.unit.from_si(float(column[place]))), v.unit.text)
        return out


def places_of(data: Dataset, inputs: Sequence[str], ranges: Mapping[str, Any]) -> Places:
    """Possible runs over the ranges of the inputs, each end wider by up to √2 if no range is given.

    Columns that never varied keep their value, and whole numbers stay whole.

    Parameters
    ----------
    data : Dataset
        The runs so far.
    inputs : sequence of str
    ranges : mapping of str to whatever `range_of` takes

    Raises
    ------
    InputError
        For a range of what is not an input.
    """
    unknown = [n for n in ranges if n not in inputs]
    if unknown:
        raise InputError(
            f"There is no input '{unknown[0]}' to give a range; choose from {', '.join(inputs)}."
        )
    variables = {n: data.variable(n) for n in inputs}
    spans: dict[str, tuple[float, float, bool, bool]] = {}
    columns: dict[str, Any] = {}
    for name, v in variables.items():
        if v.is_label:
            labels, counts = np.unique(np.asarray(data[name]).astype(str), return_counts=True)
            columns[name] = str(labels[np.argmax(counts)])
            continue
        x = data[name]
        low, high = float(x.min()), float(x.max())
        whole = bool(np.all(v.unit.from_si(x) == np.round(v.unit.from_si(x)))) and high > low
        whole = whole and v.unit.dimension.is_dimensionless
        has_range = name in ranges
        if has_range:
            low, high = range_of(ranges[name], v)
        elif high - low <= _FIXED * max(abs(low), abs(high)):
            columns[name] = low
            continue
        log = low > 0 and not v.is_level
        if not has_range:
            # a level or an input that changes sign is widened by as much of its span, and one that
            # vanishes and was never negative, as a light or a time, upwards only
            gap = 0.5 * (WIDER - 1.0) * (high - low)
            below = gap if low < 0 or v.is_level else 0.0
            wider = min(WIDER, float(np.sqrt(high / low))) if log else 1.0
            low, high = (low / wider, high * wider) if log else (low - below, high + gap)
        spans[name] = (low, high, log, whole)
    shares = _shares(len(spans))
    for j, (name, (low, high, log, whole)) in enumerate(spans.items()):
        u = shares[:, j]
        x = low * (high / low) ** u if log else low + (high - low) * u
        if whole:
            unit = variables[name].unit
            first, last = np.ceil(unit.from_si(low)), np.floor(unit.from_si(high))
            x = unit.to_si(np.clip(np.round(unit.from_si(x)), first, max(first, last)))
        columns[name] = x
    n = len(shares)
    full = {k: np.full(n, v) if np.ndim(v) == 0 else v for k, v in columns.items()}
    return Places({k: full[k] for k in inputs}, variables)


def _shares(count: int) -> Array:
    """Places in the unit cube: corners, and a low-discrepancy sequence."""
    from scipy.stats import qmc

    if count == 0:
        return np.zeros((1, 0))
    inner = qmc.Sobol(count, rng=np.random.default_rng(0)).random(_PLACES)
    if count > _MOST_CORNERS:
        return np.asarray(inner)
    return np.vstack([np.array(list(product((0.0, 1.0), repeat=count))), inner])


def prediction_of(law: Law, probability: float, places: Places, *, log: bool) -> Prediction:
    """Predictions of a law at points, on the logarithm or on the target itself.

    Returns
    -------
    Prediction
        NaN where the law has no value.
    """
    u, inputs = law.uncertainty, law_inputs(law, places.columns)
    value, G = values(law, inputs), gradients_at(law, inputs)
    noise = np.full(len(places), max(u.residual_sd, 1e-10))
    covariance = np.asarray(u.covariance, dtype=np.float64).reshape(G.shape[1], G.shape[1])
    with np.errstate(all="ignore"):
        if law.target.is_level:
            factor = abs(law.target.unit.log_factor)
            return Prediction(probability, value * factor, G, covariance, noise)
        if u.scale == "linear":
            size = response_factor(law, inputs)
            G, noise = G * size[:, None], noise * np.abs(size) * u.run_share(value, size)
            if log:
                G, noise = G / value[:, None], np.abs(noise / value)
        else:
            noise = noise * u.run_share(value, 1.0)
            if not log:
                G, noise = G * value[:, None], np.abs(noise * value)
        mean = np.log(np.where(value > 0, value, np.nan)) if log else value
    return Prediction(probability, mean, G, covariance, noise)


@np.errstate(all="ignore")
def predictions(
    laws: Sequence[tuple[Law, float]], places: Places
) -> tuple[list[Prediction], IntArray]:
    """Predictions of all laws where all have one, and which places those are.

    They are on the logarithm where all errors are relative, unless a law predicts the other sign:
    then any outcome distinguishes it from the others.
    """
    log = all(
        law.uncertainty.scale == "log" and not np.any(law.predict_si(places.columns) <= 0)
        for law, _ in laws
    )
    by_law = [prediction_of(law, p, places, log=log) for law, p in laws]
    usable = np.ones(len(places), dtype=bool)
    for one in by_law:
        usable &= np.isfinite(one.mean) & np.all(np.isfinite(one.slopes), axis=1)
        # variances are squares, which leave doubles before the noise does
        square = one.noise**2
        usable &= np.isfinite(square) & (square > 0)
    rows = np.flatnonzero(usable)
    kept = [
        Prediction(r.probability, r.mean[rows], r.slopes[rows], r.covariance, r.noise[rows])
        for r in by_law
    ]
    return kept, rows


def _places_for(
    laws: Sequence[tuple[Law, float]], data: Dataset, ranges: Mapping[str, Any]
) -> Places:
    """Possible runs of the inputs of some laws of one target.

    An input that none of them contains changes no prediction; it takes part if it has a range.
    """
    wanted = set[str]()
    for law, _ in laws:
        labels = [] if law.label_effects is None else [law.label_effects.column]
        wanted.update(labels, (v.name for v in law.symbols.values()))
        wanted.update(v.name for v in law.unused if v.name in ranges)
    inputs = [x for x in data.names if x in wanted and x != laws[0][0].target.name]
    return places_of(data, inputs, ranges)


def propose(
    report: Report,
    n: int,
    ranges: Mapping[str, Any] | None = None,
    against: Law | None = None,
    others: Callable[[], Sequence[Rival]] | None = None,
) -> NextRuns:
    """The runs that are expected to distinguish the rivals of a report; see `Report.next_runs`.

    Parameters
    ----------
    report : Report
    n : int
    ranges : mapping, optional
    against : Law, optional
        A published law, which takes half of the probability: where would it fail?
    others : callable, optional
        Gives less probable laws, which stand for those that were not found.
    """
    if report.law is None or report.data is None:
        raise InputError("The report has no law and runs to plan from.")
    if n < 1:
        raise InputError(f"{n} is not a number of runs; give 1 or more.")
    first = report.probability if report.probability is not None else 1.0
    more: Sequence[Rival] = ()
    if not (report.confirmed or against or others is None):
        more = others()
    rivals = report.rivals or more[:_STAND_INS]
    laws = [(report.law, max(first, 1e-6)), *((r.law, r.probability) for r in rivals)]
    names = ["the law found", *(f"rival {k}" for k in range(1, len(laws)))]
    if against is not None:
        _check_against(against, report.law, report.data)
        laws = [(against, 0.5), *((law, p / 2.0) for law, p in laws)]
        names = ["the law of --against", *names]
    pool = [*laws, *((r.law, r.probability) for r in more if r not in rivals)]
    places = _places_for(pool, report.data, ranges or {})
    for compared in (pool, laws):
        each, rows = predictions(compared, places)
        if len(rows):
            break
    else:
        raise InputError("The rivals have no value in these ranges; give other ranges.")
    flat = np.array([r.probability for r in each]) ** _FLATTER
    flat /= flat.sum()
    weighted = [replace(r, probability=float(w)) for r, w in zip(each, flat, strict=True)]
    shown, chosen = each[: len(laws)], choose(weighted, n)
    at = rows[[c.place for c in chosen]]
    points = {name: column[at] for name, column in places.columns.items()}
    by_law = [_shown(law, p, points, report.level) for law, p in laws]
    by_run = zip(at.tolist(), zip(*by_law, strict=True), chosen, strict=True)
    runs = [ProposedRun(places.row(k), each_law, c.information) for k, each_law, c in by_run]
    if not report.rivals and against is None:
        runs = [*_varying_held(report.law, report.data, runs[0]), *runs][:n]
    target = report.law.target
    return NextRuns(
        tuple(runs),
        tuple(laws),
        target.name,
        target.unit.text,
        report.level,
        tuple(names),
        (report.none_of_these if report.probability is not None else 0.0) * (0.5 if against else 1),
        tuple(flat.tolist()),
        (*_left_out(places, rows, ranges or {}), *_alike(runs, shown)),
    )


def _varying_held(law: Law, data: Dataset, run: ProposedRun) -> Iterator[ProposedRun]:
    """A run with each input in turn that every label held, at the farthest value of another label.

    How the target depends on such an input is what the runs of one law leave open.
    """
    for name, held in law.domain.held_by_label.items():
        label = "" if law.label_effects is None else run.inputs.get(law.label_effects.column)
        if name in run.inputs or label not in held:
            continue
        unit, others = data.variable(name).unit, np.array([*held.values()])
        farthest = float(others[np.argmax(np.abs(others - held[str(label)]))])
        inputs = {**run.inputs, name: (float(unit.from_si(farthest)), unit.text)}
        yield replace(run, inputs=inputs, information=0.0, varies=name)


def _left_out(places: Places, rows: IntArray, ranges: Iterable[str]) -> Iterator[str]:
    """Warnings on ends of ranges in which a law has no value."""
    for name in ranges:
        whole, unit = places.columns[name], places.variables[name].unit
        kept = whole[rows]
        below, above = whole < kept.min(), whole > kept.max()
        low, high = (f"{unit.from_si(float(x)):.3g}" for x in (kept.min(), kept.max()))
        for side, where in ((below, f"below {low}"), (above, f"above {high}")):
            if np.mean(side) > _FEW:
                yield (
                    f"A law has no value where {name} is {where} {unit.text}, so that no run is "
                    f"proposed there; give a range within {low}..{high} {unit.text}."
                )


def _alike(runs: Sequence[ProposedRun], rivals: Sequence[object]) -> list[str]:
    """A warning where the runs distinguish none of several laws."""
    if len(rivals) == 1 or max(run.information for run in runs) > _NO_BITS:
        return []
    alike = "The laws predict the same in these ranges, and may be one law"
    return [f"{alike}: no run there distinguishes them; wider ranges may show a difference."]


def _check_against(law: Law, mine: Law, data: Dataset) -> None:
    if law.target.dimension != mine.target.dimension:
        raise InputError(
            f"The law of --against gives '{law.target.name}' in {law.target_unit}, not "
            f"'{mine.target.name}' in {mine.target_unit}."
        )
    missing = [v.name for v in law.symbols.values() if v.name not in data.names]
    if missing:
        raise InputError(
            f"The law of --against needs the column '{missing[0]}', which the table lacks."
        )


def _shown(
    law: Law, probability: float, columns: Mapping[str, Any], level: float
) -> list[RivalPrediction]:
    """Predictions of a law for runs whose columns are in SI, in the unit of the target."""
    ends = predicted(law, columns, level, "run")
    if not law.target.is_level:
        ends = map(law.target.unit.from_si, ends)
    return [RivalPrediction(probability, *map(float, run)) for run in zip(*ends, strict=True)]


def differs_most(law: Law, other: Law, data: Dataset) -> dict[str, tuple[float, str]]:
    """Point where two laws differ most, relative to the error of a run, in the columns."""
    laws = [(law, 0.5), (other, 0.5)]
    places = _places_for(laws, data, {})
    (one, two), rows = predictions(laws, places)
    if not len(rows):
        return {}
    variance = sum(
        np.einsum("ij,jk,ik->i", p.slopes, p.covariance, p.slopes) + p.noise**2 for p in (one, two)
    )
    place = int(rows[np.argmax(np.round((one.mean - two.mean) ** 2 / variance, 9))])
    row = places.row(place)
    return {k: v for k, v in row.items() if not isinstance(v, str)}
