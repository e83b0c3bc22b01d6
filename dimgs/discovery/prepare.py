"""From a table and a question to clean runs, a basis and a design; nothing is dropped silently."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, IntArray, is_counter, least_squares
from dimgs.common.errors import DimgsError, FitError, InputError
from dimgs.common.formats import in_percent, log_size, rows_shown
from dimgs.dataset import Dataset
from dimgs.dataset.checks import (
    UsableRuns,
    constant_columns,
    date_names,
    date_warnings,
    relative_steps,
    table_warnings,
    unused_label_warnings,
    usable_runs,
)
from dimgs.discovery.estimators import fit_ranks, slopes_in
from dimgs.discovery.given_form import inputs_of_form
from dimgs.discovery.missing_input import check_advice, explain_missing
from dimgs.discovery.options import Options
from dimgs.discovery.scoring import target_values
from dimgs.engines.structured.refine import simple_number_near
from dimgs.fits.censoring import fit_censored
from dimgs.fits.design import Design, build_design, stated_errors
from dimgs.fits.homogeneity import invariance, monomial_leak
from dimgs.fits.noise import (
    MOST_SAMPLED,
    Noise,
    NoiseKind,
    noise_about,
    rms,
    sample_rows,
    share_of_inputs,
    with_intrinsic_scatter,
)
from dimgs.fits.sources import check_sources, fit_sources
from dimgs.groups.derive import UnreachableError, constant_variables, pi_basis
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.groups.scalings import invariant_basis
from dimgs.law.law import Law
from dimgs.variables import Variable

# an exponent, and a relative deviation, that are rounding of a column of some six digits
_NO_POWER = 1e-3
_EXACT = 1e-6
# a quantity that someone derived is a product of few columns; more of them fit by accident
_MOST_COLUMNS = 8
# below this many groups, a spread between groups is hardly known
_FEW_GROUPS = 5
# runs whose target is a value, for each term of the law about which bounds are likely: fewer give
# the terms hardly any digit
_RUNS_PER_TERM = 5
# share of the variance of the runs below which errors of inputs, a tenth of their spread or less,
# flatten an exponent by less than a tenth of its standard error in a hundred runs
_NEGLIGIBLE = 0.01
# of a scaling that somebody asks for, if it holds: one in a thousand is refused by chance
_CONTRADICTED = 1e-3


@dataclass(frozen=True)
class Prepared:
    """Clean runs with their basis and design.

    Attributes
    ----------
    data : Dataset
        Usable runs.
    basis : PiBasis
    design : Design
    warnings : tuple of str
    order : ndarray of int of shape (n_runs,), optional
        Where each run stands among the usable runs of the table; None where they stand as there.
    unlogged : tuple of str
        Inputs that enter without a logarithm, whether they vary or not.
    """

    data: Dataset
    basis: PiBasis
    design: Design
    warnings: tuple[str, ...]
    order: IntArray | None = None
    unlogged: tuple[str, ...] = ()

    def noise(
        self, law: Law, kind: NoiseKind | None = None, left_out: Array | None = None
    ) -> Noise | None:
        """The error model that the runs support, about a law.

        Parameters
        ----------
        law : Law
        kind : str, optional
            Of the errors, where it is known and the law does not have it.
        left_out : ndarray of shape (n_runs,), optional
            The target in SI by the law without each run.
        """
        sd, target, name, data = self.design.censored, law.target, law.target.name, self.data
        if sd:
            # working values scatter less than runs do
            size = abs(float(target.of_logs(np.array(sd)))) if target.is_level else sd
            return Noise("constant" if target.is_level else "relative", size)
        errors = law.uncertainty.errors
        kind = "constant" if target.is_level else errors.kind if errors else kind
        fitted = sum(c.origin == "fitted" for c in law.constants)
        if law.label_effects is not None:
            fitted += len(law.label_effects.log_ratios) - 1
        values = np.asarray(law.predict_si(data), dtype=np.float64)
        noise = noise_about(data[name], values, fitted, data.errors.get(name), kind, left_out)
        if noise is None or noise.scatter is None or name not in data.rounded:
            return noise
        return replace(noise, scatter=replace(noise.scatter, ratio=np.nan))

    def ordered(self) -> "Prepared":
        """The runs sorted by their values, so that results do not depend on the order of rows.

        Sums differ in their last digit with the order of their terms, and so would ties of a
        search; which runs are left out together, or set aside, is drawn by their places.
        """
        data = self.data
        columns = [data[n] for n in sorted(data.names)]
        columns += [data.errors[n] for n in sorted(data.errors)]
        codes = [np.unique(c, return_inverse=True)[1] for c in columns]
        order = np.lexsort(codes[::-1]) if codes else np.arange(data.n_runs)
        before = order if self.order is None else self.order[order]
        return replace(self, data=data.take(order), design=self.design.take(order), order=before)

    def in_table(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """One value a run, in the order of the table."""
        if self.order is None:
            return tuple(values)
        return tuple(values[i] for i in np.argsort(self.order))

    def positions(self, runs: Sequence[int]) -> tuple[int, ...]:
        """Positions of runs in the table."""
        return tuple(runs) if self.order is None else tuple(self.order[list(runs)].tolist())


def prepare(data: Dataset, target: str, options: Options, *, any_sign: bool = False) -> Prepared:
    """Check the runs, derive the basis and build the design.

    Parameters
    ----------
    data : Dataset
    target : str
    options : Options
    any_sign : bool
        Whether inputs with a dimension may vanish or change sign, and the response, which is then
        fitted on a linear scale.

    Returns
    -------
    Prepared

    Raises
    ------
    InputError, DimensionError
        Naming what is wrong, where, and the remedy.
    """
    purpose = options.purpose(target, any_sign=any_sign, bounds_allowed=True)
    usable, derived = usable_runs(data, purpose), list[str]()
    while (computed := _derived_input(usable, options)) is not None:
        name, note = computed
        derived.append(note)
        data = data.without([name])
        usable = usable_runs(data, purpose)
    if usable.linear and options.within is not None:
        raise InputError(
            f"'{target}' is zero or negative in some runs, and has no logarithm on which "
            f"{setting('within')} takes prefactors from it: use {setting('by', options.within)}."
        )
    # least squares of the target itself; prefactors of labels are those of its logarithm
    of_target = any_sign and options.noise == "constant" and options.within is None

    def again(other: Options) -> Design:
        return build_design(
            usable.data,
            _basis(usable, other),
            unlogged=usable.unlogged,
            inverse=options.arrhenius or (),
            within=options.within,
            by=options.by,
            split_by=options.split_by,
            linear=usable.linear or of_target,
        )

    try:
        design = check_advice(again(options), again, options)
    except UnreachableError as error:
        raise explain_missing(error, again, options) from None
    notes = _symmetric_warnings(design, again, options) if options.symmetric else []
    if usable.sides is not None:
        bounds = usable.sides != 0
        usable, sd, censoring = _with_working_values(usable, design, options)
        design = replace(again(options), censored=sd, bounds=bounds)
        notes = [*notes, censoring]
    # of any smooth law, so that what a power law misses is not a scatter for the others
    smooth = _second_degree(design)
    design, uncertain = _with_input_errors(with_intrinsic_scatter(design, smooth)[0], options)
    if options.noise != "auto":
        design = replace(design, noise=_noise_asked(design, options))
    try:
        check_sources(design.sources)
    except FitError as error:
        raise InputError(str(error)) from None
    design = with_sources(design, smooth)
    notes = [*notes, *uncertain]
    of_table = table_warnings(usable, {d.name for d in design.basis.dropped})
    warnings = (*derived, *of_table, *_warnings(usable, design, options), *notes)
    once = tuple(dict.fromkeys(warnings))
    return Prepared(usable.data, design.basis, design, once, unlogged=usable.unlogged)


def _noise_asked(design: Design, options: Options) -> Literal["relative", "constant"]:
    """The error model that the options name; an error where the runs leave no choice."""
    vanishes = design.scale == "linear" and bool(np.any(design.y == 0))
    unusable = {
        "is a level": design.target.is_level,
        "is censored": design.censored > 0,
        "scatters between sources": bool(options.by),
        "has inputs with errors": design.input_errors is not None,
        "vanishes in some runs": vanishes and options.noise == "relative",
    }
    for why, holds in unusable.items():
        if holds:
            raise InputError(
                f"The target {why}, so that its errors cannot be chosen to be {options.noise}: "
                f"leave out {setting('noise')}."
            )
    return "relative" if options.noise == "relative" else "constant"


def _with_input_errors(design: Design, options: Options) -> tuple[Design, list[str]]:
    """The design without errors of the inputs that are negligible, and what is done with others."""
    errors = design.input_errors
    if errors is None:
        return design, []
    share = share_of_inputs(design)
    names = ", ".join(f"'{name}'" for name in errors.names)
    if share < _NEGLIGIBLE and not options.errors_in_variables:
        return replace(design, input_errors=None), []
    clash = _not_by_slopes(options)
    end = ", and enter by the slopes of each law."
    if clash is not None:
        weights = "they only enter the weights, so that exponents may be too flat"
        end = f". With {setting(clash)} {weights}."
    size = f"about {in_percent(share)} of the variance of the runs about a law"
    return design, [f"The errors of {names} are {size}{end}"]


def _not_by_slopes(options: Options) -> str | None:
    """An option with which errors of inputs only enter the weights, if there is one."""
    return next((n for n in ("within", "robust", "by") if getattr(options, n)), None)


def weighs_by_slopes(design: Design, options: Options) -> bool:
    """Whether errors of the inputs enter by the slopes of each law."""
    return design.input_errors is not None and _not_by_slopes(options) is None


def _second_degree(design: Design) -> Array:
    """Features and their squares, about the means."""
    away = design.X - design.X.mean(axis=0)
    return np.column_stack([away, away**2])


def _with_working_values(
    usable: UsableRuns, design: Design, options: Options
) -> tuple[UsableRuns, float, str]:
    """The runs with a working value and an error of the target in place of each bound.

    And the standard deviation of the errors, and a note.

    The likelihood is that of a power law, or of a law of second degree where the runs ask for one
    (by the Bayesian information criterion), with a prefactor for each label that has one.
    """
    data, sides, target = usable.data, usable.sides, design.target
    assert sides is not None
    if design.scale == "linear":
        raise InputError(
            f"'{target.name}' is censored and vanishes or changes sign, so that it has no "
            f"logarithm; give bounds above zero, or leave such rows out ({setting('drop_bad')})."
        )
    stated = stated_errors(data, target.name, design.scale)
    # by the stated errors, as relative sizes: their scale is estimated
    size = np.ones(design.n_runs) if stated is None else stated / rms(stated)
    labels = design.within if design.sources == () else design.sources[0][1]
    codes = np.zeros(design.n_runs) if labels is None else labels
    prefactors = codes[:, None] == np.unique(codes)[1:]
    columns = np.column_stack([prefactors, design.X])
    further = np.column_stack([prefactors, _second_degree(design)])
    usual = np.arange(design.n_runs)
    if options.robust:
        # gross errors would widen what normal errors let expect beyond a bound
        measured = np.flatnonzero(sides == 0)
        far = fit_ranks(design.take(measured), options.level).outliers
        usual = np.setdiff1d(usual, measured[list(far)])
    y, beyond, sizes = design.y[usual], sides[usual], size[usual]
    censored = fit_censored(columns[usual], y, beyond, sizes)
    if int((beyond == 0).sum()) > _RUNS_PER_TERM * further.shape[1]:
        curved = fit_censored(further[usual], y, beyond, sizes)
        terms = further.shape[1] - columns.shape[1]
        gain = curved.log_likelihood - censored.log_likelihood
        censored = curved if gain > 0.5 * terms * np.log(len(usual)) else censored
    expected, information = design.y.copy(), np.ones(design.n_runs)
    expected[usual], information[usual] = censored.response, censored.weights
    values = target_values(replace(design, y=expected))
    values = np.where(sides == 0, data[target.name], values)
    # on the scale of the response, then of the target
    errors = censored.sd * size / np.sqrt(information)
    errors = abs(target.of_logs(errors)) if target.is_level else errors * values
    below, above = int((sides < 0).sum()), int((sides > 0).sum())
    kinds = [f"{n} {side}" for n, side in ((below, "upper"), (above, "lower")) if n]
    scatter = log_size(censored.sd)
    if target.is_level:
        scatter = f"{abs(float(target.of_logs(np.array(censored.sd)))):.2g} {target.unit.text}"
    note = (
        f"'{target.name}' is censored in {below + above} of {design.n_runs} runs "
        f"({' and '.join(kinds)} bounds): these enter by their likelihood, with normal errors "
        f"{'' if target.is_level else 'of the logarithm '}of {scatter}. Errors on runs left "
        f"out and smooth curves take the value that a power law expects beyond each bound."
    )
    of_target, of_errors = ({target.name: column} for column in (values, errors))
    runs = replace(data, values={**data.values, **of_target}, errors={**data.errors, **of_errors})
    return replace(usable, data=runs), censored.sd, note


def with_sources(design: Design, columns: Array) -> Design:
    """The design with what differs between its sources, by REML of what is linear in columns.

    Parameters
    ----------
    design : Design
    columns : ndarray of shape (n_runs, n_columns)
        Its features first.
    """
    if not design.sources:
        return design
    p = len(design.features)
    most = (design.n_runs - sum(len(np.unique(labels)) for _, labels in design.sources)) // 2
    columns = columns if columns.shape[1] < most else columns[:, :p]
    rest = columns.shape[1] - p
    slopes = [replace(s, direction=np.pad(s.direction, (0, rest))) for s in slopes_in(design)]
    pooled = fit_sources(columns, design.y, design.weights, design.sources, slopes)
    if not pooled.effects:
        return design
    # the columns may be about other centres than the features, in which a law has its terms
    away = columns[:, :p].mean(axis=0) - design.X.mean(axis=0)
    effects = tuple(
        replace(e, terms=np.vstack([e.terms[:1] + away @ e.terms[1 : p + 1], e.terms[1 : p + 1]]))
        for e in pooled.effects
    )
    return replace(design, effects=effects, shift=pooled.shift)


def with_labels_apart(prepared: Prepared) -> Prepared:
    """The runs with what their labels of `within` add to a smooth law, which searches leave out.

    A law that is found is fitted with the prefactors of the labels as further constants; in a
    judgement, residuals are without what labels share
    (:class:`~dimgs.fits.design.EffectWhitening`).

    Parameters
    ----------
    prepared : Prepared
        Returned as it is without labels, or where its response has no logarithm.
    """
    design = prepared.design
    if design.within is None or design.scale != "log":
        return prepared
    labels = design.within[:, None] == np.unique(design.within)[None, :]
    curved = _second_degree(design)
    columns = curved if labels.shape[1] + curved.shape[1] < design.n_runs // 2 else design.X
    table = design.root[:, None] * np.hstack([labels, columns])
    shift = labels @ least_squares(table, design.root * design.y)[: labels.shape[1]]
    shift = shift - np.average(shift, weights=design.root**2)
    return replace(prepared, design=replace(design, shift=shift))


def table_basis(
    data: Dataset,
    target: str | None,
    options: Options,
    *,
    repeating: Sequence[str] | None = None,
    prefer_named: bool = False,
) -> PiBasis:
    """Groups of the columns of a table, with the advice only that its runs support.

    Parameters
    ----------
    data : Dataset
    target : str or None
    options : Options
        Constants, scales, and how the runs are grouped.
    repeating, prefer_named
        As in :func:`dimgs.pi_basis`.

    Returns
    -------
    PiBasis

    Raises
    ------
    InputError, DimensionError
    """
    advised = list[str]()
    if target is not None:
        try:
            dropped = prepare(data, target, options).basis.dropped
            advised = [d.name for d in dropped if d.remedy]
        except UnreachableError:
            # it says what was tried
            raise
        except DimgsError:
            # no law can be fitted to the runs, which have groups all the same
            pass
    never = set(constant_columns(data, options.within))
    basis = pi_basis(
        data,
        target,
        repeating=repeating,
        constants=options.constants,
        scales=options.scales,
        prefer_named=prefer_named,
        varying=[n for n in data.numeric_names if n not in never],
    )
    return basis if target is None else basis.advising(advised)


def _basis(usable: UsableRuns, options: Options) -> PiBasis:
    """Basis of the inputs that may enter groups."""
    data, target = usable.data, usable.purpose.target
    wanted = data.variable(target)
    constants = constant_variables(options.constants, data.names)
    is_number = wanted.is_level or wanted.dimension.is_dimensionless
    # no input and no target asks for an automatic scale here
    scales = () if options.scales == "auto" and is_number else options.scales
    if not (usable.grouped or constants or scales):
        # a response whose only inputs enter unlogged
        if not is_number:
            raise UnreachableError([], wanted)
        return PiBasis((), (), PiGroup.of("pi_0", {target: 1}), wanted)
    never = set(usable.never_varied)
    basis = pi_basis(
        [*(data.variable(n) for n in usable.grouped), wanted],
        target,
        constants=options.constants,
        scales=options.scales,
        varying=[n for n in usable.grouped if n not in never],
        signed=usable.signed,
    )
    if not options.symmetric:
        return basis
    return invariant_basis(basis, options.scalings)


def _symmetric_warnings(
    design: Design, again: Callable[[Options], Design], options: Options
) -> list[str]:
    """Warnings on the given symmetries; an error if the runs contradict them."""
    every = again(replace(options, symmetric=()))
    size = 1.0 if design.scale == "log" else float(design.y.std()) or 1.0
    none = np.empty((design.n_runs, 0))
    test = invariance(design.y / size, design.X, none, every.X, design.split)
    if test.p <= _CONTRADICTED:
        raise InputError(
            f"The runs contradict the scalings of {setting('symmetric')}: beside "
            f"{len(design.basis.groups)} groups that they leave unchanged, the target depends on "
            f"the {len(every.basis.groups)} groups of the units (p = {test.p:.2g}). Leave out a "
            f"scaling; 'dimgs symmetries' lists those that the runs show."
        )
    note = (
        f"The scalings leave {len(design.basis.groups)} of the {len(every.basis.groups)} groups "
        f"of the inputs."
    )
    if not test.is_shown:
        note += " The runs neither support nor contradict them: they are used as given."
    return [note]


def _warnings(usable: UsableRuns, design: Design, options: Options) -> list[str]:
    data = usable.data
    out = [f"'{d.name}' is not used: {d.why}." for d in design.basis.dropped]
    out += design.basis.suggestions
    dates = [n for n in date_names(data) if n not in options.labels]
    unused = [n for n in data.label_names if n not in options.labels]
    unused = [n for n in unused if 1 < len(set(data[n])) < data.n_runs]
    out += [*date_warnings(dates), *unused_label_warnings([n for n in unused if n not in dates])]
    if options.split_by is not None:
        groups = len(set(data[options.split_by]))
        if 1 < groups < _FEW_GROUPS:
            out.append(
                f"There are only {groups} groups of '{options.split_by}': intervals by groups are "
                f"rough, and very wide; {_FEW_GROUPS} or more groups would make them narrower."
            )
    unlogged = [f.variable for f in design.features if f.contrast == "difference" and f.variable]
    unlogged += [n for n in usable.signed if n not in usable.never_varied]
    if unlogged:
        out.append(
            f"{', '.join(unlogged)} enter{'s' if len(unlogged) == 1 else ''} "
            f"without a logarithm (a level, or values that vanish or change sign)."
        )
    if usable.linear and options.drop_bad:
        name = usable.purpose.target
        kept = data.rows[data[name] <= 0].tolist()
        out.append(
            f"{setting('drop_bad')} keeps {rows_shown(kept)}, where '{name}' is zero or negative: "
            f"'discover' fits such rows on a linear scale, and 'fit' drops them. Delete what is "
            f"wrong."
        )
    for name in design.basis.sizes:
        unit = design.basis.variable(name).si_unit
        out.append(f"{name} = 1 {unit} gives them a dimension, and no law depends on it.")
    zeros = [n for n in usable.signed if design.basis.sizes and data[n].min() == 0]
    out += [
        f"'{n}' is zero in {rows_shown(data.rows[data[n] == 0].tolist())}: without these, its unit "
        f"would restrict the law, and fewer groups remain. Delete those that say nothing of it."
        for n in zeros
    ]
    return [*out, *_counters(usable), *_leaks(usable)]


def _counters(usable: UsableRuns) -> list[str]:
    """Warnings on inputs without a unit that may only number the rows."""
    data, several = usable.data, len(usable.inputs) > len(usable.never_varied) + 1
    return [
        f"'{name}' is {int(data[name][0])} to {int(data[name][-1])} in the order of the rows: if "
        f"it only numbers them, leave it out ({setting('drop', name)})."
        for name in usable.inputs
        if several and data.variable(name).dimension.is_dimensionless and is_counter(data[name])
    ]


def _leaks(usable: UsableRuns) -> list[str]:
    """Warnings on monomials of inputs that the target follows to rounding."""
    data, target, never = usable.data, usable.purpose.target, constant_columns(usable.data)
    logged = (n for n in usable.inputs if not data.variable(n).is_level and np.all(data[n] > 0))
    varying = [n for n in logged if n not in never]
    is_level = data.variable(target).is_level
    if not varying or is_level or np.any(data[target] <= 0) or data.n_runs < 4:
        return []
    logs, log_target = data.logs(varying), np.log(data[target])
    leaks = monomial_leak(logs, log_target, varying)
    if not leaks:
        # a coefficient that was derived with many other columns, as Cd = F/(rho·U²·D²)
        used = _exact_columns(logs, log_target)
        names = [varying[j] for j in used]
        leaks = monomial_leak(logs[:, used], log_target, names, max_columns=len(used))
    return [
        f"'{target}' is exactly a constant times {PiGroup.of('leak', leak.exponents)} in every "
        f"run: if that was derived from the target, leave it out "
        f"({setting('drop', ','.join(leak.exponents))}); noise-free runs of a formula look the "
        f"same."
        for leak in leaks
    ]


# of an exponent in half units: what rounding leaves of a whole one, over a decade of three digits
_NEARLY = 0.05
# times the rounding of its columns, within which an input is computed from others; at most a
# hundredth, as settings such as 10, 20 and 50 are not rounded to tens
_ROUNDED, _COARSE = 2.0, 0.01


def _derived_input(usable: UsableRuns, options: Options) -> tuple[str, str] | None:
    """An input that is a simple number times a product of others, to its rounding, and a note.

    Such as a Reynolds number beside the velocity, the length and the viscosity: it brings nothing
    of its own, and exponents along it are those of rounding.
    """
    data, target, never = usable.data, usable.purpose.target, constant_columns(usable.data)
    positive = [n for n in usable.grouped if np.all(data[n] > 0)]
    held = [data.variable(n) for n in positive if n in never]
    varied = [n for n in positive if n not in never]
    if data.n_runs < len(varied) + 2:
        return None
    logs = data.logs(varied)
    some = logs if len(logs) <= MOST_SAMPLED else logs[sample_rows(logs)[0]]
    size = {n: sum(abs(p) for p in data.variable(n).dimension.as_dict().values()) for n in varied}
    # what is derived has no dimension as a rule, or that of a product; columns have no order
    asked = {*options.must_use, options.along}
    for name in sorted({*varied} - asked, key=lambda n: (size[n] > 0, -size[n], n)):
        place, others = varied.index(name), [n for n in varied if n != name]
        table = np.column_stack([np.ones(len(some)), np.delete(some, place, axis=1)])
        fitted = np.linalg.lstsq(table, some[:, place], rcond=_EXACT)[0][1:]
        halves = np.round(2 * fitted)
        if np.abs(2 * fitted - halves).max(initial=0.0) > _NEARLY or not halves.any():
            continue
        powers = {n: Fraction(int(h), 2) for n, h in zip(others, halves, strict=True) if h}
        product = product_of(data, name, powers, held)
        # two inputs that vary together are no sign of a computation
        if product is None or len(product[1]) == 1:
            continue
        if name not in inputs_of_form(options, data, target):
            text, columns = product
            return name, (
                f"'{name}' equals {text} in every run, to within its rounding, so that it adds "
                f"nothing and is left out. Leave out one of the others to keep it "
                f"({setting('drop', min(columns))})."
            )
    return None


def product_of(
    data: Dataset,
    name: str,
    powers: dict[str, Fraction],
    held: Sequence[Variable] = (),
    coarse: float = _COARSE,
) -> tuple[str, list[str]] | None:
    """A simple number times a product of others that a column equals to its rounding.

    Parameters
    ----------
    data : Dataset
    name : str
    powers : dict of str to Fraction
        Of the others.
    held : sequence of Variable
        Columns that never varied, which may complete the dimension.
    coarse : float
        Largest scatter that counts as rounding.

    Returns
    -------
    tuple of str and list of str, or None
        The product as text, and its columns; None where the column is more than that.
    """
    dimension = data.variable(name).dimension
    for other, power in powers.items():
        dimension = dimension / data.variable(other).dimension ** power
    of_held = DimensionalMatrix.of(held).solve(dimension)
    if of_held is None:
        return None
    whole = powers | {v.name: p for v, p in zip(held, of_held, strict=True) if p}
    if not whole:
        return None
    exponents = {name: 1.0, **{n: -float(p) for n, p in whole.items()}}
    left = data.logs(exponents) @ [*exponents.values()]
    steps = [e * relative_steps(data, n) for n, e in exponents.items()]
    # a coarse number, such as 0.0003, says less than the others
    weights = 12.0 / np.maximum(np.sum(np.square(steps), axis=0), _EXACT**2)
    rounding = float(1.0 / np.sqrt(weights.mean()))
    mean, several = np.average(left, weights=weights), np.sum(weights) ** 2 / np.sum(weights**2)
    scatter = max(float(np.sqrt(np.average((left - mean) ** 2, weights=weights))), _EXACT)
    number = simple_number_near(float(np.exp(mean)), 3 * scatter)
    is_coarse = scatter > max(min(_ROUNDED * rounding, coarse), _EXACT)
    if number is None or is_coarse or several <= len(exponents):
        return None
    factor = "" if number.value == 1 else f"{number.text} "
    return f"{factor}{PiGroup.of('product', whole)}", [*whole]


def _exact_columns(logs: Array, target: Array) -> list[int]:
    """Columns that the target follows to rounding, where they are few enough to name."""
    runs, columns = logs.shape
    table = np.column_stack([np.ones(runs), logs - logs.mean(axis=0)])
    powers, _, rank, _ = np.linalg.lstsq(table, target, rcond=1e-9)
    used = np.flatnonzero(np.abs(powers[1:]) > _NO_POWER).tolist()
    exact = rank == columns + 1 < runs - 1 and np.ptp(target - table @ powers) < _EXACT
    return used if exact and len(used) <= _MOST_COLUMNS else []
