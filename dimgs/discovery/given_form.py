"""A form that the user gives, such as ``a*x**b*(1 + c*y)``: read, fitted, handed to the judgement.

Names of columns are inputs; other names are constants, whose units follow from dimensional
consistency. A constant with a unit is a dimensionless number times a scale of that unit, so that
the form becomes one of the groups like any other candidate. One call of an unknown function, as in
``exp(-x)*f(y)``, is a free function: polynomials stand for it while the constants are fitted, then
the embedded engine looks for closed forms of what is left.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432 (constants that enter linearly are
eliminated; here only to choose where the fits start).
"""

import ast
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import sympy
from scipy.optimize import least_squares

from dimgs.common.advice import did_you_mean, setting
from dimgs.common.arrays import Array, lengths
from dimgs.common.errors import InputError, LawError
from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.engines.protocol import Clock, Problem, SearchBudget
from dimgs.engines.registry import embedded, entry_named
from dimgs.expression import safe_identifiers, sympy_parse
from dimgs.expression.formula import gradients_of
from dimgs.expression.homogeneity import infer_dimensions
from dimgs.expression.level import LevelForm, as_ratio
from dimgs.expression.parsing import function_names
from dimgs.expression.simplest import derivatives_of, monomial
from dimgs.fits.design import Design, signed_values
from dimgs.fits.least_squares import minimise_squares
from dimgs.fits.noise import Errors, possible_errors
from dimgs.groups.derive import constant_variables, scale_variable, smallest_monomial
from dimgs.groups.rationals import MAX_DENOMINATOR, equal_rational
from dimgs.judgement.candidates import Proposal
from dimgs.judgement.evidence import FormulaModel
from dimgs.law.assemble import feature_values
from dimgs.law.checked_law import Names
from dimgs.law.prediction import evaluate
from dimgs.variables import Dimension, Variable, si_unit

FORM = "form"
# starts that are tried, and fitted: of the ten NIST problems in the tests nine are solved with a
# quarter of both, and all with these
_STARTS, _FITTED = 1200, 24
# decades about the size at which a constant matters in which starts are drawn
_DECADES = 2.0
# steps of the fits from each start, and of the best one; the relative gain that ends them
_STEPS, _LAST_STEPS, _ENOUGH = 60, 300, 1e-28
# relative changes that end the last steps: rounding
_EXACT = 1e-15
# squares that may be those of one minimum while its fits have not ended, and when they have; and of
# a run whose residual is rounding
_ALIKE, _SAME, _ROUNDING = 0.01, 1e-9, 1e-26
# share of the largest singular value of the slopes, in columns of length 1, below which a direction
# of constants is rounding: of the NIST problems in the tests the least is 2e-5
_DETERMINED = 1e-9
# natural logarithm of the likelihood by which other constants than those near a given start must
# be better: at equal distances in time a frequency and its aliases differ by rounding alone
_PREFERRED = 2.0
# degree of the polynomial that stands for a free function, and the fewest runs for each term of it
_DEGREE, _RUNS_PER_TERM = 6, 5
# closed forms of a free function that are judged: the first of a front hold all but a thousandth of
# the probability
_MOST_FUNCTIONS = 8
_FUNCTION, _TERM = "value_of_the_free_function", "term_of_the_free_function"

_Inputs = Mapping[str, Array]


@dataclass(frozen=True)
class GivenForm:
    """A form as it was read.

    Attributes
    ----------
    text : str
    expression : sympy.Expr
        The target in SI (of a level, the ratio), in the identifiers of the columns, known constants
        and scales, and in dimensionless constants; or pi_0 in the groups, where it is fitted.
    constants : tuple of str
        Those to be fitted.
    starts : mapping of str to float
        Values in SI that the user gave.
    scales : tuple of str
        Units of the constants, and of bases with free exponents, as scales.
    argument : sympy.Expr or None
        Of the free function, dimensionless.
    """

    text: str
    expression: sympy.Expr
    constants: tuple[str, ...]
    starts: Mapping[str, float] = field(default_factory=dict)
    scales: tuple[str, ...] = ()
    argument: sympy.Expr | None = None

    @classmethod
    def read(cls, text: str, data: Dataset, target: str, options: Options) -> "GivenForm":
        """A form from its text: an expression, and starts after a semicolon.

        Raises
        ------
        InputError
            If the text cannot be read or is not homogeneous.
        """
        body, _, values = text.partition(";")
        inputs = [n for n in data.numeric_names if n != target]
        declared = () if isinstance(options.scales, str) else options.scales
        scales = list(map(scale_variable, declared))
        others = [*constant_variables(options.constants, data.names), *scales]
        identifier = safe_identifiers(sorted([*inputs, *(v.name for v in others)]), ["pi_0"])
        of_inputs = {identifier[n]: data.variable(n).dimension for n in inputs}
        of_inputs |= {identifier[v.name]: v.dimension for v in others}
        of_target = data.variable(target)
        level: LevelForm | None = None
        try:
            tree = _parsed(body)
            if target in _names(tree):
                raise LawError(f"it has the target '{target}' in it; give the right side alone.")
            _rename(tree, identifier)
            tree, function, inside = _with_free_function(tree, set(of_inputs))
            names = sorted(_names(tree) - set(of_inputs) - {"pi", "E"})
            expression = sympy_parse(ast.unparse(tree), [*of_inputs, *names])
            expression = expression.replace(
                lambda node: node.is_Pow and node.exp.is_Float,
                lambda node: node.base ** _exact(node.exp),
            )
            used = {str(s) for s in expression.free_symbols}
            names = [n for n in names if n in used]
            if of_target.is_level:
                level = as_ratio(expression, names, of_target.unit.log_factor)
                expression = level.expression
            argument = None if inside is None else sympy_parse(inside, list(of_inputs))
            dimensions, references = infer_dimensions(
                expression, of_inputs, names, of_target.dimension
            )
        except LawError as error:
            raise InputError(
                f"The form '{text}' cannot be used: {error} Names of columns are inputs "
                f"({', '.join(of_inputs)}), other names are constants."
            ) from None
        units = _Units(scales, set(identifier.values()) | set(names))
        renamed: dict[sympy.Expr, sympy.Expr] = {
            base: base / units.monomial(dimension, f"{base if base.is_Symbol else 'base'}_0")
            for base, dimension in references.items()
        }
        expression = expression.replace(
            lambda node: node.is_Pow and node.base in renamed,
            lambda node: renamed[node.base] ** node.exp,
        )
        sizes = {sympy.Symbol(n): units.monomial(dimensions[n], f"{n}_0") for n in names}
        expression = expression.xreplace({s: s * size for s, size in sizes.items()})
        if argument is not None:
            inferred, _ = infer_dimensions(
                sympy.Symbol("k") * argument, of_inputs, ["k"], Dimension()
            )
            argument = argument / units.monomial(inferred["k"] ** -1, f"{function}_argument")
        constants = tuple(n for n in names if n != function)
        if function is not None:
            expression = expression.subs(sympy.Symbol(function), sympy.Symbol(_FUNCTION))
        given = _starts(values, constants)
        starts = given if level is None else level.of_ratio(given)
        form = cls(text, expression, constants, starts, units.new, argument)
        left_out = sorted({*data.names} - {target, *form.inputs(data)})
        for name in sorted({*constants} - {*given}):
            place = f"'{name}' in the form '{text}' is no numeric column"
            if name in data.label_names:
                raise InputError(
                    f"{place} but one of labels; leave it out, or use {setting('by')}."
                )
            if column := did_you_mean(name, left_out, ""):
                raise InputError(
                    f"{place}; {column} A constant of this name needs a start: '{text}; {name}=1'."
                )
        return form

    def with_scales(self, options: Options) -> Options:
        """The options with the units of its constants as scales."""
        scales = () if isinstance(options.scales, str) else tuple(options.scales)
        return replace(options, scales=(*scales, *self.scales)) if self.scales else options

    def inputs(self, data: Dataset) -> list[str]:
        """Columns that it names."""
        identifier = safe_identifiers(sorted(data.numeric_names), ["pi_0"])
        used = self.expression.free_symbols | getattr(self.argument, "free_symbols", set())
        return [n for n in data.numeric_names if sympy.Symbol(identifier[n]) in used]


def _exact(power: sympy.Float) -> sympy.Number:
    """A decimal exponent as the simple rational that it is, so that its base needs no scale."""
    simple = equal_rational(float(power), MAX_DENOMINATOR, _ROUNDING)
    return power if simple is None else sympy.Rational(simple)


def inputs_of_form(options: Options, data: Dataset, target: str) -> list[str]:
    """Columns that the form of the options names; none where no form is given."""
    if options.form is None:
        return []
    return GivenForm.read(options.form, data, target, options).inputs(data)


class _Units:
    """Scales that carry the units of constants: those that are declared, and new ones."""

    def __init__(self, declared: Sequence[Variable], taken: "set[str]") -> None:
        self._scales, self._taken = list(declared), taken
        self.new: tuple[str, ...] = ()

    def monomial(self, dimension: Dimension, name: str) -> sympy.Expr:
        """Product of powers of scales of a dimension; a scale of this name where there is none."""
        smallest = smallest_monomial(self._scales, dimension) if self._scales else None
        if dimension.is_dimensionless:
            return sympy.Integer(1)
        if smallest is None:
            while name in self._taken:
                name += "_"
            self._taken.add(name)
            self.new = (*self.new, f"{name} [{si_unit(dimension)}]")
            self._scales.append(scale_variable(self.new[-1]))
            return sympy.Symbol(name)
        return monomial(smallest.exponents)


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise LawError(f"the expression '{text.strip()[:200]}' cannot be read: {error}.") from None


def _rename(tree: ast.AST, identifier: Mapping[str, str]) -> None:
    """Give inputs, whose names may be those of SymPy, such as S, their identifiers."""
    # names of Python are read in this form
    places = {unicodedata.normalize("NFKC", name): i for name, i in identifier.items()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = places.get(node.id, node.id)


def _names(tree: ast.AST) -> set[str]:
    called = {_called(n) for n in ast.walk(tree)}
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - called


def _called(node: ast.AST) -> str:
    """Name of the function that a node calls; empty where it is not a call."""
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return node.func.id if is_call else ""  # type: ignore[attr-defined]


def _with_free_function(
    tree: ast.expr, inputs: "set[str]"
) -> tuple[ast.expr, str | None, str | None]:
    """The form with a name for the calls of a free function, that name, and its argument."""
    calls = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and _called(n) and _called(n) not in function_names()
    ]
    if not calls:
        return tree, None, None
    written = {ast.unparse(call) for call in calls}
    name = _called(calls[0])
    if len(written) > 1:
        both = " and ".join(sorted(written)[:2])
        raise LawError(f"it has the unknown functions {both}; one can be searched for.")
    if len(calls[0].args) != 1 or calls[0].keywords:
        raise LawError(f"{written.pop()} needs one argument, a product or sum of inputs.")
    inside = calls[0].args[0]
    strange = sorted(_names(inside) - inputs - {"pi", "E"})
    if strange:
        raise LawError(f"{written.pop()} is of the constant {strange[0]}; use inputs alone.")

    class Named(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            if _called(node) == name:
                return ast.Name(name, ast.Load())
            return self.generic_visit(node)

    return Named().visit(tree), name, ast.unparse(inside)


def _starts(text: str, constants: Sequence[str]) -> dict[str, float]:
    starts: dict[str, float] = {}
    for part in (p.strip() for p in text.split(",") if p.strip()):
        name, _, value = (x.strip() for x in part.partition("="))
        try:
            starts[name] = float(value)
        except ValueError:
            raise InputError(
                f"The start '{part}' of the form is not a number; write it as '; a=1, b=0.5', in "
                "SI."
            ) from None
        if name not in constants:
            raise InputError(
                f"The form has no constant '{name}' to start; it has {', '.join(constants)}."
            )
    return starts


def in_groups(design: Design, expression: sympy.Expr, *, response: bool = True) -> sympy.Expr:
    """An expression in the inputs as one in the groups.

    Units can be chosen such that as many inputs as there are independent dimensions are 1; the
    others are then products of powers of the groups.

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
        Homogeneous, in the identifiers of the inputs.
    response : bool
        Whether it is the target, so that pi_0 is asked for; else it is dimensionless.
    """
    basis, names = design.basis, Names.of(design)
    order = sorted(
        basis.variables,
        key=lambda v: (v.name not in basis.signed, v.role != "data", v.name in basis.sizes, v.name),
    )
    powers = [sympy.Rational(str(g.get(v.name))) for g in basis.groups for v in order]
    matrix = sympy.Matrix(len(basis.groups), len(order), powers)
    solved, chosen = matrix.row_join(sympy.eye(len(basis.groups))).rref()
    # logarithms of the chosen inputs by those of the groups
    inverse = solved[:, len(order) :]
    logged = {f.name: f.logged for f in design.features if f.group is not None}
    symbols = {
        g.name: sympy.Symbol(g.name, positive=logged.get(g.name, True) or None)
        for g in basis.groups
    }
    values = {v.name: sympy.Integer(1) for v in order}
    for k, j in enumerate(chosen):
        values[order[j].name] = sympy.Mul(
            *(symbols[g.name] ** inverse[k, i] for i, g in enumerate(basis.groups))
        )
    placed = {
        sympy.Symbol(names.identifier[n]): v for n, v in values.items() if n in names.identifier
    }
    out = expression.xreplace(placed)
    if response:
        rest = ((n, e) for n, e in design.response.exponents if n != design.target.name)
        out *= monomial(rest, values)
    features = {f.name for f in design.features}
    # a group that is no feature is the same in every run
    plain = {
        symbols[g.name]: sympy.Symbol(g.name)
        if g.name in features
        else sympy.Float(float(signed_values(design.data, basis, g)[0]))
        for g in basis.groups
    }
    return out.xreplace(plain)


def proposals_of_form(
    form: GivenForm, design: Design, options: Options, clock: Clock
) -> tuple[Proposal, ...]:
    """The form for the judgement: once, or with each closed form of its free function.

    Parameters
    ----------
    form : GivenForm
    design : Design
        Of groups that have the scales of the form.
    options : Options
    clock : Clock

    Raises
    ------
    InputError
        If the form has no finite value in the runs for any constants that were tried.
    """
    design = design.of_one_label
    if design.within is not None or any(f.contrast == "inverse" for f in design.features):
        raise InputError(
            "A form is fitted to a target with relative errors where labels have prefactors, and "
            "inputs that enter by their values: leave out "
            f"{setting('form')}, or {setting('within')} and {setting('arrhenius')}."
        )
    of_groups = replace(form, expression=in_groups(design, form.expression))
    if form.argument is None:
        return (_fitted(of_groups, design, options),)
    argument = in_groups(design, form.argument, response=False)
    return tuple(_with_functions(replace(of_groups, argument=argument), design, options, clock))


def _fitted(
    form: GivenForm, design: Design, options: Options, further: _Inputs | None = None
) -> Proposal:
    """A form of the groups, and of further symbols, with its constants of least squares."""
    expression, starts = form.expression, form.starts
    body = form.text.split(";")[0].strip()
    slopes = gradients_of(expression, form.constants, False)
    if jumping := [
        k for k, slope in zip(form.constants, slopes, strict=True) if slope is sympy.nan
    ]:
        raise InputError(
            f"The constant '{jumping[0]}' of the form '{body}' stands inside a sign, floor or "
            f"ceiling. The predictions change with it in jumps alone, so that it has no interval; "
            f"write a number in its place."
        )
    solved = fit_constants(expression, form.constants, starts, design, options.seed, further)
    if solved is None:
        sign = " and positive like the target" if design.scale == "log" else ""
        raise InputError(
            f"The form '{body}' is not finite{sign} in every run for any constants that were "
            f"tried; add where they start, in SI: '{body}; {(*form.constants, 'a')[0]}=1'."
        )
    open_ones = _undetermined(FormulaModel(design, expression, solved, further), design.scale)
    if together := [k for k in open_ones if not k.startswith(_FUNCTION)]:
        raise InputError(
            f"The runs do not determine {' and '.join(together)} of the form '{body}', which can "
            f"change without a change of any prediction. "
            f"{_combined(design, expression, together)}"
        )
    return Proposal(name=FORM, expression=expression, constants=solved, given=True)


def _undetermined(model: FormulaModel, scale: str) -> list[str]:
    """Constants that can change without a change of the values in the runs."""
    with np.errstate(all="ignore"):
        slopes, values = model.slopes(model.start), model.value(model.start)
        columns = slopes / values[:, None] if scale == "log" else slopes
    if not columns.size or not np.all(np.isfinite(columns)):
        return []
    _, singular, directions = np.linalg.svd(columns / lengths(columns))
    free = directions[int(np.sum(singular > _DETERMINED * singular[0])) :]
    return [k for k, moves in zip(model.names, np.abs(free).T, strict=True) if np.any(moves > 1e-6)]


def _combined(design: Design, expression: sympy.Expr, names: Sequence[str]) -> str:
    """What to do about constants that are not determined, which may stand in a form together."""
    # the constants of a level are written as those of its ratio here
    for one, other in () if design.target.is_level else combinations(names, 2):
        by_one, by_other = derivatives_of(expression, (one, other))
        relative = sympy.Symbol(one) * by_one, sympy.Symbol(other) * by_other
        alike = {
            f"{one}*{other}": relative[0] - relative[1],
            f"{one}/{other}": relative[0] + relative[1],
            f"{one} + {other}": by_one - by_other,
            f"{one} - {other}": by_one + by_other,
        }
        for text, change in alike.items():
            if sympy.simplify(change) == 0:
                return f"Only {text} matters; write it as one constant."
    return f"Write a number in place of {names[0]}, or add runs in which it matters."


def fit_constants(
    expression: sympy.Expr,
    constants: Sequence[str],
    starts: Mapping[str, float],
    design: Design,
    seed: int,
    further: _Inputs | None = None,
) -> dict[str, float] | None:
    """Constants of least squares, from many starts, under the errors that make the runs likeliest.

    Constants that enter linearly are solved for at each start; the others are drawn about the size
    at which they matter, half of them negative, also if a start is given.

    Parameters
    ----------
    expression : sympy.Expr
        pi_0 in the groups, inputs without a logarithm, and constants.
    constants : sequence of str
    starts : mapping of str to float
        Of the constants that have one.
    design : Design
    seed : int
    further : mapping of str to ndarray of shape (n_runs,), optional
        Values of symbols that are no groups or inputs of the design.

    Returns
    -------
    mapping of str to float, or None
        None where no start gives finite values.
    """
    used = {str(s) for s in expression.free_symbols}
    names = [k for k in constants if k in used]
    model = FormulaModel(design, expression, dict.fromkeys(names, 1.0), further)
    rng, linear = np.random.default_rng(seed), _linear(expression, names)
    # a given start may lead to a minimum that is not the least
    drawn = [
        (_drawn(model, names, given, rng), [k in linear - {*given} for k in model.names])
        for given in ([starts, {}] if starts else [{}])
    ]
    best: tuple[float, Array] | None = None
    for errors in (kind for kind in possible_errors(design) if kind.kind != "mixed"):
        solution = _least(model, drawn, errors)
        if solution is None:
            continue
        squares, at = solution
        sd = max(float(np.sqrt(squares / max(design.n_runs - len(names), 1))), 1e-15)
        likely = float(errors.jacobian.sum()) - design.n_runs * float(np.log(sd))
        if best is None or likely > best[0]:
            best = likely, at
    return None if best is None else dict(zip(model.names, best[1].tolist(), strict=True))


def _least(
    model: FormulaModel, drawn: Sequence[tuple[Array, Sequence[bool]]], errors: Errors
) -> tuple[float, Array] | None:
    """The least squares that the best starts lead to, and where.

    Starts come in sets, each with the constants that are solved for.
    """

    def at(constants: Array) -> tuple[Array, Array]:
        every = np.atleast_2d(constants)
        values = model.value(every)
        e = np.stack([errors.residuals(v) for v in values])
        slopes = np.stack(
            [errors.scaled(v, s) for v, s in zip(values, model.slopes(every), strict=True)]
        )
        return (e, slopes) if constants.ndim > 1 else (e[0], slopes[0])

    def best_starts(starts: Array, solved: Sequence[bool]) -> Array:
        theta = _with_linear(model, starts, np.array(solved, dtype=bool), errors)
        if not len(theta):
            return theta
        e = np.stack([errors.residuals(v) for v in model.value(theta)])
        squares = np.where(np.all(np.isfinite(e), axis=1), (e**2).sum(axis=1), np.inf)
        order = np.argsort(squares, kind="stable")[:_FITTED]
        return np.asarray(theta[order[np.isfinite(squares[order])]])

    def miss(constants: Array) -> Array:
        return -at(constants)[0]

    def slopes(constants: Array) -> Array:
        return at(constants)[1]

    def fitted(start: Array) -> tuple[float, Array]:
        near = minimise_squares(at, start, steps=_LAST_STEPS, enough=_ENOUGH)
        end = near.parameters
        if model.n >= end.size:
            # an orthogonal decomposition of the slopes resolves constants that hardly differ in
            # their effects; the normal equations square their condition
            ends: dict[str, Any] = dict.fromkeys(("ftol", "xtol", "gtol"), _EXACT)
            end = least_squares(miss, end, slopes, method="lm", x_scale="jac", **ends).x
        squares = float((at(end)[0] ** 2).sum())
        return (squares, end) if squares <= near.squares else (float(near.squares), near.parameters)

    with np.errstate(all="ignore"):
        theta = np.concatenate([best_starts(*each) for each in drawn])
        if not len(theta):
            return None
        if not theta.shape[1]:
            return float((at(theta[0])[0] ** 2).sum()), theta[0]
        solution = minimise_squares(lambda trial, _: at(trial), theta, steps=_STEPS, enough=_ENOUGH)
        best = fitted(solution.parameters[int(np.argmin(solution.squares))])
        # constants that may be exchanged, or change their signs together, stand as they were given
        most = max(_ALIKE, float(np.expm1(2 * _PREFERRED / model.n)) if len(drawn) > 1 else 0.0)
        alike = np.flatnonzero(solution.squares <= (1 + most) * solution.squares.min())
        nearest = min(alike, key=lambda k: _distance(solution.parameters[k], drawn[0][0][0]))
        other = fitted(solution.parameters[nearest])
    # beside starts that were given a further set is drawn: the runs must prefer what that finds
    odds = 1 + _SAME if len(drawn) == 1 else float(np.exp(2 * _PREFERRED / model.n))
    return other if other[0] <= odds * best[0] + _ROUNDING * model.n else best


def _distance(one: Array, other: Array) -> float:
    """How far constants are apart: 0 to 1 for each, and 1 where their signs differ."""
    return float(np.sum(np.abs(one - other) / np.maximum(np.abs(one) + np.abs(other), 1e-300)))


def _with_linear(model: FormulaModel, theta: Array, solved: Array, errors: Errors) -> Array:
    """The starts with those constants that enter linearly at their values of least squares."""
    if not solved.any():
        return theta
    theta = np.where(solved, 0.0, theta)
    base = model.value(theta)
    columns = model.slopes(theta)[:, :, solved]
    # by the size of the errors at the response itself
    size = np.abs(errors.response) if errors.kind == "relative" else errors.unit
    weight = errors.root / size
    right = (errors.response - base) * weight
    A = columns * weight[:, None]
    usable = np.all(np.isfinite(A), axis=(1, 2)) & np.all(np.isfinite(right), axis=1)
    theta = theta[usable]
    coefficients = (np.linalg.pinv(A[usable]) @ right[usable][..., None])[..., 0]
    theta[:, solved] = coefficients
    return theta


def _linear(expression: sympy.Expr, names: Sequence[str]) -> set[str]:
    """Constants in all of which together the expression is linear, as many as the order gives."""
    out: list[sympy.Symbol] = []
    for symbol in map(sympy.Symbol, names):
        slope = derivatives_of(expression, [symbol.name])[0]
        if not any(sympy.simplify(slope.diff(s)) != 0 for s in [*out, symbol]):
            out.append(symbol)
    return {str(s) for s in out}


def _drawn(
    model: FormulaModel, names: Sequence[str], starts: Mapping[str, float], rng: np.random.Generator
) -> Array:
    """Starts of all constants, shape (n_starts, n_constants); the given ones in every one."""
    count = 1 if {*names} <= {*starts} else _STARTS
    theta = np.empty((count, len(names)))
    for name in names:
        k = model.names.index(name)
        if name in starts:
            theta[:, k] = starts[name]
            continue
        sizes = _sizes(model, sympy.Symbol(name))
        decades = rng.uniform(-_DECADES, _DECADES, count)
        theta[:, k] = rng.choice([-1.0, 1.0], count) * rng.choice(sizes, count) * 10**decades
    return theta


def _sizes(model: FormulaModel, symbol: sympy.Symbol) -> list[float]:
    """Sizes of a constant at which it matters: beside other terms, or as a factor of an input.

    Other constants are 0 or 1 for that. A constant may stand there with a power, as 1/b in x/b.
    """
    out = []
    for node in sympy.preorder_traversal(model.expression):
        if not (node.is_Mul or node.is_Add):
            continue
        place = next((a for a in node.args if a.as_base_exp()[0] == symbol), None)
        if place is None or not place.as_base_exp()[1].is_number:
            continue
        rest, power = node.func(*(a for a in node.args if a != place)), place.as_base_exp()[1]
        for value in (0, 1):
            other = rest.xreplace({sympy.Symbol(k): sympy.Integer(value) for k in model.names})
            if other.is_number or other.has(sympy.zoo, sympy.nan):
                continue
            with np.errstate(all="ignore"):
                size = float(np.median(np.abs(evaluate(other, model.inputs, model.n))))
            if np.isfinite(size) and size > 0:
                out.append((1 / size if node.is_Mul else size) ** (1 / float(power)))
    return sorted(set(out)) or [1.0]


def _with_functions(
    form: GivenForm, design: Design, options: Options, clock: Clock
) -> list[Proposal]:
    """A form of the groups with each closed form of its free function that the engine finds."""
    expression, argument = form.expression, form.argument
    assert argument is not None
    free, inputs = sympy.Symbol(_FUNCTION), feature_values(design)
    slope = expression.diff(free)
    if slope == 0 or slope.has(free):
        raise InputError(
            f"The form '{form.text}' is not linear in its free function, so that the function "
            f"cannot be separated; write the known part as factors and terms beside it."
        )
    u = evaluate(argument, inputs, design.n_runs)
    if not np.all(np.isfinite(u)) or not np.ptp(u) > 0:
        raise InputError(
            f"The argument of the free function in '{form.text}' does not vary over the runs, or "
            f"is not finite; give one that does."
        )
    positive = bool(np.all(u > 0))
    z = np.log(u) if positive else u
    z = (2 * z - z.max() - z.min()) / np.ptp(z)
    terms = max(2, min(_DEGREE + 1, design.n_runs // _RUNS_PER_TERM))
    polynomial = np.polynomial.chebyshev.chebvander(z, terms - 1)
    shape = {f"{_TERM}_{k}": polynomial[:, k] for k in range(terms)}
    factors = [f"{_FUNCTION}_{k}" for k in range(terms)]
    stand_in = sympy.Add(
        *(sympy.Symbol(c) * sympy.Symbol(t) for c, t in zip(factors, shape, strict=True))
    )
    flexible = expression.xreplace({free: stand_in})
    with_terms = replace(form, expression=flexible, constants=(*factors, *form.constants))
    constants = _fitted(with_terms, design, options, shape).constants
    values = {k: constants[k] for k in form.constants if k in constants}
    at = {**inputs, **{k: np.full(design.n_runs, v) for k, v in values.items()}}
    offset = expression.xreplace({free: sympy.Integer(0)})
    A, B = (evaluate(e, at, design.n_runs) for e in (offset, slope))
    response = np.exp(design.y) if design.scale == "log" else design.y
    target = (response - A) / B
    logged = design.scale == "log" and offset == 0 and bool(np.all(target > 0))
    problem = Problem(
        {"pi_1": u},
        target,
        "log" if logged else "linear",
        weights=None if logged else B**2 / np.mean(B**2),
        unlogged=() if positive else ("pi_1",),
    )
    engine = entry_named(embedded()).make(())
    budget = SearchBudget(max(clock.to_search, 1.0), options.budget)
    result = engine.search(problem, budget, options.seed)
    if result.cut is not None:
        clock.cut(result.cut, f"the search for the function in '{form.text}'")
    out = []
    for one in result.candidates[:_MOST_FUNCTIONS]:
        names = {k: f"{k}_f" for k in one.constants}
        shown = one.expression.xreplace(
            {sympy.Symbol(k): sympy.Symbol(v) for k, v in names.items()}
        )
        whole = expression.xreplace({free: shown.xreplace({sympy.Symbol("pi_1"): argument})})
        first = {**values, **{v: one.constants[k] for k, v in names.items()}}
        try:
            closed = replace(form, expression=whole, constants=tuple(first), starts=first)
            out.append(_fitted(closed, design, options))
        except (InputError, LawError):
            continue
    if not out:
        raise InputError(
            f"No closed form was found for the function in '{form.text}': {result.message}"
        )
    return out
