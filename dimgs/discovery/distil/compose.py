"""The way of distillation: directions, fields, closed forms, whole laws, the best of them."""

from dataclasses import dataclass, replace

import numpy as np

from dimgs.design.features import Design
from dimgs.discovery.clock import Clock
from dimgs.discovery.distil.directions import Direction, directions
from dimgs.discovery.distil.fields import Fields, learn
from dimgs.discovery.distil.forms import Search, elementary, searched
from dimgs.discovery.distil.rebuild import Rebuilt, laws_of, positive, simplest
from dimgs.discovery.options import Options
from dimgs.errors import DimgsError
from dimgs.expression.candidate import Candidate
from dimgs.law.assemble import assemble
from dimgs.law.law import Law

# forms of the exponent that are refitted as laws: the fits of later ones are worse
_ELEMENTARY = 6
# inputs whose exponents are followed, the best learned first: all describe the same law
_DIRECTIONS = 2
# laws that are simplified, the shortest first
_FRONT = 4
# three runs for each constant of a quadratic exponent and a prefactor
_FEWEST = 12
# seconds for what follows the search, where no clock is given
_LONGEST_AFTER = 10.0


@dataclass(frozen=True)
class Distilled:
    """A law with an exponent that is a closed form of the other groups.

    Parameters
    ----------
    law : Law
        Without scores.
    variable : str
        The input whose exponent varies.
    candidates : tuple of Candidate
        The chosen one first; empty where unlogged columns take part.
    explains : bool
        Whether nothing is left that smooth fields would explain.
    """

    law: Law
    variable: str
    candidates: tuple[Candidate, ...]
    explains: bool


def distil(
    design: Design,
    options: Options,
    power: float | None,
    seconds: float,
    so_far: float | None = None,
    clock: Clock | None = None,
) -> Distilled | None:
    """Law whose exponent of one input varies with the other groups, if the runs ask for one.

    For each input, log pi_0 = h(z) + a(z) log x is learned without a formula: x contains the
    input, z does not. Where a varies beyond chance and the power law leaves more than the learned
    fields do, a and then h are turned into closed forms; every constant of the whole is fitted
    again on the runs. Engines help only where elementary forms and the law so far leave something.

    Parameters
    ----------
    design : Design
    options : Options
    power : float, optional
        Residual of the power law, on ln(pi_0).
    seconds : float
        What the searches may take.
    so_far : float, optional
        Residual of the best law so far.
    clock : Clock, optional
        When it is over, what was found is returned as it is; it notes which search was cut.

    Returns
    -------
    Distilled or None
        None where no exponent varies, the power law explains the runs, or nothing was found.
    """
    if design.scale != "log" or design.within is not None or design.n_runs < _FEWEST:
        return None
    if any(f.contrast == "inverse" or (f.group and not f.logged) for f in design.features):
        return None
    clock = clock or Clock.of(max(seconds, 0.0) + _LONGEST_AFTER)
    end = Clock.of(min(seconds, clock.left))
    learned: list[tuple[Direction, Fields]] = []
    for direction in directions(design):
        if clock.over:
            return None
        fields = learn(design, direction)
        if fields is None or not fields.varies:
            continue
        if power is None or not fields.explained_by(power, design.n_runs):
            learned.append((direction, fields))
    learned.sort(key=lambda pair: (pair[1].sd, pair[0].variable))
    found: list[tuple[Rebuilt, Direction, Fields]] = []
    for k, (direction, fields) in enumerate(learned[:_DIRECTIONS]):
        share = end.left / (min(len(learned), _DIRECTIONS) - k)
        if so_far is not None and fields.explained_by(so_far, design.n_runs):
            share = 0.0
        own = Search(share, options.seed, options.side_budget, clock)
        laws = _laws(design, direction, fields, own)
        found += [(law, direction, fields) for law in laws]
        if clock.over or any(fields.explained_by(law.rmse, design.n_runs) for law in laws):
            break
    if not found:
        return None
    found.sort(key=lambda item: item[0].bits)
    simple = [(simplest(design, law, clock), d, f) for law, d, f in found[:_FRONT]]
    simple.sort(key=lambda item: item[0].bits)
    best, direction, fields = simple[0]
    best = positive(design, best)
    try:
        law = assemble(design, best.form.expression, best.form.constants, options.level)
    except DimgsError:
        return None
    explains = fields.explained_by(best.rmse, design.n_runs)
    return Distilled(
        law, direction.variable, _candidates([best, *(s[0] for s in simple[1:])]), explains
    )


def _laws(design: Design, direction: Direction, fields: Fields, search: Search) -> list[Rebuilt]:
    """Elementary forms of the exponent first; the engine's where these leave something."""
    forms = elementary(fields, direction.sets, _ELEMENTARY)
    laws = laws_of(design, direction, fields, forms, search.part(0.0))
    if search.seconds <= 0 or any(fields.explained_by(x.rmse, design.n_runs) for x in laws):
        return laws
    end = Clock.of(search.seconds)
    for k, arguments in enumerate(direction.sets):
        own = replace(search, seconds=end.left / (len(direction.sets) - k))
        more = searched(
            fields.exponent, fields.weights, arguments, fields.rows, own.part(0.6), log=False
        )
        laws += laws_of(design, direction, fields, more, own.part(0.4))
        if any(fields.explained_by(law.rmse, design.n_runs) for law in laws):
            break
    return laws


def _candidates(laws: list[Rebuilt]) -> tuple[Candidate, ...]:
    out: list[Candidate] = []
    for law in laws:
        try:
            candidate = Candidate.of(
                law.form.expression,
                law.form.constants,
                loss=float(np.square(law.rmse)),
                scale="log",
                engine="distillation",
            )
        except DimgsError:
            continue
        if str(candidate) not in {str(c) for c in out}:
            out.append(candidate)
    return tuple(out)
