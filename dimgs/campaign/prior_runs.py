"""Known runs in the pi space of a plan: those that count as made, and those that are evidence.

Evidence is believed where it predicts new runs, and doubted where it does not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
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
from dimgs.kernels.conversion import port_value
from dimgs.kernels.record import RunRecord, Status
from dimgs.kernels.spec import Port
from dimgs.variables import parse_unit

# relative: the twelve digits that make two runs one, less those that a conversion of units takes
_EQUAL = 1e-9
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
        Of each origin how many runs were ``given`` and ``used``, and what became of them.
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
        found, aside = cls(), Counter[tuple[str, str]]()
        given = Counter[str]()
        for one in known:
            if isinstance(one, KnownLaw):
                runs = _said(one, binding, design)
                given[one.origin] += len(runs)
                found.evidence += runs
                continue
            given[one.origin] += 1
            placed = _placed(one, binding, design)
            if isinstance(placed, str):
                aside[one.origin, placed] += 1
            elif _counts(placed, binding, design):
                found.exact.setdefault(placed.record.key, placed)
            elif placed.y is None:
                aside[one.origin, "it gave no answer"] += 1
            else:
                found.evidence.append(placed)
        for origin, n in given.items():
            why = [f"{m} are left aside: {w}" for (o, w), m in aside.items() if o == origin]
            near = [p.z for p in (*found.exact.values(), *found.evidence) if p.origin == origin]
            z = np.array(near).reshape(len(near), binding.space.rank)
            inside = int(design.region.contains(z).sum())
            beside = [f"{len(z) - inside} beside them"] * (len(z) > inside)
            told = "; ".join([", ".join([f"{inside} lie in the ranges", *beside]), *why])
            found.origins[origin] = {"given": n, "used": 0, "told": [told]}
        for placed in found.exact.values():
            found.tell(placed.origin, 1, "runs of this very kernel count as made")
        return found

    def tell(self, origin: str, used: int, text: str) -> None:
        """Note that runs of an origin are used, or no longer, and why."""
        entry = self.origins[origin]
        entry["used"] = max(entry["used"] + used, 0)
        if text not in entry["told"]:
            entry["told"].append(text)

    def of_tier(self, tier: int) -> Mapping[str, list[PriorRun]]:
        """Evidence of a tier by origin."""
        found: dict[str, list[PriorRun]] = {}
        for placed in self.evidence:
            if placed.tier == tier:
                found.setdefault(placed.origin, []).append(placed)
        return found

    def to_json(self) -> list[dict[str, object]]:
        """As JSON: an entry for each origin."""
        return [
            {"origin": origin, **entry, "told": "; ".join(entry["told"])}
            for origin, entry in self.origins.items()
        ]


def _counts(placed: PriorRun, binding: Binding, design: CampaignDesign) -> bool:
    """Whether a run is of this very kernel, and in the ranges."""
    record = placed.record
    if not record.key or not design.region.contains(placed.z[None])[0]:
        return False
    values = {n: v for n, (v, _) in record.inputs.items()}
    return record.key == binding.request(values, placed.tier, record.seed).key


def _placed(known: KnownRun, binding: Binding, design: CampaignDesign) -> PriorRun | str:
    """A run in pi space; why it says nothing there, where it does not."""
    record, names = known.record, [t.name for t in binding.tiers]
    if record.tier and record.tier not in names:
        return f"'{record.tier}' is no tier of the plan"
    tier = names.index(record.tier) if record.tier else len(names) - 1
    try:
        values = {p.name: _value(p, record, binding) for p in binding.kernel.inputs}
    except InputError as error:
        return str(error)
    for port in binding.kernel.inputs:
        if port.name not in binding.parts and not _equal(values[port.name], binding, port):
            return f"'{port.name}' is another"
    full = replace(
        record,
        kernel=binding.kernel.name,
        tier=names[tier],
        inputs={p.name: (values[p.name], p.unit) for p in binding.kernel.inputs},
        provenance={**record.provenance, "version": binding.kernel.version},
    )
    if record.status not in (Status.OK, Status.DIVERGED, Status.REFUSED):
        return f"it {record.status}"
    if record.ok and binding.target.name not in record.outputs:
        return f"it has no '{binding.target.name}'"
    z = binding.place(full)
    if z is None:
        return "a group that the ranges never vary has another value"
    if not design.region.contains(z[None], _WIDENED)[0]:
        return "its groups lie far outside the ranges"
    if record.ok:
        unit = parse_unit(record.outputs[binding.target.name][1])
        if unit.dimension != binding.target.parsed.dimension:
            return f"its '{binding.target.name}' is in {unit.text}"
    logs = binding.logs(values)
    return PriorRun(z, binding.response(full), logs, tier, full, known.origin, known.error)


def _value(port: Port, record: RunRecord, binding: Binding) -> float | str:
    """An input in the unit of its port."""
    if port.name not in record.inputs:
        if port.name in binding.fixed:
            return binding.fixed[port.name]
        raise InputError(f"it has no '{port.name}'")
    value, text = record.inputs[port.name]
    if port.is_label:
        return str(value)
    if isinstance(value, str):
        raise InputError(f"its '{port.name}' is no number")
    try:
        converted = float(port_value(port, (value, text)))
    except InputError:
        raise InputError(f"its '{port.name}' is in {text}") from None
    plain = port.name in binding.space.basis.signed
    if port.name in binding.parts and not plain and not port.parsed.to_si(converted) > 0:
        raise InputError(f"its '{port.name}' has no logarithm")
    return converted


def _equal(value: float | str, binding: Binding, port: Port) -> bool:
    if port.name in binding.plan.ranges:
        return True
    fixed = binding.fixed[port.name]
    if isinstance(value, str) or isinstance(fixed, str):
        return value == fixed
    return abs(value - fixed) <= _EQUAL * max(abs(value), abs(fixed))


def _said(known: KnownLaw, binding: Binding, design: CampaignDesign) -> list[PriorRun]:
    """What a law says at points of its domain."""
    law, rank = known.law, binding.space.rank
    ports = {p.name: p for p in binding.kernel.inputs}
    names = [v.name for v in law.symbols.values()]
    for name in names:
        if name not in ports:
            raise InputError(f"{known.origin}: the law's '{name}' is no input of the kernel.")
    if law.target.name != binding.target.name:
        raise InputError(
            f"{known.origin}: the law gives '{law.target.name}', the plan asks for "
            f"'{binding.target.name}'."
        )
    places = np.vstack(
        [
            np.reshape(d_optimal(np.zeros((0, rank)), design.corners, rank + 1), (-1, rank)),
            np.zeros((1, rank)),
            design.pool[: _POINTS * (rank + 1)],
        ]
    )
    target, table = binding.target, [design.values(binding, z) for z in places]

    def si(rows: list[dict[str, float | str]]) -> dict[str, Array]:
        return {n: np.array([ports[n].parsed.to_si(float(row[n])) for row in rows]) for n in names}

    try:
        table = [row for row, out in zip(table, law.outside(si(table)), strict=True) if not out]
        said = law.predict(si(table), level=_ONE_SIGMA, of="law") if table else ()
    except DimgsError as error:
        raise InputError(f"{known.origin}: {error}") from error
    found = []
    for values, *ends in zip(table, *said, strict=True) if table else ():
        value, low, high = map(float, ends)
        doubt = float(np.log(high / low)) / 2.0 if high > low > 0 else 0.0
        inputs = {n: (v, ports[n].unit) for n, v in values.items()}
        outputs = {target.name: (target.parsed.from_si(value), target.unit)}
        record = RunRecord(binding.kernel.name, "", inputs, outputs, Status.OK, key="")
        placed = _placed(KnownRun(record, known.origin, doubt), binding, design)
        if isinstance(placed, PriorRun) and value > 0:
            found.append(placed)
    return found


def evidence_with(
    binding: Binding,
    design: CampaignDesign,
    runs: CampaignRuns,
    tier: int,
    prior: list[PriorRun],
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
    model, rng = trial.model, np.random.default_rng(0)
    laws = sorted(trial.answered, key=lambda k: -len(model.laws[k].rows))[:_CHECKS]
    z, found = model.sites.z, []
    if not trial.space.rank:
        return [trial.predicted(trial.propose(np.zeros(0), "check", _REASON))]
    for k in (laws * _CHECKS)[:_CHECKS]:
        own = model.sites.z[model.laws[k].rows]
        offers = np.vstack([rng.dirichlet(np.ones(len(own)), _MIXTURES) @ own, own.mean(axis=0)])
        offers = offers[trial.feasible(offers)]
        if not len(offers):
            # all its runs lie beside the ranges
            offers = trial.design.pool[trial.feasible(trial.design.pool)]
        inside = model.holds(offers)[:, k]
        offers = offers[inside] if inside.any() else offers
        if not len(offers):
            continue
        at = offers[np.argmax(nearest(offers, z))]
        z = np.vstack([z, at])
        found.append(trial.predicted(trial.propose(at, "check", _REASON)))
    return found


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
        said = float(model.expected(proposal.z[None])[0])
        worst = max(worst, abs(float(fresh.y[at]) - said))
    limit = float(model.scatter.limits(np.ones(1))[0])
    if trial.stochastic and not model.scatter.sigma:
        law = max(model.laws, key=lambda law: len(law.rows))
        limit = max(limit, float(stdtrit(law.freedom, 1.0 - _FALSE / 2.0)) * law.sigma)
    return worst, limit


def contradicted(evidence: TierEvidence) -> bool:
    """Whether a new run that lies among the evidence follows none of its laws."""
    runs, sites = evidence.runs, evidence.model.sites
    every = runs.made_for(evidence.tier)
    made = {p for p, what in every if what != EVIDENCE}
    hull = runs.z[sorted({p for p, what in every if what == EVIDENCE})]
    for i in evidence.lonely():
        fresh = int(sites.numbers[i]) in made
        repeated = sites.count[i] > 1 or not evidence.model.scatter.sigma
        if fresh and repeated and len(hull) and within(sites.z[i], hull):
            return True
    return False
