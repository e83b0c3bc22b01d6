"""The runs of a design as a problem that engines of symbolic regression take."""

from dataclasses import replace
from fractions import Fraction
from itertools import count

import numpy as np

from dimgs.common.arrays import LARGEST_LOG, Array
from dimgs.common.errors import InputError
from dimgs.discovery.diagnostics import LARGEST_DENOMINATOR, VARIED
from dimgs.discovery.options import Options
from dimgs.engines.protocol import Problem
from dimgs.fits.design import Design
from dimgs.groups.group import PiGroup
from dimgs.law.assemble import feature_values
from dimgs.law.checked_law import Names

# an exponent beyond all that a search takes for short: no law depends on the size of an input
_FORBIDDEN = 100.0
# with fewer runs a closed form of two constants is hardly tested by those left out; of six and
# seven runs of powers and of x² + c x with errors of 2 %, no wrong law was confirmed
FEWEST = 6


def is_searchable(design: Design) -> bool:
    """Whether an engine can be given this design: groups alone, known labels, enough runs.

    And a response that doubles can hold.
    """
    return (
        design.scale != "level"
        and (design.within is None or design.shift is not None)
        and bool(design.features)
        and all(f.contrast != "inverse" for f in design.features)
        and not any(
            f.variable is not None and design.data.variable(f.variable).is_level
            for f in design.features
        )
        and design.n_runs >= FEWEST
        and (design.scale != "log" or float(np.abs(design.y).max()) < LARGEST_LOG)
    )


def problem_of(design: Design, options: Options | None = None) -> tuple[Problem, dict[str, str]]:
    """The design as a problem for engines, and the identifier of each unlogged group.

    Parameters
    ----------
    design : Design
    options : Options, optional
        They may ask for some laws only.
    """
    identifier = Names.of(design).identifier
    groups: dict[str, Array] = {}
    unlogged: dict[str, str] = {}
    composition: dict[str, dict[str, float]] = {}
    values = feature_values(design)
    taken = {g.name for g in design.basis.groups}
    numbers = (k for k in count(1) if f"pi_{k}" not in taken)
    for j, feature in enumerate(design.features):
        if feature.group is not None:
            name = feature.name
            groups[name] = values[name]
            composition[name] = _lengths(design, feature.group)
            if feature.logged:
                _require_range(design, feature.group, design.X[:, j])
            else:
                unlogged[name] = name
            continue
        assert feature.variable is not None
        name = f"pi_{next(numbers)}"
        groups[name] = values[identifier[feature.variable]]
        unlogged[name] = identifier[feature.variable]
        composition[name] = {feature.variable: 1.0}
    response = design.basis.response
    assert response is not None
    if design.scale == "log":
        _require_range(design, response, design.y)
    composition["pi_0"] = _lengths(design, response)
    # a search is given the runs of all sources, or labels, as of one
    shift = np.zeros(design.n_runs) if design.shift is None else design.shift
    y, size = design.y - shift, design.offset + shift
    problem = Problem(
        groups=groups,
        response=np.exp(y) if design.scale == "log" else y,
        scale="log" if design.scale == "log" else "linear",
        weights=design.weights,
        unlogged=tuple(unlogged),
        composition=composition,
        unit=np.exp(np.mean(size) - size) if design.weights is None else None,
        must_use=() if options is None else tuple(options.must_use),
        most_constants=None if options is None else options.at_most_constants,
    )
    return problem, unlogged


def without_collinear(problem: Problem) -> Problem:
    """The problem without groups that are monomials of others in every run.

    Inputs that never varied make such groups: a constant times a monomial of others says in a law
    what these say, and two names for one thing double every sum and every argument of a search.
    The groups of the fewest variables stay.

    Parameters
    ----------
    problem : Problem

    Examples
    --------
    >>> x, z = np.array([1.0, 2.0, 5.0, 7.0]), np.array([3.0, 1.0, 4.0, 1.0])
    >>> found = without_collinear(Problem({"pi_1": x, "pi_2": z, "pi_3": 0.1 * x**2 / z}, x))
    >>> sorted(found.groups)
    ['pi_1', 'pi_2']
    """
    made_of = problem.composition or {}
    required = set(problem.must_use)
    logged = [n for n in problem.groups if n not in problem.unlogged]
    order = sorted(
        logged, key=lambda n: (not required & set(made_of.get(n, ())), len(made_of.get(n, ())))
    )
    logs = {n: np.log(problem.groups[n]) for n in order}
    columns = {n: x - x.mean() for n, x in logs.items()}
    kept: list[str] = []
    for name in order:
        column, size = columns[name], float(np.ptp(columns[name]))
        if kept and size:
            basis = np.column_stack([columns[n] for n in kept])
            powers = np.linalg.lstsq(basis, column, rcond=None)[0]
            simple = [Fraction(float(a)).limit_denominator(LARGEST_DENOMINATOR) for a in powers]
            powers = np.array([float(a) for a in simple])
            if float(np.abs(column - basis @ powers).max()) <= VARIED * size:
                continue
        kept.append(name)
    groups = {n: x for n, x in problem.groups.items() if n in kept or n in problem.unlogged}
    return replace(problem, groups=groups)


def _lengths(design: Design, group: PiGroup) -> dict[str, float]:
    """Exponents of the variables in a group; those of sizes so long that no law depends on one."""
    sizes = design.basis.sizes
    return {n: float(e) * (_FORBIDDEN if n in sizes else 1.0) for n, e in group.exponents}


def _require_range(design: Design, group: PiGroup, logs: Array) -> None:
    """Refuse a run in which a group is not a number that a computer can hold."""
    with np.errstate(over="ignore"):
        held = np.exp(logs)
    outside = np.flatnonzero((held == 0) | np.isinf(held))
    if not outside.size:
        return
    run, data = int(outside[0]), design.data
    sizes = {
        name: abs(float(power) * np.log(data[name][run]))
        for name, power in group.exponents
        if name in data.names
    }
    cause = max(sizes, key=sizes.__getitem__)
    raise InputError(
        f"Column '{cause}', row {data.rows[run]} of {data.source}: {data[cause][run]:.3g} "
        f"{data.variable(cause).si_unit} makes {group.name} = {group} "
        f"10^{logs[run] / np.log(10):.0f}, which no number can hold; correct it, or leave out the "
        f"row."
    )
