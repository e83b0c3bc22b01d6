"""Candidates of every engine: translated, refitted in double precision, made simple, priced."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from time import monotonic
from typing import Any, Literal

import numpy as np
import sympy

from dimgs.common import arrays
from dimgs.common.arrays import Array
from dimgs.common.errors import LawError
from dimgs.engines.protocol import Problem
from dimgs.expression.candidate import Candidate, complexity_of
from dimgs.expression.formula import Formula
from dimgs.expression.price import structure_of
from dimgs.fits.least_squares import minimise_squares
from dimgs.fits.noise import EXACT, data_bits
from dimgs.groups.rationals import nearest_rationals

# ---- The description length of a law: bits of the law, and of the runs given the law.
#
# A law is scored by the length of the shortest message that conveys it together with the runs:
#
#     bits = structure + constants + data,
#
# - data: the negative log2 of the profile likelihood of the runs, n log2(sigma), where sigma is
#   the rms of their residuals, by the likeliest kind of errors (`dimgs.fits.noise`);
# - constants: log2(n)/2 for each constant that was fitted, the precision that n runs give, and
#   some bits for its sign and size. Runs that were left out would charge for constants by
#   themselves: they judge the laws that a search found, without these bits, in
#   `dimgs.judgement.evidence`;
# - structure: bits for each operator, function, group and exponent, rare ones more, as the
#   judgement prices it (`dimgs.expression.price`).
#
# `select` orders candidates by these bits; `pareto_front` keeps those that no shorter one equals.
# Which of the candidates is the law is decided by runs left out, in `dimgs.discovery.judgement`;
# the embedded engine prices the same parts of its trees in the physical variables, in
# `dimgs.engines.structured.refine`.
#
# =================  =====  ======================================================================
# threshold          value  what it is for, and what it trades
# =================  =====  ======================================================================
# CONSTANT_BITS      4      sign and size of a fitted constant, besides the log2(n)/2 of its
#                           precision: dearer, and constants that are needed are left out of laws
#                           of few runs; cheaper, and any law is bent to the noise
# SAME_LOSS          1e-9   relative gain of loss below which a longer candidate is no better: above
#                           the rounding of a refit
# EXACT_LOSS         1e-26  loss that is rounding, so that no longer candidate can be better
# =================  =====  ======================================================================
#
# References:
# J. Rissanen, Automatica 14 (1978) 465-471 (description length); S.-M. Udrescu et al., NeurIPS 33
# (2020) (description length of symbolic laws).


# the table above says what each of these is for
CONSTANT_BITS = 4.0
SAME_LOSS, EXACT_LOSS = 1e-9, 1e-26


def constants_bits(n_constants: int, n_runs: int) -> float:
    """Bits for the fitted constants."""
    return n_constants * (0.5 * float(np.log2(n_runs)) + CONSTANT_BITS)


def candidate_bits(candidate: Candidate, problem: Problem) -> float:
    """Score of a candidate of any engine; its constants count as fitted.

    Returns
    -------
    float
        Infinite if the candidate is not finite in every run.
    """
    predicted = candidate.evaluate(problem.groups)
    if not np.all(np.isfinite(predicted)):
        return np.inf
    return (
        data_bits(predicted, problem.response, problem.scaled_weights, problem.unit)
        + structure_of(candidate.expression, set(candidate.constants)).bits
        + 0.5 * len(candidate.constants) * float(np.log2(problem.n_runs))
    )


def select(candidates: Iterable[Candidate], problem: Problem) -> tuple[Candidate, ...]:
    """Candidates in their order of choice: that of the fewest bits first, of equals the shortest.

    Parameters
    ----------
    candidates : iterable of Candidate
        With fitted constants, of whichever engines.
    problem : Problem
        Runs that they were fitted to.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x, problem = Symbol("pi_1"), Problem({"pi_1": np.arange(1.0, 9.0)}, np.arange(2.0, 18.0, 2))
    >>> [str(c) for c in select([Candidate.of(x + 1), Candidate.of(2 * x)], problem)]
    ['2*pi_1', 'pi_1 + 1']
    """
    ranked = [(candidate_bits(c, problem), c.complexity, str(c), c) for c in candidates]
    return tuple(c for *_, c in sorted(ranked, key=lambda r: r[:3]))


def pareto_front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Candidates that no shorter one equals, the shortest first.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = Symbol("pi_1")
    >>> losses = {x: 0.5, x + 1: 0.5, x**2 + 1: 0.1}
    >>> [str(c) for c in pareto_front(Candidate.of(e, loss=loss) for e, loss in losses.items())]
    ['pi_1', 'pi_1**2 + 1']
    """

    def key(c: Candidate) -> tuple[int, float, int, str]:
        return c.complexity, max(c.loss, EXACT_LOSS), len(c.constants), str(c)

    front: list[Candidate] = []
    for candidate in sorted(candidates, key=key):
        best = front[-1].loss if front else np.inf
        if candidate.loss < best * (1 - SAME_LOSS) and (not front or best > EXACT_LOSS):
            front.append(candidate)
    return front


# steps of a fit, as those that need more run to where a constant is infinite, and the relative
# gain that ends it: that of a step of 1e-14 of the noise, so it ends at the last digit
_STEPS, _ENOUGH = 60, 1e-28
# relative step of central differences: errors of rounding and of truncation are equal there
_STEP = float(np.cbrt(np.finfo(float).eps))
# relative distance from a simple number within which it is tried: the errors of constants in a
# few per cent of noise
_NEAR = 0.02
# the same in standard errors, at most half the distance of the halves, so that a constant of which
# the runs say little is tried at few numbers: bits decide among these
_ERRORS, _FARTHEST = 3.0, 0.25
# numbers that are simple: fractions of these denominators, with numerators up to a dozen
_DENOMINATORS = (1, 2, 3, 4)
_LARGEST_NUMERATOR = 12
# of the loss before: from a dozen runs on, one constant less does not make good one twice as large
_HOPELESS = 2.0


def loss_of(candidate: Candidate, problem: Problem) -> float:
    """Weighted mean square of the residuals on the candidate's scale.

    Parameters
    ----------
    candidate : Candidate
    problem : Problem

    Returns
    -------
    float
        Infinite if the candidate has no value (on a logarithmic scale: no positive one) in some
        run.

    Examples
    --------
    >>> from sympy import Symbol
    >>> problem = Problem({"pi_1": np.array([1.0, 2.0])}, np.array([2.0, 4.0]), scale="linear")
    >>> loss_of(Candidate.of(Symbol("pi_1"), scale="linear"), problem)
    2.5
    """
    residuals = _Residuals(candidate, problem).at(_start(candidate))
    return float(np.mean(residuals**2)) if np.all(np.isfinite(residuals)) else np.inf


def refit(candidate: Candidate, problem: Problem) -> Candidate:
    """The candidate with the constants of least squares, and its loss.

    The logarithm of pi_0, or pi_0 itself, is fitted: whichever is the scale of the candidate. The
    search starts from the present constants and never returns worse ones.

    Parameters
    ----------
    candidate : Candidate
    problem : Problem
        Runs; its scale is not used.

    Returns
    -------
    Candidate
        Its loss is that of :func:`loss_of`.

    Examples
    --------
    >>> from sympy import symbols
    >>> x = np.geomspace(1.0, 100.0, 9)
    >>> pi_1, a, b = symbols("pi_1 a b")
    >>> rough = Candidate.of(a * pi_1**b, {"a": 0.3, "b": -0.2})
    >>> fitted = refit(rough, Problem({"pi_1": x}, 0.316 / x**0.25))
    >>> {name: round(value, 12) for name, value in fitted.constants.items()}
    {'a': 0.316, 'b': -0.25}
    """
    residuals = _Residuals(candidate, problem)
    best = _start(candidate)
    before = residuals.at(best)
    if not np.all(np.isfinite(before)):
        return replace(candidate, loss=np.inf)
    loss = float(np.mean(before**2))
    if len(best) and loss > 0:
        parameters = minimise_squares(
            residuals.model, best, steps=_STEPS, enough=_ENOUGH
        ).parameters
        after = float(np.mean(residuals.at(parameters) ** 2))
        best, loss = (parameters, after) if after < loss else (best, loss)
    constants = dict(zip(candidate.constants, best.tolist(), strict=True))
    return replace(candidate, constants=constants, loss=loss)


def standard_errors(candidate: Candidate, problem: Problem) -> dict[str, float]:
    """Standard errors of the constants of a refitted candidate, by name.

    Parameters
    ----------
    candidate : Candidate
    problem : Problem

    Examples
    --------
    >>> from sympy import Symbol
    >>> x = np.linspace(1.0, 2.0, 11)
    >>> problem = Problem({"pi_1": x}, 3 * x + 0.1 * np.cos(60 * x), scale="linear")
    >>> line = Candidate.of(Symbol("a") * Symbol("pi_1"), {"a": 3.0}, scale="linear")
    >>> round(standard_errors(refit(line, problem), problem)["a"], 3)
    0.014
    """
    residuals, constants = _Residuals(candidate, problem), _start(candidate)
    errors = arrays.standard_errors(residuals.slopes(constants), residuals.at(constants))
    return dict(zip(candidate.constants, errors.tolist(), strict=True))


def _start(candidate: Candidate) -> Array:
    return np.array(list(candidate.constants.values()), dtype=np.float64)


class _Residuals:
    """Weighted residuals of a candidate in every run, as a function of its constants."""

    def __init__(self, candidate: Candidate, problem: Problem) -> None:
        self.observed = problem.response
        # whether they are those of the logarithm
        self.log = candidate.scale == "log"
        groups = {name: problem.groups[name] for name in candidate.groups}
        self.formula = Formula(
            candidate.expression, groups, tuple(candidate.constants), len(self.observed)
        )
        self.root, start = np.sqrt(problem.scaled_weights), np.abs(_start(candidate))
        self.typical = np.where(start > 0, start, 1.0)

    @np.errstate(all="ignore")
    def at(self, constants: Array) -> Array:
        """Residuals, of shape (n_runs,); NaN where there is no value."""
        predicted = self.formula.value(constants)
        if not self.log:
            return self.root * (self.observed - predicted)
        ratio = self.observed / predicted
        return np.asarray(self.root * np.log(np.where(ratio > 0, ratio, np.nan)))

    def model(self, constants: Array) -> tuple[Array, Array]:
        """Residuals and slopes in units of the largest response, where they are not logarithms."""
        unit = 1.0 if self.log else float(np.abs(self.observed).max()) or 1.0
        return self.at(constants) / unit, self.slopes(constants) / unit

    @np.errstate(all="ignore")
    def slopes(self, constants: Array) -> Array:
        """Weighted slopes of the prediction, of shape (n_runs, n_constants)."""
        try:
            slopes = self.formula.slopes(constants)
        except (NameError, TypeError, AttributeError):
            slopes = self._differences(constants)
        else:
            scale = self.root / self.formula.value(constants) if self.log else self.root
            slopes = scale[:, None] * slopes
            if not np.all(np.isfinite(slopes)):
                slopes = self._differences(constants)
        return np.where(np.isfinite(slopes), slopes, 0.0)

    def _differences(self, constants: Array) -> Array:
        columns = []
        for j, size in enumerate(np.maximum(np.abs(constants), self.typical)):
            step = np.zeros(len(constants))
            step[j] = _STEP * size
            columns.append((self.at(constants - step) - self.at(constants + step)) / (2 * step[j]))
        return np.column_stack(columns)


def with_simple_constants(candidate: Candidate, problem: Problem) -> Candidate:
    """The candidate of the fewest bits that simple numbers in place of constants give.

    Zero drops a term that does nothing, one a factor, and exponents become rational; the other
    constants are fitted again each time.

    Parameters
    ----------
    candidate : Candidate
        Refitted.
    problem : Problem

    Examples
    --------
    >>> import numpy as np
    >>> from sympy import symbols
    >>> x, a, b, c = symbols("pi_1 a b c")
    >>> found = Candidate.of(a * x**b + c, {"a": 0.3, "b": -0.25000001, "c": 1e-9})
    >>> runs = np.geomspace(1.0, 50.0, 12)
    >>> print(with_simple_constants(found, Problem({"pi_1": runs}, 0.3 / runs**0.25)))
    a/pi_1**(1/4)
    """
    bits = candidate_bits(candidate, problem)
    for name in list(candidate.constants):
        if name not in candidate.constants:
            continue
        error = standard_errors(candidate, problem)[name]
        for value in _simple_near(candidate.constants[name], error):
            trial = _fixed(candidate, name, value, problem)
            if trial is None or not trial.loss < max(_HOPELESS * candidate.loss, EXACT**2):
                continue
            trial_bits = candidate_bits(trial, problem)
            # a number that is met to all digits is no chance, whatever it costs
            if trial_bits < bits or trial.loss < EXACT**2:
                candidate, bits = trial, trial_bits
                break
    return candidate


def _simple_near(value: float, error: float) -> Iterator[Fraction]:
    """Rationals close to the value, those of small denominators first."""
    if not abs(value) < _LARGEST_NUMERATOR:
        return
    for near in nearest_rationals(value, _DENOMINATORS):
        slack = _NEAR * max(abs(float(near)), 1 / near.denominator)
        slack = max(slack, min(_ERRORS * error, _FARTHEST))
        if abs(near.numerator) <= _LARGEST_NUMERATOR and abs(value - float(near)) <= slack:
            yield near


def _fixed(candidate: Candidate, name: str, value: Fraction, problem: Problem) -> Candidate | None:
    """The candidate with that constant fixed, and the others fitted again."""
    number = sympy.Rational(value.numerator, value.denominator)
    try:
        expression = candidate.expression.subs(sympy.Symbol(name), number)
        names = {str(s) for s in expression.free_symbols}
        constants = {n: v for n, v in candidate.constants.items() if n in names}
        trial = Candidate.of(expression, constants, scale=candidate.scale, engine=candidate.engine)
    except (LawError, TypeError, ValueError):
        return None
    return refit(trial, problem)


# ---- SymPy expressions of other engines -> candidates: functions mapped, constants named.


# whole numbers beyond are fitted constants that happen to be whole, not parts of a form
_LARGEST_PLAIN_INTEGER = 64
# nodes beyond which rewriting takes seconds; engines give some 30
_LONGEST_TREE = 400
# laws of the front whose constants are made simple: each takes some ten refits
_SIMPLIFIED = 5
# functions that engines and SymPy call alike, and what others are, of one or two arguments
_SAME = frozenset(
    (
        *("log", "exp", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos"),
        *("atan", "acosh", "asinh", "atanh", "erf", "erfc", "floor"),
    )
)
_OTHER_NAMES = {
    "log2": "log(x)/log(2)",
    "log10": "log(x)/log(10)",
    "log1p": "log(1 + x)",
    "square": "x**2",
    "cube": "x**3",
    "cbrt": "sign(x)*Abs(x)**(S(1)/3)",
    "inv": "1/x",
    "neg": "-x",
    "abs": "Abs(x)",
    "ceil": "ceiling(x)",
    **dict.fromkeys(("logabs", "log_abs"), "log(Abs(x))"),
    **dict.fromkeys(("sqrtabs", "sqrt_abs"), "sqrt(Abs(x))"),
    "pow": "x**y",
    **dict.fromkeys(("powabs", "pow_abs"), "Abs(x)**y"),
    "aq": "x/sqrt(1 + y**2)",
    **dict.fromkeys(("fmin", "min"), "Min(x, y)"),
    **dict.fromkeys(("fmax", "max"), "Max(x, y)"),
}


def to_candidate(
    expression: sympy.Expr,
    *,
    scale: Literal["log", "linear"] = "log",
    engine: str = "",
    factor: float = 1.0,
    of_logarithm: bool = False,
    unlogged: Iterable[str] = (),
) -> Candidate | None:
    """Candidate of an engine's expression, None where it cannot be a law.

    Floats become the constants ``c_1``, ``c_2``, ... (equal ones the same), but for small whole
    numbers. Functions of which laws know another form (``log10``, protected ones such as
    ``safe_log``) are mapped to it. Groups are positive and what enters unlogged is real, so that
    roots, powers and logarithms of one another come apart.

    Parameters
    ----------
    expression : sympy.Expr
        In the symbols ``pi_1``, ``pi_2``, ...; need not be evaluated.
    scale : {"log", "linear"}
    engine : str
    factor : float
        By which the expression is multiplied.
    of_logarithm : bool
        Whether the expression is ln(pi_0), not pi_0.
    unlogged : iterable of str
        Inputs that may vanish or be negative.

    Examples
    --------
    >>> from sympy import Function, Rational, Symbol, exp, sqrt
    >>> x = Symbol("pi_1")
    >>> candidate = to_candidate(0.25 * Function("safe_log")(x) ** 2.0)
    >>> print(candidate, dict(candidate.constants))
    c_1*log(pi_1)**2 {'c_1': 0.25}
    >>> print(to_candidate(sqrt(exp(-2 * x)) * (2.5 ** (x**2)) ** Rational(1, 4)))
    c_1**(pi_1**2)*exp(-pi_1)
    """
    try:
        real, free = set(unlogged), expression.free_symbols
        signed = {s: sympy.Symbol(s.name, positive=True) for s in free if s.name not in real}
        signed |= {s: sympy.Symbol(s.name, real=True) for s in free if s.name in real}
        plain = _rebuilt(expression.xreplace(signed))
        if of_logarithm:
            plain = _exponential(plain)
        plain = _shortest(plain).xreplace({new: old for old, new in signed.items()})
        if factor != 1.0:
            plain = sympy.Float(factor) * plain
        named, constants = name_constants(plain)
        if sum(1 for _ in sympy.preorder_traversal(named)) > _LONGEST_TREE:
            return None
        return Candidate.of(named, constants, scale=scale, engine=engine)
    except (LawError, ValueError, TypeError, AttributeError, ZeroDivisionError, RecursionError):
        return None


def name_constants(expression: sympy.Expr) -> tuple[sympy.Expr, dict[str, float]]:
    """Expression with each of its floats as a named constant, and their values.

    Parameters
    ----------
    expression : sympy.Expr

    Examples
    --------
    >>> from sympy import Symbol
    >>> name_constants(2.5 * Symbol("pi_1") + 1)
    (c_1*pi_1 + 1, {'c_1': 2.5})
    """
    names: dict[float, sympy.Symbol] = {}
    for node in sympy.preorder_traversal(expression):
        if node.is_Float and float(node) not in names:
            names[float(node)] = sympy.Symbol(f"c_{1 + len(names)}")
    replaced = expression.xreplace(
        {n: names[float(n)] for n in expression.atoms(sympy.Float) if float(n) in names}
    )
    return replaced, {symbol.name: value for value, symbol in names.items()}


def front_of(
    candidates: Iterable[Candidate | None], problem: Problem, until: float = np.inf
) -> tuple[Candidate, ...]:
    """Pareto front of the refitted candidates, the one of the fewest bits first.

    Parameters
    ----------
    candidates : iterable of Candidate
        None for what cannot be a law.
    problem : Problem
    until : float
        Deadline by `time.monotonic`, after which the rest of the candidates is left out.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x, problem = Symbol("pi_1"), Problem({"pi_1": np.arange(1.0, 9.0)}, np.arange(2.0, 18.0, 2))
    >>> found = [to_candidate(x + 0.5), to_candidate(1.9 * x), to_candidate(1.9 * x * (x / x**0.9))]
    >>> [str(candidate) for candidate in front_of(found, problem)]
    ['2*pi_1']
    """
    refitted: list[Candidate] = []
    for candidate in filter(None, candidates):
        refitted.append(refit(candidate, problem))
        if monotonic() > until:
            break
    fitted = select(pareto_front(refitted), problem)
    simple = [
        with_simple_constants(candidate, problem)
        for candidate in fitted[:_SIMPLIFIED]
        if monotonic() < until
    ]
    return select(pareto_front([*fitted, *simple]), problem)


def _rebuilt(node: Any) -> Any:
    """The tree evaluated from the leaves up, with the functions of laws only."""
    from sympy.core.function import AppliedUndef

    if node.is_Float:
        value = float(node)
        whole = value.is_integer() and abs(value) <= _LARGEST_PLAIN_INTEGER
        return sympy.Integer(int(value)) if whole else sympy.Float(value)
    if not node.args:
        return node
    arguments = [_rebuilt(argument) for argument in node.args]
    if isinstance(node, AppliedUndef):
        return _library_function(str(node.func).removeprefix("safe_"), arguments)
    name = node.func.__name__
    if name in ("log2", "log10", "log1p"):
        return _library_function(name, arguments)
    return node.func(*arguments)


def _shortest(expression: Any) -> Any:
    """The shortest of what powers and logarithms collected or apart give; no search, so cheap."""
    if sum(1 for _ in sympy.preorder_traversal(expression)) > _LONGEST_TREE:
        return expression
    rewritten = (sympy.powsimp(expression), sympy.expand_log(expression))
    return min((expression, *rewritten), key=complexity_of)


def _library_function(name: str, arguments: list[Any]) -> Any:
    """A function that an engine calls by a name of its own."""
    if name in _SAME:
        return getattr(sympy, name)(arguments[0])
    if name not in _OTHER_NAMES:
        raise LawError(f"'{name}' is not a function that a law may use.")
    return sympy.sympify(_OTHER_NAMES[name], dict(zip("xy", arguments, strict=False)))


def _exponential(expression: Any) -> Any:
    """exp(expression) with its sum as a product; the shorter of two ways to write it."""
    expanded = sympy.expand(
        expression, multinomial=False, power_base=False, power_exp=False, log=False, basic=False
    )
    products = [sympy.Mul(*map(sympy.exp, sympy.Add.make_args(e))) for e in (expression, expanded)]
    return min(products, key=complexity_of)
