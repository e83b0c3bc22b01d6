"""Posterior: the probability of each law, and of none of the candidates.

The weight of a form k is w_k ~ exp((l_k - B_k log 2)/T). Here l_k is the log density of runs left
out (:mod:`dimgs.judgement.evidence`), B_k the price of the structure in bits
(:mod:`dimgs.expression.price`), and T a temperature, because the forms of a search were chosen on
the same runs. The residual structure of each form reduces its weight by a factor, its support. The
probability that no form is true is a logistic function of the mean support, the weight of the
rivals, the price, the least gain in density for each bit over the shorter laws, and how much the
runs say in all. T and the coefficients were fitted by log score on the laws of the development
half, with whole laws left out (``python -m case_studies.benchmarks.belief --fit``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from scipy import special

from dimgs.common.arrays import Array, BoolArray
from dimgs.expression.candidate import complexity_of
from dimgs.fits.design import Design
from dimgs.fits.noise import NOISE, Errors, NoiseKind
from dimgs.judgement.candidates import JudgedForm, JudgedModel, is_monomial, refutes
from dimgs.judgement.evidence import (
    FormulaModel,
    PowerModel,
    evidence,
    fit_model,
    n_settings,
    outer_blocks,
)
from dimgs.judgement.residual_structure import chance_of_structure
from dimgs.law.assemble import feature_values, in_variables
from dimgs.law.prediction import evaluate

# relative rms between forms of one law: rounding, and the end of a refit; or a tenth of a run's
# error, and never more than the benchmarks of known laws allow
_SAME, _OF_ERROR, _MOST = 1e-7, 0.1, 1e-3
# the groups beyond the runs, in their spreads about the middle, where forms are compared
_BEYOND, _POINTS = 1.5, 60
# natural logarithm of odds against a form, beyond which it is not asked which law it is
_IMPROBABLE = 25.0


@np.errstate(all="ignore")
def same_laws(design: Design, forms: Sequence[JudgedForm]) -> list[int]:
    """Equivalence classes of forms: for each form, the index of the first equivalent one.

    Parameters
    ----------
    design : Design
    forms : sequence of JudgedForm

    Returns
    -------
    list of int
    """
    first = list(range(len(forms)))
    points = _beyond(design)
    inputs = feature_values(points)
    there = [c.model.elsewhere(points.X, inputs, c.evidence.whole.constants) for c in forms]
    best, joined = max((c.score for c in forms), default=0.0), set[int]()
    probable = [k for k, c in enumerate(forms) if c.score > best - _IMPROBABLE]
    for j in probable:
        for i in probable:
            general, special = forms[j], forms[i]
            if i == j or first[i] == first[j]:
                continue
            more = len(general.constants) - len(special.constants)
            if more < 0 or (more == 0 and i > j):
                continue
            # simple exponents are a case of fitted ones, of no law with further constants
            if special.rigid > general.rigid and more > general.exponents:
                continue
            # however much less probable they are; but then they do not make two laws one
            only_exponents = special.rigid and 0 < more == general.exponents
            is_refuted = refutes(general.evidence, special.evidence)
            if is_refuted and (i in joined or not only_exponents):
                continue
            if _holds_in(special, there[j], there[i]):
                if is_refuted:
                    joined.add(i)
                old, new = max(first[i], first[j]), min(first[i], first[j])
                first = [new if k == old else k for k in first]
    for k in [k for k, c in enumerate(forms) if c.given]:
        # a form that was asked for is meant with its exponents
        alike = [i for i, law in enumerate(first) if law == first[k]]
        for freer in (True, False):
            some = [i for i in alike if (forms[i].exponents > forms[k].exponents) == freer]
            for i in some:
                first[i] = some[0]
    return first


def _holds_in(special: JudgedForm, model: JudgedModel, other: JudgedModel) -> bool:
    """Whether the special form, the other model, is the general one with other constants."""
    target = other.value(other.start)
    usable = np.isfinite(target)
    size = np.abs(np.where(usable, target, 0.0))
    if 2 * usable.sum() <= len(usable) or not np.any(size):
        return False
    # below a threshold both are zero, for the typical response
    unit = np.where(size > 0, size, np.median(size[size > 0]))
    aim = Errors("group", np.where(usable, target, 1.0), np.ones(len(target)), unit)
    again = fit_model(model, aim, usable, model.start)
    same = max(_SAME, min(_OF_ERROR * special.evidence.whole.sd, _MOST))
    return again.usable and bool(np.sqrt(np.mean(again.residuals[usable] ** 2)) < same)


def _is_same_power_law(fit: JudgedForm, other: JudgedForm) -> bool:
    """Whether another form of a law is its power law, with as many fitted exponents.

    A form with a number for the prefactor is none, since its prefactor is not fitted.
    """
    if fit.exponents != other.exponents or len(fit.constants) != len(other.constants):
        return False
    if fit.rigid:
        ratio = sympy.powdenest(fit.expression / other.expression, force=True)
        return {str(s) for s in ratio.free_symbols} <= {*fit.constants, *other.constants}
    numbers = {sympy.Symbol(name): sympy.Rational(3, 7) for name in other.constants}
    return is_monomial(other.expression.xreplace(numbers))


def _beyond(design: Design) -> Design:
    """Some of the runs, moved away from their middle."""
    rows = np.linspace(0, design.n_runs - 1, min(design.n_runs, _POINTS)).astype(int)
    part = design.take(rows)
    middle = design.X.mean(axis=0)
    return replace(part, X=middle + _BEYOND * (part.X - middle))


# fitted as the module says: the temperature, and the logit of none of these
TEMPERATURE = 1.5
# the constant, then for each decade by which other laws are improbable, each 50 bits that the runs
# do not ask for, the logarithm of the gain for each bit, and that of what the runs say in all: the
# last is of 7 to 20 runs, with the others, which are of 20 and 60, as they are
NONE = (0.36, -0.56, 2.3, -0.46, -0.88)
# bits that many runs say, as 40 with errors of 5 %: of 160 to 300 this had the least log loss
_ENOUGH_BITS = 160.0
# odds at which simple exponents are stated, or fitted ones without them, as a law is believed at
_STATED = 9.0
# unit of bits, which makes the constants of one size
_BITS = 50.0
# runs that a law follows by chance to within its error: of 2 to 7 these had the least log score on
# laws left out; what follows more exactly than with so few bits is as good as exact
_BY_CHANCE, _LEAST_BITS = 5.0, -30.0
# degrees of freedom of a law with as many constants as settings, which is likely, but not tested
_LEAST_DOF = 0.5
# bits of the entropy of a normal error of one unit
_ENTROPY = 2.05
# a chance below says no more, nor does a smaller probability of other laws
_LEAST_CHANCE, _LEAST_DOUBT = 1e-12, 1e-6
# gains in nats for each bit beyond which more says nothing (a bit pays for itself with 0.7), and
# bits that are added to each difference, so that a law shorter by little does not decide: of upper
# ends of 5, 10, 20 and 40, and of 1 to 8 bits, these had the least log loss on laws left out
_GAINS, _HARDLY_SHORTER = (0.1, 10.0), 5.0
# doubt that a search without limits hardly exceeds where laws are confirmed (0.001 in one of twenty
# development laws): a short one must not gain by what it did not find
_UNSEARCHED = 0.003
# share of the probability of the laws that the rivals and the first law hold together
RIVALS = 0.9
# a list that a person reads
_MOST_RIVALS = 9
# nats by which runs left out distinguish a law from the best: of 0.5, 1, 1.5, 2, 3 and 4 these had
# the least log loss on the development laws; of a hundred needless terms the best gains three
_INDISTINGUISHABLE = 3.0
# weight of all extensions, of the best of them: the log score of the development laws hardly
# differs from 0.25 to 1 and is less below, and the smaller it is, the more laws are confirmed;
# without it a short search, which lists few, would confirm what a long one does not
EXTENSIONS = 0.5


@dataclass(frozen=True, eq=False)
class ProbableLaw:
    """A law with its probability.

    Attributes
    ----------
    form : JudgedForm
        Its best form.
    probability : float
        Of all its forms.
    forms : tuple of JudgedForm
        These, the best first.
    """

    form: JudgedForm
    probability: float
    forms: tuple[JudgedForm, ...] = ()

    def share(self, exponents: int) -> float:
        """Share of its probability that forms with at most so many fitted exponents have."""
        weight = special.softmax([one.score / TEMPERATURE for one in self.forms])
        return float(weight[[one.exponents <= exponents for one in self.forms]].sum())


@dataclass(frozen=True, eq=False)
class Posterior:
    """A posterior over laws.

    Attributes
    ----------
    laws : tuple of ProbableLaw
        The most probable first.
    none : float
        Probability of none of these.
    forms : tuple of JudgedForm
        All that were judged, the best first.
    numbers : tuple of int
        Which law each form is.
    chosen : int or None
        Which law the facts are of; None where it is none of these.
    better : str
        The most probable law in words, where another is chosen.
    brief : bool
        Whether other laws were looked for in a short search only.
    none_at_most : float
        Probability of none of these if a longer search found rivals as probable as is usual.
    stated : float
        Share of the probability of the chosen law that its exponents as stated have.
    settings : int
        Of the groups, if the runs repeat most of them; else 0.
    """

    laws: tuple[ProbableLaw, ...]
    none: float
    forms: tuple[JudgedForm, ...] = ()
    numbers: tuple[int, ...] = ()
    chosen: int | None = 0
    better: str = ""
    brief: bool = False
    none_at_most: float = 1.0
    stated: float = 1.0
    settings: int = 0

    @property
    def errors(self) -> NoiseKind:
        """The kind of errors that the laws were judged by."""
        return NOISE[self.laws[0].form.evidence.errors.kind]

    @property
    def facts(self) -> dict[str, Any]:
        """Fields of the chosen law for :class:`dimgs.judgement.confirmation.LawFacts`."""
        if not self.laws or self.chosen is None:
            return {"probability": None}
        chosen = self.laws[self.chosen]
        stated = self.stated * chosen.probability
        return {
            "probability": stated,
            "with_fitted": chosen.probability,
            "rivals": len(self.rivals),
            "none": self.none,
            "extrapolates": chosen.form.evidence.extrapolates,
            "missed": chosen.form.evidence.worst,
            "better": self.better,
            "brief": self.brief,
            "settings": self.settings,
            "least": stated * (1 - self.none_at_most) / max(1 - self.none, 1e-300),
        }

    @property
    def _credible(self) -> int:
        """Smallest number of laws with nine tenths of the probability of all laws."""
        held = np.cumsum([x.probability for x in self.laws])
        enough = np.flatnonzero(held >= RIVALS * held[-1:])
        return min(int(enough[0]), _MOST_RIVALS) + 1 if len(enough) else 0

    @property
    def rivals(self) -> tuple[ProbableLaw, ...]:
        """The others of the fewest laws that hold nine tenths of the laws' probability."""
        return tuple(x for k, x in enumerate(self.laws[: self._credible]) if k != self.chosen)

    @property
    def further(self) -> tuple[ProbableLaw, ...]:
        """The most probable laws beside these."""
        rest = range(self._credible, min(1 + _MOST_RIVALS, len(self.laws)))
        return tuple(self.laws[k] for k in rest if k != self.chosen)


def weights(
    density: Array,
    bits: Array,
    laws: Sequence[int],
    temperature: float = TEMPERATURE,
) -> tuple[Array, float]:
    """Probability of each form if one of them is true: pseudo Bayesian model averaging.

    A search lists as many :func:`extensions` of a law as its effort allows. All of them together
    weigh half as much as the best of them, so that the probability of a law does not depend on the
    effort.

    Parameters
    ----------
    density : ndarray of shape (n_forms,)
        Log density of the runs left out.
    bits : ndarray of shape (n_forms,)
        Price of the structure.
    laws : sequence of int
        Which law each form is.
    temperature : float
        By which the differences are divided, as all forms were chosen on the same runs.

    Returns
    -------
    ndarray of shape (n_forms,)
    float
        Probability of all distinguishable rivals of the best form's law: extensions do not show
        whether it is an approximation.

    References
    ----------
    Y. Yao, A. Vehtari, D. Simpson, A. Gelman, Bayesian Anal. 13 (2018) 917-1007, section 2.4.

    Examples
    --------
    >>> density, bits, laws = np.zeros(4), np.array([10.0, 20.0, 20.0, 20.0]), [0, 1, 2, 3]
    >>> (one, *rest), rivals = weights(density, bits, laws)
    >>> bool(np.isclose(sum(rest) / one, EXTENSIONS * 2 ** (-10 / TEMPERATURE))), rivals
    (True, 0.0)
    """
    scores = (density - np.log(2) * bits) / temperature
    out = np.asarray(np.exp(scores - scores.max()))
    number, longer = np.asarray(laws), extensions(density, bits, laws)
    of_law = [float(out[longer & (number == k)].sum()) for k in np.unique(number[longer])]
    if of_law:
        out[longer] *= EXTENSIONS * max(of_law) / max(sum(of_law), 1e-300)
    of_best = out[number == number[np.argmax(scores)]].sum()
    return np.asarray(out / out.sum()), 1.0 - float(of_best / out[~longer].sum())


def extensions(density: Array, bits: Array, laws: Sequence[int]) -> BoolArray:
    """Forms of longer laws than the best that the runs cannot distinguish from it.

    From any of its forms that are as good as the best one, such as that of simple exponents.

    Parameters
    ----------
    density, bits : ndarray of shape (n_forms,)
    laws : sequence of int
        As of :func:`weights`.
    """
    scores, number = density - np.log(2) * bits, np.asarray(laws)
    best = number == number[np.argmax(scores)]
    some = np.flatnonzero(best & (scores > scores.max() - _INDISTINGUISHABLE))
    alike = np.abs(density - density[some, None]) < _INDISTINGUISHABLE
    return np.asarray(~best & np.any(alike & (bits > bits[some, None]), axis=0))


def representative(
    scores: Array, exponents: Sequence[int], lengths: Sequence[int] | None = None
) -> int:
    """Representative form of a law: the shortest of equally good ones, or one of fitted exponents.

    The runs cannot distinguish the forms of a law. Where those with simple exponents have less than
    nine times the probability of one with fitted exponents, that with the most fitted ones stands.
    Of forms with at least half of the probability of the best, the shortest formula of the inputs
    stands.

    Parameters
    ----------
    scores : ndarray of shape (n_forms,)
        Log density of the runs left out, less the price of the structure.
    exponents : sequence of int
        How many are fitted in each form.
    lengths : sequence of int, optional
        Nodes of each form as a formula of the inputs.

    Examples
    --------
    >>> representative(np.array([3.0, 2.9, 0.0]), [0, 0, 0], [12, 7, 5])
    1
    >>> representative(np.array([3.0, 2.9, 1.0]), [0, 0, 1])
    2
    """
    best = float(np.max(scores))

    def within(odds: float) -> list[int]:
        return [int(k) for k in np.flatnonzero(scores > best - TEMPERATURE * np.log(odds))]

    several = [k for k in within(_STATED) if exponents[k]]
    if several:
        return max(several, key=lambda k: (exponents[k], float(scores[k])))
    length = [0] * len(scores) if lengths is None else lengths
    return max(within(2.0), key=lambda k: (-length[k], float(scores[k])))


def support(chance: Array) -> Array:
    """Largest odds for a law against a better one that the structure in its residuals allows.

    Parameters
    ----------
    chance : ndarray of shape (n_forms,)
        P-values by :func:`chance_of_structure`.

    Returns
    -------
    ndarray of shape (n_forms,)
        -e p ln p, 1 from p = 1/e.

    References
    ----------
    T. Sellke, M. J. Bayarri, J. O. Berger, Am. Stat. 55 (2001) 62-71.

    Examples
    --------
    >>> support(np.array([1.0, 0.05, 0.001])).round(3).tolist()
    [1.0, 0.407, 0.019]
    """
    p = np.clip(chance, _LEAST_CHANCE, np.exp(-1.0))
    return np.asarray(-np.exp(1.0) * p * np.log(p))


def gain_per_bit(density: Array, bits: Array, laws: Sequence[int]) -> float:
    """Least gain in log density for each bit of the best form over those of shorter laws.

    An approximation that a search has built up term by term gains little by its last one, while the
    true law gains much over all shorter ones.

    Parameters
    ----------
    density, bits : ndarray of shape (n_forms,)
    laws : sequence of int
        As of :func:`weights`.

    Returns
    -------
    float
        In nats, from 0.1 to 10; the latter also where no shorter law is near.

    References
    ----------
    M. Cranmer, arXiv:2305.01582 (2023): the score that PySR chooses a law of its front by, there of
    the logarithm of the loss and of the complexity.

    Examples
    --------
    >>> gain_per_bit(np.array([50.0, 5.0]), np.array([30.0, 20.0]), [0, 1])
    3.0
    """
    best, number = int(np.argmax(density - np.log(2) * bits)), np.asarray(laws)
    shorter = (number != number[best]) & (bits < bits[best])
    gains = (density[best] - density[shorter]) / (bits[best] - bits[shorter] + _HARDLY_SHORTER)
    return float(np.clip(gains.min(initial=np.inf), *_GAINS))


def traits(others: float, bits: float, density: float, gain: float, dof: float) -> Array:
    """Terms of the logit of none of these, shape (5,).

    Parameters
    ----------
    others : float
        Probability of the rivals, by :func:`weights`: where many laws follow the runs nearly as
        well, the law is an approximation like them as a rule, while the true one stands alone.
    bits : float
        Price of its form: of many long laws one follows the runs by chance.
    density : float
        By :func:`density_of_a_run`: the smaller the errors, the fewer laws follow the runs by
        chance.
    gain : float
        By :func:`gain_per_bit`.
    dof : float
        Settings of the groups, less the constants that were fitted to their runs: few runs with
        large errors follow many laws, of which a search lists some only, and a law of as many
        constants follows any settings.
    """
    alone = -np.log10(max(others, _LEAST_DOUBT))
    precision = density / np.log(2) + _ENTROPY
    beyond = max(bits - _BY_CHANCE * precision, _LEAST_BITS) / _BITS
    few = np.log(min(dof * max(precision, 1.0) / _ENOUGH_BITS, 1.0))
    return np.array([1.0, alone, beyond, np.log(gain), few])


def density_of_a_run(usual: float, spread: float) -> float:
    """Log density of a usual run left out, over a target that varies by its own size.

    Errors are small or large beside how the target varies: over narrow ranges of the inputs many
    laws follow the runs. Where each input varied by a factor of 1.3 or 2, 12 of 45 confirmed laws
    were wrong by the errors alone, and 6 of 29 by this.

    Parameters
    ----------
    usual : float
        Its log density as it is.
    spread : float
        Standard deviation of the logarithm of the target; from 1 on, it counts as 1.

    Examples
    --------
    >>> density_of_a_run(3.0, 2.0), density_of_a_run(3.0, 0.0) < density_of_a_run(3.0, 0.5) < 3.0
    (3.0, True)
    """
    # nothing is said where the errors are as large
    least = min(usual, -_ENTROPY * float(np.log(2)))
    return least if spread <= 0 else max(usual + float(np.log(min(spread, 1.0))), least)


def none_of_these(
    parts: Array, supported: float = 1.0, constants: Sequence[float] | Array = NONE
) -> float:
    """Probability of none of these.

    Parameters
    ----------
    parts : ndarray of shape (5,)
        The :func:`traits` of the best form.
    supported : float
        Mean :func:`support` of the forms, by their weights.
    constants : sequence of float
        One for each trait.
    """
    return float(special.expit(parts @ np.asarray(constants) - np.log(supported)))


@np.errstate(all="ignore")
def local_powers(design: Design, form: JudgedForm) -> tuple[str, ...]:
    """Groups with a fitted exponent of which an exponential is as good.

    Over a narrow range any smooth law is nearly a power of a fitted exponent, a local slope.

    Parameters
    ----------
    design : Design
    form : JudgedForm
    """
    if form.rigid or len(form.evidence.whole.residuals) != design.n_runs:
        # many runs are judged by some of them, and tell such forms apart
        return ()
    errors, blocks = form.evidence.errors, outer_blocks(design)
    power = evidence(form.model, errors, blocks, design)
    if power is None:
        return ()
    others = _exponentials(design, form, power.whole.constants)
    densities = ((name, evidence(model, errors, blocks, design)) for name, model in others)
    least = power.log_density - _INDISTINGUISHABLE
    return tuple(name for name, x in densities if x is not None and x.log_density > least)


def _exponentials(
    design: Design, form: JudgedForm, constants: Array
) -> Iterator[tuple[str, JudgedModel]]:
    """The form with an exponential in place of each power, by what is raised to it."""
    model = form.model
    if isinstance(model, PowerModel):
        for place, j in enumerate(model.free, model.columns.shape[1] - len(model.free)):
            if not design.features[j].logged:
                continue
            size = np.exp(design.X[:, j] - design.X[:, j].mean())
            columns, start = model.columns.copy(), constants.copy()
            columns[:, place] = size / size.mean()
            start[0] += start[place] * (design.X[:, j].mean() - 1.0)
            yield design.features[j].name, replace(model, columns=columns, start=start)
        return
    names, values = {sympy.Symbol(k) for k in form.constants}, feature_values(design)
    at = dict(zip(model.names, constants.tolist(), strict=True))
    for each in sorted(form.expression.atoms(sympy.Pow), key=str):
        base, free = each.base, each.exp.free_symbols
        # a power of a number alone is a constant in any form
        if not free or not free <= names or base.has(*names) or not base.free_symbols:
            continue
        logs = np.log(evaluate(base, values, design.n_runs))
        middle = sympy.Float(float(np.exp(np.mean(logs))))
        near = middle**each.exp * sympy.exp(each.exp * (base / middle - 1))
        yield str(base), FormulaModel(design, form.expression.xreplace({each: near}), at)


@np.errstate(all="ignore")
def spread_of(design: Design) -> float:
    """Standard deviation of the logarithm of the target, where it is not zero.

    Parameters
    ----------
    design : Design
    """
    logs = (np.log(np.abs(design.y)) if design.scale == "linear" else design.y) + design.offset
    return float(np.std(logs[np.isfinite(logs)])) if np.isfinite(logs).any() else 0.0


@np.errstate(all="ignore")
def _length(design: Design, expression: sympy.Expr) -> int:
    """Nodes of the target as a formula of the inputs."""
    return complexity_of(in_variables(design, expression))


def posterior_of(
    design: Design, judged_forms: Sequence[JudgedForm], laws: Sequence[int]
) -> Posterior:
    """The posterior over the laws of a table.

    Parameters
    ----------
    design : Design
    judged_forms : sequence of JudgedForm
        The best first.
    laws : sequence of int
        Which of them are the same law, by :func:`dimgs.judgement.posterior.same_laws`.

    Returns
    -------
    Posterior
        Without laws where nothing was found.
    """
    if not judged_forms:
        return Posterior((), 1.0)
    best = judged_forms[0]
    density = np.array([c.evidence.log_density for c in judged_forms])
    bits = np.array([c.structure.bits for c in judged_forms])
    weight, others = weights(density, bits, laws)
    # a form that leaves structure is not the law, however dense its predictions are
    supported = weight * support(np.array([chance_of_structure(design, c) for c in judged_forms]))
    number, whole = np.asarray(laws), float(supported.sum())
    by_law = {law: float(supported[number == law].sum()) / whole for law in dict.fromkeys(laws)}
    each = best.evidence.usual
    repeats = design.n_runs - (settings := n_settings(design))
    dof = max(best.evidence.whole.dof - repeats, _LEAST_DOF)
    if design.censored and design.scale == "log":
        # of a run that was measured: a bound has a density that no error of measurement gives
        each = -np.log(design.censored) - _ENTROPY * np.log(2)
    each = density_of_a_run(each, spread_of(design))
    gain = gain_per_bit(density, bits, laws)
    none, none_at_most = (
        none_of_these(traits(other, best.structure.bits_of_form, each, gain, dof), whole)
        for other in (others, max(others, _UNSEARCHED))
    )
    listed = []
    for law, p in by_law.items():
        forms = [one for number, one in zip(laws, judged_forms, strict=True) if number == law]
        lengths = [0] if len(forms) == 1 else [_length(design, c.expression) for c in forms]
        scores, exponents = np.array([c.score for c in forms]), [c.exponents for c in forms]
        place = representative(scores, exponents, lengths)
        shown = forms[place]
        # a power law is that of its fit, in whatever constants a search has written it
        fits = (c for c in forms if isinstance(c.model, PowerModel))
        shown = next((c for c in fits if _is_same_power_law(c, shown)), shown)
        # a form that was asked for stands as it was written
        shown = next((c for c in forms if c.given), shown)
        listed.append(ProbableLaw(shown, p * (1.0 - none), tuple(forms)))
    listed.sort(key=lambda x: (-x.probability, str(x.form.expression)))
    few = settings if repeats >= settings else 0
    return Posterior(
        tuple(listed),
        none,
        tuple(judged_forms),
        tuple(laws),
        none_at_most=none_at_most,
        settings=few,
    )
