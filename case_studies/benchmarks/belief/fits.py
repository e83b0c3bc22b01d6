"""Discoveries of known laws, with what was believed of each form, and whether it is right."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
import sympy

from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.feynman_tables import Equation
from case_studies.benchmarks.laws_with_units.tasks import equations_of
from case_studies.benchmarks.own_laws.law import OwnLaw
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.options import Options
from dimgs.discovery.search import study_with_scales
from dimgs.discovery.study import Study
from dimgs.expression import Candidate
from dimgs.judgement.candidates import JudgedForm
from dimgs.judgement.evidence import n_settings
from dimgs.judgement.posterior import Posterior, spread_of
from dimgs.judgement.residual_structure import chance_of_structure
from dimgs.law.assemble import search_names

RUNS = (20, 60, 200)
NOISES = (0.0, 0.01, 0.02, 0.05, 0.1)
# nats by which a form is behind the best, from which on it is not compared with the law
_FAR = 10.0
# what stands where the law should be: nothing but noise, or the responses of other runs
KINDS = ("law", "noise", "permuted")


def tasks(
    name: str,
    each: int,
    kind: str,
    runs: Sequence[int] = RUNS,
    noises: Sequence[float] = NOISES,
) -> Iterator[tuple[Equation, int, float, int]]:
    """Laws with runs, noise and seed: of each law some settings, in an order of its own.

    Parameters
    ----------
    name : str
        A set of :func:`equations_of`.
    each : int
        Settings for each law.
    kind : {"law", "noise", "permuted"}
    runs : sequence of int
    noises : sequence of float
        Of laws; the others have no law to which noise is added.
    """
    settings = [(n, z) for n in runs for z in (noises if kind == "law" else (0.05,))]
    laws = equations_of(name)
    for k in range(each):
        for i, law in enumerate(laws):
            order = np.random.default_rng(100 + i).permutation(len(settings))
            n, noise = settings[order[k % len(settings)]]
            yield law, n, noise, 1000 + 17 * k + i


def narrowed(law: OwnLaw, span: float, only: int | None = None) -> OwnLaw:
    """The law with inputs that vary by at most a factor, about the middle of their ranges.

    Parameters
    ----------
    law : OwnLaw
    span : float
    only : int, optional
        The one input that does, counted round; all of them without it.
    """
    ends = np.log(np.array(list(law.ranges.values())))
    most = np.full(len(ends), np.log(span))
    if only is not None:
        most[np.arange(len(ends)) != only % len(ends)] = np.inf
    middle, half = ends.mean(axis=1), np.minimum(np.ptp(ends, axis=1), most) / 2
    pairs = np.exp(np.column_stack([middle - half, middle + half])).tolist()
    ranges = {name: (low, high) for name, (low, high) in zip(law.ranges, pairs, strict=True)}
    return replace(law, ranges=ranges)


class OneAtATime(OwnLaw):
    """A law whose runs vary one input each, over its range, from the middle of all ranges."""

    def draw(self, rng: np.random.Generator, n: int, spread: float = 1.0) -> dict[str, Array]:
        """The middle, then the runs of each input in turn; nothing is drawn."""
        logs = np.log(np.array(list(self.ranges.values()))) + np.log([1 / spread, spread])
        rows = np.repeat(logs.mean(axis=1)[None], n, axis=0)
        for k, (low, high) in enumerate(logs):
            own = np.arange(1 + k, n, len(logs))
            # an even number of places leaves out the middle
            places = np.linspace(low, high, len(own) + len(own) % 2)
            rows[own, k] = places[: len(own)]
        return dict(zip(self.ranges, np.exp(rows).T, strict=True))


def one_at_a_time(law: OwnLaw) -> OwnLaw:
    """The law with runs that vary one input at a time."""
    return OneAtATime(**{x.name: getattr(law, x.name) for x in fields(law)})


def table_of(law: Equation, n: int, noise: float, seed: int, kind: str) -> Dataset:
    """Runs of a law with noise in proportion to each response, or without the law."""
    values, response = law.runs(n, seed)
    rng = np.random.default_rng(seed + 1)
    if kind == "noise":
        size = float(np.median(np.abs(response))) or 1.0
        response = size * np.exp(rng.standard_normal(len(response)))
    elif kind == "permuted":
        response = rng.permutation(response)
    else:
        response = response * (1.0 + noise * rng.standard_normal(len(response)))
    columns = {f"{v.name} [{v.unit.text}]": values[v.name] / v.unit.factor for v in law.inputs}
    unit = law.target.unit
    return Dataset.from_columns(
        {**columns, f"{law.target.name} [{unit.text}]": response / unit.factor}
    )


def solve(law: Equation, n: int, noise: float, seed: int, kind: str, effort: str) -> dict[str, Any]:
    """One line of the results.

    Parameters
    ----------
    law : Equation
    n : int
    noise : float
    seed : int
    kind : {"law", "noise", "permuted"}
    effort : str
        As of `discover`.
    """
    line = {"law": law.name, "runs": n, "noise": noise, "seed": seed, "kind": kind}
    constants = law.constants if isinstance(law, OwnLaw) else ()
    options = Options(constants=constants, engine="structured", effort=effort, time_limit=1e4)
    start = time.process_time()
    try:
        found = study_with_scales(table_of(law, n, noise, seed, kind), law.target.name, options)
    except Exception as error:  # a table on which the search fails is a result, and no stop
        return {**line, "failed": f"{type(error).__name__}: {error}"}
    return {**line, "cpu": round(time.process_time() - start, 2), **judgement_of(found, law, kind)}


def judgement_of(found: Study, law: Equation, kind: str) -> dict[str, Any]:
    """What was believed of each form, and whether it is right.

    Parameters
    ----------
    found : Study
    law : Equation
    kind : {"law", "noise", "permuted"}
    """
    known = found.posterior or Posterior((), 1.0)
    conclusion = found.verdict
    line: dict[str, Any] = {
        "confirmed": conclusion.confirmed,
        "why_not": list(conclusion.why_not),
        "none": known.none,
        "probabilities": [x.probability for x in known.laws],
        "rivals": len(known.rivals),
        "unexplained": None if found.residuals is None else found.residuals.unexplained,
        "found": str(found.law.pi_expression),
    }
    inputs = Inputs(law, given=found.prepared.basis)
    design = found.prepared.design
    line["spread"] = spread_of(design)
    best = max((one.score for one in known.forms), default=0.0)
    right = [
        kind == "law" and one.score > best - _FAR and is_right(found, one, inputs)
        for one in known.forms
    ]
    line["right"] = [
        any(r for r, c in zip(right, known.forms, strict=True) if c is x.form) for x in known.laws
    ]
    repeats = design.n_runs - n_settings(design)
    line["forms"] = [
        {
            "log_density": c.evidence.log_density,
            "usual": c.evidence.usual,
            "law": number,
            "right": good,
            "expression": str(c.expression),
            "chance": chance_of_structure(design, c),
            "dof": c.evidence.whole.dof - repeats,
            "extrapolates": c.evidence.extrapolates,
            "p_block": c.evidence.p_block,
            "fitted": c.exponents,
            "sd": c.evidence.whole.sd,
            **asdict(c.structure),
        }
        for c, number, good in zip(known.forms, known.numbers, right, strict=True)
    ]
    return line


def is_right(found: Study, one: JudgedForm, inputs: Inputs) -> bool:
    """Whether a form is the law, by the first rule of :mod:`case_studies.benchmarks.exactness`."""
    values = dict(zip(sorted(one.constants), one.evidence.whole.constants, strict=False))
    if one.name in ("power", "simple power"):
        values = dict(one.constants)
    names = search_names(found.prepared.design).items()
    back = {sympy.Symbol(v): sympy.Symbol(k) for k, v in names}
    expression = one.expression.xreplace(back)
    used = {str(s) for s in expression.free_symbols}
    constants = {k: float(v) for k, v in values.items() if k in used}
    try:
        return agreement(Candidate.of(expression, constants, scale="linear"), inputs).exact
    except Exception:  # what cannot be compared is not the law
        return False
