"""Symmetries of a law or of a table: changes of inputs and target that keep the law."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import chain, combinations
from os import PathLike
from typing import Any, Literal

import numpy as np
import sympy
from scipy.linalg import orth, qr, solve_triangular

from dimgs.common.advice import typed
from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.common.formats import attributes
from dimgs.dataset import Dataset
from dimgs.dataset.checks import check_measured, require_finite
from dimgs.dataset.raw import ReadOptions
from dimgs.dataset.read import dataset_of
from dimgs.expression import safe_identifiers, sympy_text
from dimgs.expression.candidate import compile_expression
from dimgs.expression.simplest import derivatives_of
from dimgs.fits.homogeneity import Invariance, invariance
from dimgs.fits.snapping import FLOOR
from dimgs.groups.derive import constant_variables, is_reachable, pi_basis
from dimgs.groups.dimensions import primitive
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.groups.rationals import only_simple
from dimgs.groups.scalings import Scalings, invariant_basis, scaling_of, scaling_text
from dimgs.law.latex import expression_latex
from dimgs.law.law import Law
from dimgs.variables import Unit, Variable, si_unit

Kind = Literal["scaling", "translation", "rotation", "exchange", "galilean", "other"]
# of columns of size one: what is rounding
_ZERO = 1e-9
# points beyond the unknowns
_SPARE = 8
# terms of a generator that is neither a scaling nor a translation
_MOST_TERMS, _MANY_TERMS = 3, 50
_LARGEST_DENOMINATOR = 60


@dataclass(frozen=True)
class Generator:
    """Generator of a one-parameter group, or an exchange of two inputs.

    Attributes
    ----------
    kind : {"scaling", "translation", "rotation", "exchange", "galilean", "other"}
    coefficients : dict of str to float
        By column: for a scaling the weights of x ∂/∂x, for a translation the amounts in SI.
    field : dict of str to sympy.Expr
        By column; for an exchange, what each is replaced by.
    invariant : sympy.Expr or None
        A function of the columns that the group leaves unchanged.
    symbols : dict of str to Variable
    """

    kind: Kind
    coefficients: dict[str, float]
    field: dict[str, sympy.Expr]
    invariant: sympy.Expr | None
    symbols: dict[str, Variable]

    def to_json(self) -> dict[str, Any]:
        """Document with the keys of the contract."""
        invariant = None if self.invariant is None else sympy_text(self.invariant)
        return {
            **attributes(self, "kind coefficients"),
            "field": {name: sympy_text(e) for name, e in self.field.items()},
            "invariant": invariant,
            "latex": None if self.invariant is None else expression_latex(self.invariant),
        }

    def __str__(self) -> str:
        if self.kind == "exchange":
            return f"exchange of {' and '.join(self.field)}"
        names = {"1": "", "-1": "-"}
        parts = []
        for name, e in self.field.items():
            text = _short(e)
            text = f"({text})" if e.is_Add else text
            parts.append(f"{names.get(text, text + ' ')}∂/∂{name}")
        kept = "" if self.invariant is None else f", which keeps {_short(self.invariant)}"
        return f"{self.kind}: {' + '.join(parts).replace('+ -', '- ')}{kept}"


def _short(expression: sympy.Expr) -> str:
    return str(expression.evalf(5) if expression.has(sympy.Float) else expression)


@dataclass(frozen=True)
class Symmetries:
    """Result of :func:`symmetries`.

    Attributes
    ----------
    generators : tuple of Generator
        Scalings that the units force are left out.
    algebra : tuple of dict
        Commutators of the generators, and the names of what they form.
    basis : PiBasis or None
        Of the inputs, the constants and the target, where their units allow a law.
    undecided : int
        How many further symmetries of a table its runs neither show nor contradict.
    """

    generators: tuple[Generator, ...]
    algebra: tuple[dict[str, Any], ...] = ()
    basis: PiBasis | None = None
    undecided: int = 0

    @cached_property
    def groups(self) -> dict[str, list[dict[str, str]]]:
        """Groups of inputs and target that the units leave, and those that the scalings leave."""
        if self.basis is None:
            return {}
        weights = [scaling_of(g.coefficients) for g in self.generators if g.kind == "scaling"]
        kept = {
            "of_the_units": self.basis,
            "of_the_symmetries": invariant_basis(self.basis, weights),
        }
        return {key: [g.to_json() for g in each.every_group] for key, each in kept.items()}

    def __iter__(self) -> Iterator[Generator]:
        return iter(self.generators)

    def __len__(self) -> int:
        return len(self.generators)

    def to_json(self) -> dict[str, Any]:
        """Document with the keys of the contract, and the groups beside them."""
        generators = [g.to_json() for g in self.generators]
        return {"generators": generators, **attributes(self, "algebra groups undecided")}

    def __str__(self) -> str:
        few = {0: "No symmetry", 1: "1 symmetry"}
        lines = [
            f"{few.get(len(self), f'{len(self)} symmetries')} beyond the scalings of the units"
        ]
        lines += [f"  {g}" for g in self.generators]
        lines += [f"  {a['name']}" for a in self.algebra if "name" in a]
        scalings = [g for g in self.generators if g.kind == "scaling"]
        if scalings and self.basis is not None:
            units, kept = (self.groups[k] for k in ("of_the_units", "of_the_symmetries"))
            shown = ", ".join(str(PiGroup.of("pi", scaling_of(g))) for g in kept)
            lines.append(
                f"  of {len(units)} groups, the target's included, the scalings leave "
                f"{len(kept)}: {shown}"
            )
            texts = (scaling_text(scaling_of(g.coefficients)) for g in scalings)
            constants = [v.name for v in self.basis.variables if v.role == "constant"]
            given = f"--constants {','.join(constants)} " if constants else ""
            options = given + " ".join(f"--symmetric '{text}'" for text in texts)
            target = typed(self.basis.target_and_response[0].name)
            lines.append(f"Next   dimgs discover TABLE --target {target} {options}")
        if self.undecided:
            lines.append(f"Too few runs, or too much scatter, to decide on {self.undecided} others")
        return "\n".join(lines)


class _Points:
    """A law and its derivatives at random points.

    A field that is affine in the n inputs and target is a matrix of shape (n, n + 1) that acts on
    them and one, or the vector of its elements.
    """

    def __init__(self, law: Law) -> None:
        unused = safe_identifiers([v.name for v in law.unused], reserved=list(law.symbols))
        self.inputs = {**law.symbols, **{unused[v.name]: v for v in law.unused}}
        taken = [*self.inputs, *(c.name for c in law.constants)]
        target = safe_identifiers([law.target.name], reserved=taken)[law.target.name]
        self.symbols = {**self.inputs, target: law.target}
        formula = law.expression.xreplace({sympy.Symbol(c.name): c.value for c in law.constants})
        symbols = [sympy.Symbol(s) for s in self.inputs]
        slopes = derivatives_of(formula, self.inputs)
        self._function = compile_expression(symbols, [formula, *slopes])
        n = self.n = len(self.symbols)
        # how fast an input changes does not depend on the target
        is_term = np.ones((n, n + 1), dtype=bool)
        is_term[:-1, n - 1] = False
        self.terms = np.flatnonzero(is_term)
        count, rng = len(self.terms) + _SPARE, np.random.default_rng(n)
        x = np.array([self._drawn(rng, law, v, 20 * count) for v in self.inputs.values()])
        table = np.vstack([x, self.at(x)]).T
        table = table[np.isfinite(table).all(axis=1)][:count]
        one = np.ones((len(table), 1))
        # inputs, target and one; and minus the derivatives of y - f
        self.x, rates = np.hstack([table[:, :n], one]), np.hstack([-table[:, n:], one])
        # what each term of a field adds to the change of y - f along it, over its largest size
        columns = (rates[:, :, None] * self.x[:, None, :]).reshape(len(table), -1)
        sizes = np.abs(columns).max(axis=0)
        self.sizes = np.where(sizes > 0, sizes, 1.0)
        self.columns = columns / self.sizes

    def _drawn(self, rng: np.random.Generator, law: Law, v: Variable, count: int) -> Array:
        """Values of an input, over a factor of two at least: of near ones all powers are alike."""
        low, high, _ = law.domain.columns.get(v.name, (0.5, 2.0, ""))
        if high < 2.0 * low or not high > low:
            low, high = (low / 2, high * 2) if low > 0 else (low - 1, high + 1)
        values = rng.uniform(low, high, count)
        if low > 0:
            # a piece of the law may end at the first of several decades
            values[::2] = np.exp(rng.uniform(np.log(low), np.log(high), len(values[::2])))
        return values

    def at(self, x: Array) -> Array:
        """The law and its derivatives, one a row; not finite where they are not real numbers."""
        with np.errstate(all="ignore"):
            return np.array([np.broadcast_to(v, x.shape[1]) for v in self._function(*x)])

    def null(self, terms: Sequence[int]) -> list[Array]:
        """Null space: combinations of terms that keep the law, in reduced echelon form."""
        chosen, vectors = np.array(terms), list[Array]()
        # of equal columns the last is written in the others: the target in the inputs
        weights = np.linspace(1.0, 2.0, len(chosen))
        columns = self.columns[:, chosen] * weights
        triangle, order = qr(columns, mode="r", pivoting=True)
        rank = int((np.abs(np.diag(triangle)) > _ZERO).sum())
        reached = solve_triangular(triangle[:rank, :rank], triangle[:rank, rank:])
        for k in np.argsort(order[rank:]):
            part = np.zeros(len(chosen))
            part[order[:rank]] = np.where(np.abs(reached[:, k]) > _ZERO, -reached[:, k], 0.0)
            part[order[rank + k]] = 1.0
            whole = np.zeros(len(self.sizes))
            whole[chosen] = part * weights
            vectors.append(_whole_numbers(whole / self.sizes))
        return vectors

    def is_exchanged(self, i: int, j: int) -> bool:
        """Whether the law stays where two inputs change places."""
        places = [*range(len(self.inputs))]
        places[i], places[j] = j, i
        return np.allclose(self.at(self.x[:, places].T)[0], self.x[:, self.n - 1], _ZERO, 0.0)

    def matrix(self, vector: Array) -> Array:
        """A field as the matrix that acts on inputs, target and one."""
        return vector.reshape(self.n, self.n + 1)


@dataclass
class _Search:
    """The generators of a law, family by family."""

    points: _Points
    forced: list[Array]
    generators: list[tuple[Kind, Array]] = field(default_factory=list)

    @property
    def every(self) -> list[Array]:
        return [*self.forced, *(v for _, v in self.generators)]

    def is_new(self, vector: Array, kind: Kind) -> bool:
        """Whether no function times a field that is known makes it, nor it one of these.

        A scaling or translation may be multiplied by a function, and be known then; of an affine
        field, all that was found may be, and scalings of the units by numbers.
        """
        x = self.points.x
        fields = np.stack([x @ self.points.matrix(v).T for v in (vector, *self.every)])
        # null vectors of inputs of 1e11 m are of 1e-11: each field counts by its own size
        for axes in ((0, 1), (1, 2)):
            scale = np.abs(fields).max(axis=axes, keepdims=True)
            fields /= np.where(scale > 0, scale, 1.0)
        is_affine = kind in ("galilean", "other")
        end = 1 + len(self.forced)
        fixed, free = (fields[:end], fields[end:]) if is_affine else (fields[1:], fields[:1])
        sizes = np.abs(fixed).max(axis=(1, 2))
        left, singular, _ = np.linalg.svd(free.transpose(1, 2, 0), full_matrices=False)
        left *= (singular > 1e-9)[:, None, :]
        rest = fixed - np.einsum("pik,pjk,mpj->mpi", left, left, fixed)
        parts = rest.reshape(len(rest), fields[0].size) / sizes[:, None]
        rank, others = (np.linalg.matrix_rank(m, tol=1e-9) for m in (parts, parts[1:]))
        return bool(rank > others if is_affine else rank == len(parts))

    def take(self, vectors: Iterable[Array]) -> None:
        """Keep those that are new, those of few terms first."""
        kinds = [(_kind(self.points.matrix(v)), v) for v in vectors]
        for kind, vector in sorted(kinds, key=lambda p: (p[0] == "other", _length(p[1]))):
            # the target follows any change of one input
            follows = kind == "other" and np.any(self.points.matrix(vector)[:-1], axis=1).sum() < 2
            if not follows and self.is_new(vector, kind):
                self.generators.append((kind, vector))


def _length(vector: Array) -> tuple[int, float]:
    ratios = _ratios(vector)
    return len(ratios), sum(abs(r.numerator) + r.denominator for r in ratios)


def _whole_numbers(vector: Array) -> Array:
    """Coefficients over the first, or whole numbers where they are rational."""
    places = np.flatnonzero(vector)
    simple, out = _ratios(vector), vector / vector[places[0]]
    if np.allclose(np.array(simple, dtype=np.float64), out[places], _ZERO, _ZERO):
        out[places] = primitive(simple)
    return np.asarray(out)


def _ratios(vector: Array) -> list[Fraction]:
    """Coefficients over the first, as fractions near them."""
    used = vector[vector != 0]
    return [Fraction(float(c)).limit_denominator(_LARGEST_DENOMINATOR) for c in used / used[0]]


def _sparse(points: _Points, terms: Sequence[int]) -> list[Array]:
    """Null vectors of few terms: those of the whole family, and those of all its small parts."""
    vectors = points.null(terms)
    most = _MOST_TERMS if len(terms) < _MANY_TERMS else _MOST_TERMS - 1
    for k in range(1, most + 1 if vectors else 0):
        for part in combinations(terms, k):
            if np.linalg.svd(points.columns[:, part], compute_uv=False)[-1] < _ZERO:
                vectors += [v for v in points.null(part) if np.count_nonzero(v) == k]
    return vectors


def _kind(matrix: Array) -> Kind:
    linear, constant = matrix[:, :-1], matrix[:, -1]
    if not np.any(linear):
        return "translation"
    if not np.any(constant):
        if not np.any(linear - np.diag(np.diag(linear))):
            return "scaling"
        places = [(int(i), int(j)) for i, j in np.argwhere(linear)]
        if len(places) == 2 and places[0] == places[1][::-1]:
            return "rotation" if np.sum(linear * linear.T) < 0 else "other"
    moved = np.any(matrix, axis=1)
    return "other" if np.any(linear[:, moved]) else "galilean"


def law_symmetries(law: Law) -> Symmetries:
    """Symmetries of a law, exactly; see :func:`symmetries`."""
    points = _Points(law)
    n, variables = points.n, list(points.symbols.values())
    scales = [i * (n + 1) + i for i in range(n)]
    search = _Search(points, _forced(points, law, scales))
    search.take(_sparse(points, scales))
    search.take(_sparse(points, [i * (n + 1) + n for i in range(n)]))
    kinds = [v.dimension for v in variables]
    alike = [(i, j) for i, j in combinations(range(n - 1), 2) if kinds[i] == kinds[j]]
    turns = chain(*(points.null([i * (n + 1) + j, j * (n + 1) + i]) for i, j in alike))
    search.take(v for v in turns if np.count_nonzero(v) == 2)
    search.take(_sparse(points, points.terms.tolist()))
    generators = [
        _generator(points.symbols, kind, _numbers(points.matrix(v)))
        for kind, v in search.generators
    ]
    swaps = [(i, j) for i, j in alike if points.is_exchanged(i, j)]
    algebra = _algebra(search)
    generators += [_generator(points.symbols, "exchange", {(i, j): 1, (j, i): 1}) for i, j in swaps]
    constants = [
        Variable(c.name, Unit(si_unit(c.dimension), c.dimension), role="scale")
        for c in law.constants
        if not c.dimension.is_dimensionless
    ]
    basis = pi_basis([*variables, *constants], law.target.name)
    return Symmetries(tuple(generators), tuple(algebra), basis)


def _forced(points: _Points, law: Law, scales: Sequence[int]) -> list[Array]:
    """Scalings of the base units that leave every constant of the law as it is."""
    dimensions = {v.name: v.dimension for v in points.symbols.values()}
    units = Scalings(dimensions, [c.dimension for c in law.constants])
    basis = orth(units.directions, rcond=1e-9).T
    scalings = np.zeros((len(basis), len(points.sizes)))
    # rounding is no part of a scaling, however small the values of its column
    scalings[:, scales] = np.where(np.abs(basis) > _ZERO, basis, 0.0)
    return list(scalings)


def _numbers(matrix: Array) -> dict[tuple[int, int], sympy.Expr]:
    """Elements that are not zero, by row and column."""
    used = {(int(i), int(j)): float(matrix[i, j]) for i, j in np.argwhere(matrix)}
    return {k: sympy.Integer(c) if c.is_integer() else sympy.Float(c, 17) for k, c in used.items()}


def _generator(
    symbols: dict[str, Variable], kind: Kind, numbers: Mapping[tuple[int, int], sympy.Expr | int]
) -> Generator:
    """Generator of the elements of a matrix that acts on inputs, target and one."""
    factors = [*map(sympy.Symbol, symbols), sympy.Integer(1)]
    columns = [v.name for v in symbols.values()]
    fields: dict[int, sympy.Expr] = {}
    coefficients: dict[str, float] = {}
    for (i, j), number in numbers.items():
        fields[i] = fields.get(i, sympy.Integer(0)) + number * factors[j]
        coefficients[columns[i]] = float(number)
    named = {columns[i]: f for i, f in fields.items()}
    return Generator(kind, coefficients, named, _invariant(kind, fields, factors), symbols)


def _invariant(
    kind: Kind, fields: Mapping[int, sympy.Expr], names: Sequence[sympy.Expr]
) -> sympy.Expr | None:
    """A function that a field leaves unchanged, of the target where it is moved."""
    (a, first), (b, last) = min(fields.items()), max(fields.items())
    x, y = names[a], names[b]
    if kind == "exchange":
        return x + y
    if len(fields) == 1:
        # what alone moves takes no part; a field that moves the target alone is none of a law
        return names[-2]
    if kind == "scaling":
        power = -(last / y) / (first / x)
        return y * x ** (sympy.nsimplify(power) if power.is_Rational else power)
    if (first / y).is_number and (last / x).is_number:
        invariant = last / x * x**2 - first / y * y**2
    elif kind in ("translation", "galilean"):
        invariant = sympy.expand(first * y - last * x)
    else:
        return None
    return -invariant if invariant.could_extract_minus_sign() else invariant


def _algebra(search: _Search) -> list[dict[str, Any]]:
    """Commutators of the generators that do not vanish, and the names of what they form."""
    last = np.zeros(search.points.n + 1)
    matrices = [np.vstack([search.points.matrix(v), last]) for v in search.every]
    basis = np.array([m.ravel() for m in matrices]).T
    offset, kinds = len(search.forced), [kind for kind, _ in search.generators]
    table = np.zeros((len(kinds),) * 3)
    out: list[dict[str, Any]] = []
    pairs = list(combinations(range(len(kinds)), 2))
    for a, b in pairs:
        A, B = matrices[offset + a], matrices[offset + b]
        bracket = (B @ A - A @ B).ravel()
        if np.abs(bracket).max() > 1e-12:
            c = np.linalg.lstsq(basis, bracket, rcond=None)[0]
            closes = np.allclose(basis @ c, bracket, rtol=1e-8, atol=1e-12)
            table[a, b], table[b, a] = c[offset:], -c[offset:]
            terms = {str(k): round(float(c[offset + k]), 12) for k in _parts(table[a, b])}
            out.append({"of": [a, b], "is": terms if closes else None})
    for a, b in pairs:
        if len(_parts(table[a, b])) != 1:
            continue
        c = int(_parts(table[a, b])[0])
        if c in (a, b):
            if "scaling" in (kinds[a], kinds[b]):
                out.append({"of": [a, b], "name": "scaling and translation"})
        elif not len(_parts(table[[a, b], c])):
            out.append({"of": [a, b, c], "name": "Heisenberg algebra"})
        elif kinds[a] == kinds[b] == kinds[c] == "rotation" and b < c:
            out.append({"of": [a, b, c], "name": "rotations of space"})
    if pairs and not out:
        out.append({"of": list(range(len(kinds))), "name": "all commute"})
    return out


def _parts(bracket: Array) -> IntArray:
    """Generators in a commutator."""
    return np.flatnonzero(np.abs(bracket) > 1e-9)


@dataclass(frozen=True)
class _Table:
    """Runs whose symmetries are tested: the logarithm of the target, or the target over its spread.

    Attributes
    ----------
    data : Dataset
    inputs : list of Variable
        That vary.
    target : Variable
    response : ndarray of shape (n_runs,)
    clusters : ndarray of shape (n_runs,), optional
        Labels of runs that share their errors.
    """

    data: Dataset
    inputs: list[Variable]
    target: Variable
    response: Array
    clusters: Array | None
    undecided: list[Invariance] = field(default_factory=list)

    def shows(self, outcome: Invariance) -> bool:
        """Whether the runs support a symmetry; undecided symmetries are recorded."""
        self.undecided.extend([] if outcome.is_shown or outcome.is_refuted else [outcome])
        return outcome.is_shown

    @cached_property
    def symbols(self) -> dict[str, Variable]:
        """Inputs and target by identifier."""
        variables = [*self.inputs, self.target]
        identifiers = safe_identifiers([v.name for v in variables])
        return {identifiers[v.name]: v for v in variables}


def table_symmetries(
    data: Dataset, target: str, constants: Sequence[str] = (), split_by: str | None = None
) -> Symmetries:
    """Symmetries that the runs of a table show; see :func:`symmetries`."""
    goal = data.variable(target)
    check_measured(data, target)
    columns = {n: np.asarray(data[n]) for n in data.numeric_names if n != split_by}
    require_finite(data, columns)
    inputs = [data.variable(n) for n in columns if n != target and np.ptp(columns[n]) > 0]
    y = columns[target]
    if not inputs or np.ptp(y) == 0:
        what = f"The target '{target}'" if inputs else "No input"
        never = "never varies" if inputs else "varies"
        raise InputError(f"{what} {never} in {data.source}; a symmetry test needs varied columns.")
    is_log = bool(np.all(y > 0))
    labels = None if split_by is None else data[split_by].astype(str)
    table = _Table(data, inputs, goal, np.log(y) if is_log else y / y.std(), labels)
    pairs = _table_pairs(table)
    available = [*inputs, *constant_variables(constants, data.names)]
    is_log = is_log and all(np.all(columns[v.name] > 0) for v in inputs)
    if not (is_log and is_reachable(available, goal)):
        # no law of these columns has logarithms and consistent units, but pairs may be alike
        return Symmetries(tuple(pairs), undecided=len(table.undecided))
    basis = pi_basis([*available, goal], target)
    scalings = [*_table_scalings(table, basis)]
    return Symmetries((*scalings, *pairs), (), basis, len(table.undecided))


def _table_scalings(table: _Table, basis: PiBasis) -> Iterator[Generator]:
    """Scalings of one input and the target, in the groups of the inputs."""
    _, pi_0 = basis.target_and_response
    inputs = [v.name for v in table.inputs]
    powers = np.array([[float(g.get(n)) for n in inputs] for g in basis.groups])
    powers = powers.reshape(-1, len(inputs))
    powers_of_response = np.array([float(pi_0.get(n)) for n in inputs])
    logs = np.stack([np.log(table.data[n]) for n in inputs], axis=1)
    z = logs @ powers.T
    shown, response = list[Array](), table.response + logs @ powers_of_response
    for name, direction, power in zip(inputs, powers.T, powers_of_response, strict=True):
        size = float(np.linalg.norm(direction))
        # the units force it, or scalings that hold
        if np.linalg.matrix_rank([*shown, direction], tol=1e-9) == len(shown):
            continue
        unit = direction / size
        rest = np.linalg.svd(unit[None, :])[2][1:]
        test = invariance(response, z @ rest.T, (z @ unit)[:, None], z, table.clusters)
        if not table.shows(test):
            continue
        shown.append(unit)
        # of runs without noise it is known to rounding
        slope = test.slopes[0] * size - power
        half = max(test.half_widths[0] * size, FLOOR * max(abs(slope), 1.0))
        simple = only_simple(slope - half, slope + half)
        number = sympy.Float(slope) if simple is None else sympy.Rational(simple)
        i, of_target = inputs.index(name), len(inputs)
        moved = {(i, i): 1} | ({(of_target, of_target): number} if number else {})
        yield _generator(table.symbols, "scaling", moved)


def _table_pairs(table: _Table) -> list[Generator]:
    """Translations, rotations and exchanges of two inputs of one dimension."""
    generators: list[Generator] = []
    # the column of what does not depend on the inputs and the target
    symbols, one = table.symbols, len(table.inputs) + 1
    for (i, first), (j, second) in combinations(enumerate(table.inputs), 2):
        if first.dimension != second.dimension:
            continue
        u, v = table.data[first.name], table.data[second.name]
        rest = [table.data[w.name] for w in table.inputs if w not in (first, second)]
        cases = [
            ([u - v], _generator(symbols, "translation", {(i, one): 1, (j, one): 1})),
            ([u + v], _generator(symbols, "translation", {(i, one): 1, (j, one): -1})),
            ([u**2 + v**2], _generator(symbols, "rotation", {(i, j): -1, (j, i): 1})),
            ([u + v, (u - v) ** 2], _generator(symbols, "exchange", {(i, j): 1, (j, i): 1})),
        ]
        before = len(generators)
        for kept, generator in cases:
            allowed, whole = (np.stack([*c, *rest], axis=1) for c in (kept, (u, v)))
            # an exchange of inputs that keep their sum alone says nothing further
            is_new = generator.kind != "exchange" or len(generators) == before
            if is_new and table.shows(
                invariance(table.response, allowed, allowed[:, :0], whole, table.clusters)
            ):
                generators.append(generator)
    return generators


def symmetries(
    source: Any,
    target: str | None = None,
    constants: Sequence[str] = (),
    *,
    split_by: str | None = None,
    **reading: Any,
) -> Symmetries:
    """Find what may be changed together without changing a law, or what the runs of a table show.

    A law is treated exactly: the coefficients of the generators solve linear equations, at more
    points than there are unknowns and with fifty digits. Generators are affine in the inputs and
    the target. The runs of a table are tested: a symmetry is claimed where a smooth function of
    what it leaves unchanged describes the runs as well as one of all inputs (a wild bootstrap, by
    runs or labels), and where the scatter would not hide a change of 2 %; see
    :func:`dimgs.fits.homogeneity.invariance`.

    Parameters
    ----------
    source : Law, path of a law.json, or whatever :func:`dimgs.read_table` takes
    target : str, optional
        Response column of a table.
    constants : sequence of str
        Physical constants that count among the inputs of a table.
    split_by : str, optional
        Label column of a table: rows of equal label, such as the points of a run, share their
        errors.
    **reading
        How the table is read.

    Returns
    -------
    Symmetries
        Scalings that the units force are left out, and so are functions times a generator.

    Raises
    ------
    InputError
        If a table is given without its target, or a law with one.

    References
    ----------
    P. J. Olver, Applications of Lie Groups to Differential Equations, 2nd ed. (1993), chapter 2.

    Examples
    --------
    >>> import numpy as np
    >>> import dimgs
    >>> x, y = np.meshgrid(np.linspace(1, 3, 7), np.linspace(-2, 2, 7))
    >>> table = {"x [m]": x.ravel(), "y [m]": y.ravel(), "h [m]": np.hypot(x, y).ravel()}
    >>> print(dimgs.symmetries(table, target="h"))
    1 symmetry beyond the scalings of the units
      rotation: -y ∂/∂x + x ∂/∂y, which keeps x**2 + y**2
    """
    is_document = isinstance(source, Mapping) and "expression" in source
    if (isinstance(source, str | PathLike) and str(source).endswith(".json")) or is_document:
        source = Law.from_json(source)
    if isinstance(source, Law):
        if target is not None:
            raise InputError("A law has a target; leave out --target, or give a table.")
        return law_symmetries(source)
    if target is None:
        raise InputError("A table needs its response column; name it with --target.")
    return table_symmetries(dataset_of(source, ReadOptions(**reading)), target, constants, split_by)
