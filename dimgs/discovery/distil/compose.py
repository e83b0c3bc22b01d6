"""The way of distillation: directions, fields, closed forms, whole laws, the best of them."""

import time
from dataclasses import dataclass

import numpy as np

from dimgs.design.features import Design
from dimgs.discovery.distil.directions import Direction, directions
from dimgs.discovery.distil.fields import Fields, learn
from dimgs.discovery.distil.forms import elementary, searched
from dimgs.discovery.distil.rebuild import Rebuilt, laws_of, positive, simplest
from dimgs.discovery.options import Options
from dimgs.errors import DimgsError
from dimgs.expression.candidate import Candidate
from dimgs.law.assemble import assemble
from dimgs.law.law import Law

_ELEMENTARY = 6
_DIRECTIONS = 2
_FRONT = 4
_FEWEST = 12


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

    Returns
    -------
    Distilled or None
        None where no exponent varies, the power law explains the runs, or nothing was found.
    """
    if design.scale != "log" or design.within is not None or design.n_runs < _FEWEST:
        return None
    if any(f.contrast == "inverse" for f in design.features):
        return None
    end = time.monotonic() + seconds
    learned: list[tuple[Direction, Fields]] = []
    for direction in directions(design):
        fields = learn(design, direction)
        if fields is None or not fields.varies:
            continue
        if power is None or not fields.explained_by(power, design.n_runs):
            learned.append((direction, fields))
    learned.sort(key=lambda pair: (pair[1].sd, pair[0].variable))
    found: list[tuple[Rebuilt, Direction, Fields]] = []
    for k, (direction, fields) in enumerate(learned[:_DIRECTIONS]):
        share = (end - time.monotonic()) / (min(len(learned), _DIRECTIONS) - k)
        if so_far is not None and fields.explained_by(so_far, design.n_runs):
            share = 0.0
        laws = _laws(design, direction, fields, options.seed, share)
        found += [(law, direction, fields) for law in laws]
        if any(fields.explained_by(law.rmse, design.n_runs) for law in laws):
            break
    if not found:
        return None
    found.sort(key=lambda item: item[0].bits)
    simple = [(simplest(design, law), d, f) for law, d, f in found[:_FRONT]]
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


def _laws(
    design: Design, direction: Direction, fields: Fields, seed: int, seconds: float
) -> list[Rebuilt]:
    """Elementary forms of the exponent first; the engine's where these leave something."""
    forms = elementary(fields, direction.sets, _ELEMENTARY)
    laws = laws_of(design, direction, fields, forms, 0.0, seed)
    if any(fields.explained_by(law.rmse, design.n_runs) for law in laws):
        return laws
    if seconds <= 0:
        return laws
    end = time.monotonic() + seconds
    for k, arguments in enumerate(direction.sets):
        share = (end - time.monotonic()) / (len(direction.sets) - k)
        more = searched(
            fields.exponent,
            fields.weights,
            arguments,
            fields.rows,
            log=False,
            seconds=0.6 * share,
            seed=seed,
        )
        laws += laws_of(design, direction, fields, more, 0.4 * share, seed)
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
                engine="distilled",
            )
        except DimgsError:
            continue
        if str(candidate) not in {str(c) for c in out}:
            out.append(candidate)
    return tuple(out)
