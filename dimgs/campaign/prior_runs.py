"""Known runs in the pi space of a plan: those that count as made, and those that are evidence.

Evidence is trusted where it predicts new runs, and left aside where it does not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any

import numpy as np
from scipy.special import stdtrit

from dimgs.campaign.binding import Binding
from dimgs.campaign.design import CampaignDesign, d_optimal, nearest
from dimgs.campaign.evidence import Proposal, TierEvidence
from dimgs.campaign.known import Known, KnownLaw, KnownRun
from dimgs.campaign.space import EVIDENCE, CampaignRuns
from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.fits.consensus import within
from dimgs.kernels.conversion import holds_inputs, port_value, unit_for
from dimgs.kernels.record import RunRecord, Status

# ranges that are so many times as wide in logarithms hold what counts. By films whose ranges lie a
# decade beside those of the plan: of ranges twice as wide, what is left of an earlier campaign
# tells its laws no longer; runs farther out follow other laws as a rule
_WIDENED = 4.0
# points at which a law says what it knows, for each of its unknowns: enough for several regimes
_POINTS = 12
# an interval of a normal variable whose half-width is its standard deviation
_ONE_SIGMA = 0.6827
# runs that are predicted from evidence: what evidence that is wrong may cost
_CHECKS = 2
# mixtures of runs of a law, the farthest of which from all runs is predicted
_MIXTURES = 64
# chance that noise alone makes a predicted run miss
_FALSE = 0.005


@dataclass(frozen=True, eq=False)
class PriorRun:
    """A known run in the pi space of a plan.

    Attributes
    ----------
    z : ndarray of shape (rank,)
    y : float or None
        Logarithm of the response group; None where the run gave no answer.
    logs : ndarray of shape (n_inputs,)
        Logarithms of the varying inputs.
    tier : int
    record : RunRecord
        In the units of the kernel's ports, with all its inputs.
    origin : str
    error : float
        Standard error of `y`.
    """

    z: Array
    y: float | None
    logs: Array
    tier: int
    record: RunRecord
    origin: str
    error: float = 0.0


@dataclass(eq=False)
class PriorRuns:
    """What is known before the first run.

    Attributes
    ----------
    exact : mapping of str to PriorRun
        Runs in the ranges that count as made, by their keys.
    evidence : list of PriorRun
        Other runs.
    origins : mapping of str to dict
        Of each origin how many runs were ``given`` and ``used``, and their fate (``told``).
    """

    exact: dict[str, PriorRun] = field(default_factory=dict)
    evidence: list[PriorRun] = field(default_factory=list)
    origins: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Iterable[Known], binding: Binding, design: CampaignDesign) -> "PriorRuns":
        """Place known runs.

        Parameters
        ----------
        known : iterable of KnownRun and KnownLaw
        binding : Binding
        design : CampaignDesign
        """
        prior, given, aside = cls(), Counter[str](), Counter[tuple[str, str]]()
        for one in known:
            runs = _runs_of(one, binding, design) if isinstance(one, KnownLaw) else [one]
            given[one.origin] += len(runs)
            for run in runs:
                try:
                    placed = _placed(run, binding, design)
                    if _counts(placed, binding, design):
                        prior.exact.setdefault(placed.record.key, placed)
                    elif placed.y is None:
                        raise InputError("it gave no answer")
                    else:
                        prior.evidence.append(placed)
                except InputError as error:
                    aside[one.origin, str(error)] += 1
        for origin, n in given.items():
            near = [p.z for p in (*prior.exact.values(), *prior.evidence) if p.origin == origin]
            z = np.array(near).reshape(len(near), binding.space.rank)
            inside = int(design.region.contains(z).sum())
            beside = f", {len(z) - inside} beside them" if len(z) > inside else ""
            why = [f"{m} are left aside: {w}" for (o, w), m in aside.items() if o == origin]
            text = "; ".join([f"{inside} lie in the ranges{beside}", *why])
            prior.origins[origin] = {"given": n, "used": 0, "told": text}
        for placed in prior.exact.values():
            prior.tell(placed.origin, 1, "runs of this very kernel count as made")
        return prior

    def tell(self, origin: str, used: int, text: str) -> None:
        """Note that runs of an origin are used, or no longer, and why."""
        entry = self.origins[origin]
        entry["used"] = max(entry["used"] + used, 0)
        if text not in entry["told"]:
            entry["told"] += f"; {text}"

    def of_tier(self, tier: int) -> Mapping[str, list[PriorRun]]:
        """Evidence of a tier by origin."""
        by_origin: dict[str, list[PriorRun]] = {}
        for placed in self.evidence:
            if placed.tier == tier:
                by_origin.setdefault(placed.origin, []).append(placed)
        return by_origin

    def to_json(self) -> list[dict[str, object]]:
        """As JSON: an entry for each origin."""
        return [{"origin": origin, **entry} for origin, entry in self.origins.items()]


def _counts(placed: PriorRun, binding: Binding, design: CampaignDesign) -> bool:
    """Whether a run is of this very kernel, and in the ranges."""
    record = placed.record
    if not record.key or not design.region.contains(placed.z[None])[0]:
        return False
    values = {n: v for n, (v, _) in record.inputs.items()}
    return record.key == binding.request(values, placed.tier, record.seed).key


def _placed(known: KnownRun, binding: Binding, design: CampaignDesign) -> PriorRun:
    """A run in pi space; an error says why it says nothing there."""
    record, ports, target = known.record, binding.ports, binding.target
    names = [t.name for t in binding.tiers]
    if record.tier and record.tier not in names:
        raise InputError(f"'{record.tier}' is no tier of the plan")
    given = {n: port_value(ports[n], q) for n, q in record.inputs.items() if n in ports}
    middle = binding.values(binding.space.centre)
    values = {n: v for n, v in middle.items() if n in binding.fixed or n not in binding.parts}
    values |= given
    for name, port in ports.items():
        if name not in values:
            raise InputError(f"it has no '{name}'")
        positive = name in binding.parts and name not in binding.space.basis.signed
        if positive and not port.parsed.to_si(float(values[name])) > 0:
            raise InputError(f"its '{name}' has no logarithm")
    full = replace(
        record,
        kernel=binding.kernel.name,
        tier=record.tier or names[-1],
        inputs={n: (values[n], port.unit) for n, port in ports.items()},
        provenance={**record.provenance, "version": binding.kernel.version},
    )
    for name, fixed in binding.fixed.items():
        elsewhere = name in binding.parts or name in binding.plan.ranges
        if not elsewhere and not holds_inputs(full.inputs, {name: (fixed, full.inputs[name][1])}):
            raise InputError(f"'{name}' is another")
    if record.status not in (Status.OK, Status.DIVERGED, Status.REFUSED):
        raise InputError(f"it {record.status}")
    if record.ok:
        if target.name not in record.outputs:
            raise InputError(f"it has no '{target.name}'")
        unit_for(target, record.outputs[target.name][1], "output")
    z = binding.place(full)
    if z is None:
        raise InputError("a group that the ranges never vary has another value")
    if not design.region.contains(z[None], _WIDENED)[0]:
        raise InputError("its groups lie far outside the ranges")
    y, tier = binding.response(full), names.index(full.tier)
    return PriorRun(z, y, binding.logs(values), tier, full, known.origin, known.error)


def _runs_of(known: KnownLaw, binding: Binding, design: CampaignDesign) -> list[KnownRun]:
    """What a law says at points of its domain."""
    law, target, ports, rank = known.law, binding.target, binding.ports, binding.space.rank
    names = [v.name for v in law.symbols.values() if v.name in ports]
    if law.target.name != target.name:
        raise InputError(
            f"{known.origin}: the law gives '{law.target.name}', the plan asks for '{target.name}'."
        )
    places = [
        *d_optimal(np.zeros((0, rank)), design.corners, rank + 1),
        np.zeros(rank),
        *design.pool[: _POINTS * (rank + 1)],
    ]
    rows = [design.values(z) for z in places]
    si = {n: np.array([ports[n].parsed.to_si(float(row[n])) for row in rows]) for n in names}
    try:
        inside = np.array([not groups for groups in law.outside(si)])
        if not inside.any():
            return []
        si = {n: x[inside] for n, x in si.items()}
        predicted = law.predict(si, level=_ONE_SIGMA, of="law")
    except DimgsError as error:
        raise InputError(f"{known.origin}: {error}") from error
    runs = []
    for row, *ends in zip(compress(rows, inside), *predicted, strict=True):
        value, low, high = map(float, ends)
        doubt = float(np.log(high / low)) / 2.0 if high > low > 0 else 0.0
        inputs = {n: (v, ports[n].unit) for n, v in row.items()}
        outputs = {target.name: (target.parsed.from_si(value), target.unit)}
        record = RunRecord(binding.kernel.name, "", inputs, outputs, Status.OK, key="")
        runs.append(KnownRun(record, known.origin, doubt))
    return runs


def evidence_with(
    binding: Binding, design: CampaignDesign, runs: CampaignRuns, tier: int, prior: list[PriorRun]
) -> TierEvidence | None:
    """What the runs of a tier would say with the evidence; None where they determine no law."""
    every = deepcopy(runs)
    for placed in prior:
        every.add(placed.z, placed.tier, placed.y, EVIDENCE, placed.error)
    trial = TierEvidence(binding, design, every, tier)
    return trial if trial.clear and np.isfinite(trial.worst) else None


def runs_to_predict(trial: TierEvidence) -> list[Proposal]:
    """Runs that evidence predicts: among the runs of each law, far from all of them.

    Parameters
    ----------
    trial : TierEvidence
        From :func:`evidence_with`.
    """
    model, rng, z = trial.model, np.random.default_rng(0), trial.model.sites.z
    laws = sorted(trial.answered, key=lambda k: -len(model.laws[k].rows))[:_CHECKS]
    checks = [] if trial.space.rank else [np.zeros(0)]
    for k in [] if checks else (laws * _CHECKS)[:_CHECKS]:
        of_law = model.sites.z[model.laws[k].rows]
        mixed = rng.dirichlet(np.ones(len(of_law)), _MIXTURES) @ of_law
        offers = np.vstack([mixed, of_law.mean(axis=0)])
        offers = offers[trial.feasible(offers)]
        if not len(offers):
            # all its runs lie beside the ranges
            offers = trial.design.pool[trial.feasible(trial.design.pool)]
        inside = model.holds(offers)[:, k]
        offers = offers[inside] if inside.any() else offers
        if len(offers):
            checks.append(offers[np.argmax(nearest(offers, np.vstack([z, *checks])))])
    return [trial.predicted(trial.propose(check, "check", _REASON)) for check in checks]


_REASON = "predicted from runs that exist elsewhere"


def largest_miss(
    trial: TierEvidence, runs: CampaignRuns, proposals: list[Proposal]
) -> tuple[float, float]:
    """Largest miss of the predicted runs, and what may miss by chance; logarithms."""
    model, worst = trial.model, 0.0
    for proposal in proposals:
        fresh, at = runs.site(proposal.z, trial.tier)
        if at is None:
            return np.inf, 0.0
        predicted = float(model.expected(proposal.z[None])[0])
        worst = max(worst, abs(float(fresh.y[at]) - predicted))
    limit = float(model.scatter.limits(np.ones(1))[0])
    if trial.stochastic and not model.scatter.sigma:
        law = max(model.laws, key=lambda law: len(law.rows))
        limit = max(limit, float(stdtrit(law.freedom, 1.0 - _FALSE / 2.0)) * law.sigma)
    return worst, limit


def contradicted(evidence: TierEvidence) -> bool:
    """Whether a new run that lies among the evidence follows none of its laws."""
    runs, sites = evidence.runs, evidence.model.sites
    every = runs.of_tier(evidence.tier)
    made = {a.point for a in every if a.purpose != EVIDENCE}
    hull = runs.z[sorted({a.point for a in every if a.purpose == EVIDENCE})]
    for i in evidence.unexplained():
        fresh = int(sites.numbers[i]) in made
        repeated = sites.count[i] > 1 or not evidence.model.scatter.sigma
        if fresh and repeated and len(hull) and within(sites.z[i], hull):
            return True
    return False
