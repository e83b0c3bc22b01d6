"""Runs and laws that exist before a campaign, in the pi space of its plan; those of a hub too."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.campaign.plan import EVIDENCE, KNOWN, Binding, CampaignDesign, CampaignRun, at
from dimgs.campaign.regimes import SAME
from dimgs.common.advice import Advice, Setting, on_the_command_line, worded
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import is_database, json_value, read_text, rows_shown
from dimgs.dataset import read_table
from dimgs.hub.entry import newest_version, run_record
from dimgs.judgement.next_run import d_optimal
from dimgs.kernels.base import holds_inputs, unit_for
from dimgs.kernels.record import RunRecord, Status
from dimgs.law.law import Law
from dimgs.variables import parse_unit

if TYPE_CHECKING:
    from dimgs.hub.hub import Hub

# ---- Runs and laws that exist before a campaign, wherever they come from, in the pi space of its
# plan.
#
# Runs of this very kernel count as made. Others are evidence, which is trusted where it predicts
# new runs, and left aside where it does not.


_STORE, _TIER = "runs.sqlite", "tier"
# origin of runs that the same campaign has made for another target
SHARED = "another target"
# ranges that are so many times as wide in logarithms hold what counts. By films whose ranges lie a
# decade beside those of the plan: of ranges twice as wide, what is left of an earlier campaign
# tells its laws no longer; runs farther out follow other laws as a rule
_WIDENED = 4.0
# points at which a law says what it knows, for each of its unknowns: enough for several regimes
_POINTS = 12
# an interval of a normal variable whose half-width is its standard deviation
_ONE_SIGMA = 0.6827


@dataclass(frozen=True)
class KnownRun:
    """A run that was made before.

    It counts as made where its record has the key that the plan's kernel gives to the same inputs,
    tier and seed. Any other run is evidence: it is used where the runs of its origin predict new
    runs.

    Attributes
    ----------
    record : RunRecord
        Inputs and outputs with their units; an input of the kernel that it does not give has the
        value that the plan fixes. Without a tier it is one of the finest.
    origin : str
        Where it comes from, for messages; runs of one origin are trusted or left aside together.
    error : float
        Relative standard error of the target.

    Examples
    --------
    >>> from dimgs.kernels.record import Status
    >>> KnownRun(RunRecord("pendulum", "", {"l": (1.0, "m"), "g": (9.81, "m/s^2")},
    ...     {"T": (2.006, "s")}, Status.OK, key=""), "my notebook").record.tier
    ''
    """

    record: RunRecord
    origin: str
    error: float = 0.0


@dataclass(frozen=True)
class KnownLaw:
    """A law that was found before: what it says inside its domain is evidence.

    Attributes
    ----------
    law : Law
    origin : str

    Examples
    --------
    >>> import dimgs
    >>> table = {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]}
    >>> law = dimgs.fit(table, "T", constants=["g"]).law
    >>> KnownLaw(law, origin="a pendulum").origin
    'a pendulum'
    """

    law: "Law"
    origin: str


Known = KnownRun | KnownLaw


def every_known(
    sources: "Iterable[Known | str | PathLike[str]] | str | PathLike[str]", binding: Binding
) -> tuple[Known, ...]:
    """Runs and laws, those of files read.

    Parameters
    ----------
    sources : path, or iterable of KnownRun, KnownLaw or path
        A path is that of a store of runs, of a campaign's folder, of a table, or of a law (JSON).
    binding : Binding
        Of the plan that they are for.

    Returns
    -------
    tuple of KnownRun and KnownLaw

    Raises
    ------
    InputError
        If a file cannot be read, or a table lacks the target or an input of the plan's ranges.
    """
    each = [sources] if isinstance(sources, str | PathLike) else sources
    return tuple(known for source in each for known in _read(source, binding))


def _read(source: Any, binding: Binding) -> Sequence[Known]:
    if isinstance(source, KnownRun | KnownLaw):
        return [source]
    if not isinstance(source, str | PathLike):
        what = "a KnownRun, a KnownLaw, or the path of a store, a table or a law"
        raise InputError(f"{source!r:.60} is no known run; give {what}.")
    path = Path(source, _STORE) if Path(source).is_dir() else Path(source)
    if not path.is_file():
        what = "a store (runs.sqlite), a campaign's folder, a table or a law (JSON)"
        raise InputError(f"There is no '{path}' to start from; give {what}.")
    if is_database(path):
        # databases are loaded only where there is one
        from dimgs.hub import RunStore

        with RunStore(path) as store:
            return [KnownRun(r, f"{path.parent.name}/{path.name}") for r in store.records()]
    if path.suffix == ".json":
        document = json_value(read_text(path, "law"), path.name, "give a law as JSON")
        inner = document.get("law") if isinstance(document, dict) else None
        return [KnownLaw(Law.from_json(inner if isinstance(inner, dict) else path), path.name)]
    return _of_table(path, binding)


def _of_table(path: Path, binding: Binding) -> Sequence[Known]:
    from dimgs.hub.hub import table_records

    with worded(partial(_beside, path)):
        data = read_table(path)
    target, kernel = binding.target.name, binding.kernel
    with at(binding.plan, path.name):
        for port in (*kernel.inputs, *kernel.outputs):
            if port.name in (target, *binding.plan.ranges, *data.names):
                column = data.variable(port.name)
                if not (port.is_label or column.is_label):
                    unit_for(port, column.unit.text)
    runs = []
    for record in table_records(data, target):
        inputs = dict(record.inputs)
        tier = str(inputs.pop(_TIER)[0]) if _TIER in inputs and _TIER in data.label_names else ""
        runs.append(measured(replace(record, tier=tier, inputs=inputs), target, path.name))
    return runs


def _beside(path: Path, advice: Advice) -> str:
    """Advice on a table that a campaign starts from: its units may stand in a file beside it."""
    if not (isinstance(advice, Setting) and advice.option == "units"):
        return on_the_command_line(advice)
    units = dict(each.split("=") for values in advice.values for each in values.split(","))
    return f"{path.stem}.units.json with {json.dumps(units, ensure_ascii=False)}"


def measured(record: RunRecord, target: str, origin: str) -> KnownRun:
    """A run with the error that its record has of the target."""
    value, text = record.outputs.get(target, (1.0, "1"))
    unit = parse_unit(text)
    size, error = unit.to_si(float(value)), record.errors.get(target, 0.0) * unit.factor
    return KnownRun(record, origin, abs(error / size) if size else 0.0)


class PriorRuns:
    """What is known before the first run.

    Parameters
    ----------
    known : iterable of KnownRun and KnownLaw
    design : CampaignDesign

    Attributes
    ----------
    exact : mapping of str to CampaignRun
        Runs in the ranges that count as made, by their keys.
    evidence : list of CampaignRun
        Other runs.
    reused : set of str
        Those of them that others have made.
    origins : mapping of str to dict
        Of each ``origin`` how many runs were ``given`` and ``used``, and their fate (``told``).
    """

    def __init__(self, known: Iterable[Known], design: CampaignDesign) -> None:
        self.exact: dict[str, CampaignRun] = {}
        self.evidence: list[CampaignRun] = []
        self.origins: dict[str, dict[str, Any]] = {}
        given, aside = Counter[str](), defaultdict[tuple[str, str], list[KnownRun]](list)
        for one in known:
            runs = _runs_of(one, design) if isinstance(one, KnownLaw) else [one]
            given[one.origin] += len(runs)
            for run in runs:
                try:
                    placed = _placed(run, design)
                except InputError as error:
                    aside[one.origin, str(error)].append(run)
                    continue
                if placed.purpose == KNOWN:
                    self.exact.setdefault(placed.record.key, placed)
                else:
                    self.evidence.append(placed)
        for origin, n in given.items():
            near = [p.z for p in (*self.exact.values(), *self.evidence) if p.origin == origin]
            z = np.array(near).reshape(len(near), design.binding.space.rank)
            inside = int(design.region.contains(z).sum())
            beside = f", {len(z) - inside} beside them" if len(z) > inside else ""
            why = [f"{_aside(runs)}: {w}" for (o, w), runs in aside.items() if o == origin]
            text = "; ".join([f"{inside} lie in the ranges{beside}", *why])
            self.origins[origin] = {"origin": origin, "given": n, "used": 0, "told": text}
        for placed in self.exact.values():
            self.tell(placed.origin, 0, "runs of this very kernel count as made")
        self.reused = {key for key, run in self.exact.items() if run.origin != SHARED}

    def tell(self, origin: str, used: int, text: str = "") -> None:
        """Note that runs of an origin are used, or no longer, and why."""
        entry = self.origins[origin]
        entry["used"] = max(entry["used"] + used, 0)
        if text not in entry["told"]:
            entry["told"] += f"; {text}"


def _aside(runs: Sequence[KnownRun]) -> str:
    """That runs are left aside, with their rows where they are of a table."""
    rows = [r.record.provenance["row"] for r in runs if "row" in r.record.provenance]
    named = f" ({rows_shown(rows)})" if rows else ""
    return f"{len(runs)} {'is' if len(runs) == 1 else 'are'} left aside{named}"


def _placed(known: KnownRun, design: CampaignDesign) -> CampaignRun:
    """A run in pi space; an error says why it says nothing there."""
    binding, record = design.binding, known.record
    ports, target, names = binding.ports, binding.target, [t.name for t in binding.tiers]
    if record.tier and record.tier not in names:
        raise InputError(f"'{record.tier}' is no tier of the plan")
    values, _, z = binding.located(record.inputs)
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
    if not design.region.contains(z[None], _WIDENED)[0]:
        raise InputError("its groups lie far outside the ranges")
    y, tier, logs = binding.response(full), names.index(full.tier), binding.logs(values)
    # where the plan asks for whole numbers, it makes no others
    made = np.allclose(binding.logs(binding.values(logs)), logs, rtol=0.0, atol=SAME)
    counts = record.key and made and design.region.contains(z[None])[0]
    counts = counts and record.key == binding.request(values, tier, record.seed).key
    if not counts and np.isnan(y):
        why = f"its '{target.name}' has no logarithm, so correct it or leave the run out"
        raise InputError(why if record.ok else "it gave no answer")
    whole = full, known.origin, known.error
    return CampaignRun(z, tier, y, KNOWN if counts else EVIDENCE, logs, *whole)


def _runs_of(known: KnownLaw, design: CampaignDesign) -> list[KnownRun]:
    """What a law says at points of its domain."""
    binding, law = design.binding, known.law
    target, ports, rank = binding.target, binding.ports, binding.space.rank
    names = [v.name for v in law.symbols.values() if v.name in ports]
    if law.target.name != target.name:
        why = f"the law gives '{law.target.name}', the plan asks for '{target.name}'."
        raise InputError(f"{known.origin}: {why}")
    support = d_optimal(np.zeros((0, rank)), design.corners, rank + 1)
    places = [*support, np.zeros(rank), *design.pool[: _POINTS * (rank + 1)]]
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


# ---- Runs and laws of a hub that a campaign may start from. SQLAlchemy is loaded where there is
# one.


# newest runs of a kernel and tier that are looked at: a campaign makes some dozens
_MOST = 2000
# newest laws of a kernel that are looked at: each is asked at a few dozen points
_LAWS = 20


def known_of_hub(hub: "Hub", binding: Binding) -> list[Known]:
    """Runs and laws of a hub that say something of a plan.

    Runs of the plan's kernel count as made where they are the same runs, whoever made them; those
    in other sizes, and those of other kernels of the same physics identity, are evidence, which a
    campaign trusts where it predicts new runs. What is disputed or of another version of the
    program is left out.

    Parameters
    ----------
    hub : Hub
    binding : Binding
        Of the plan.

    Returns
    -------
    list of KnownRun and KnownLaw
    """
    from dimgs.hub.cards import trusted_cards

    name, cards = binding.kernel.name, trusted_cards(hub)
    physics = {n: cards[n]["content"].get("physics") for n in sorted(cards)}
    same = physics.get(name)
    names = [name, *(n for n, p in physics.items() if p == same and p is not None and n != name)]
    return [*(run for n in names for run in _runs(hub, binding, n)), *_laws(hub, binding)]


def _runs(hub: "Hub", binding: Binding, kernel: str) -> list[Known]:
    """Runs of a kernel with the labels of the plan, those of each tier by one version of it."""
    from dimgs.similitude.origin import GOOD, describe

    target = binding.target.name
    known = describe(hub, binding.kernel if kernel == binding.kernel.name else kernel, load=False)
    if target not in known.outputs:
        return []
    named = {n: v for n, v in binding.fixed.items() if isinstance(v, str)}
    ids: list[str] = []
    for tier, table in hub.run_tables(kernel, known.sizes, named).items():
        newest = reversed(table.fetch(range(max(len(table) - _MOST, 0), len(table))))
        runs = [r for r in newest if r["state"] in GOOD and target in r["outputs"]]
        if (run := newest_version(runs)) is not None:
            # the cache version that the run would have here, where the kernel can be run here
            values = {n: q["value"] for n, q in run["inputs"].items()}
            here = known.versions(values, tier) if tier in known.tiers else None
            version = run["version"] if here is None else here[0]
            ids += [r["id"] for r in runs if r["version"] == version]
    # as they are kept, so that the hub knows them again when the campaign is kept
    kept = (entry["content"] for entry in hub.several(ids).values() if entry["content"])
    return [measured(run_record(run), target, f"{kernel} in {hub.address}") for run in kept]


def _laws(hub: "Hub", binding: Binding) -> list[Known]:
    """Laws of the kernel that nobody doubts; none where labels decide, which no law holds."""
    from dimgs.similitude.laws import laws_in

    if any(p.is_label for p in binding.kernel.inputs):
        return []
    laws: list[Known] = []
    for listed in hub.listed(kind="law", kernel=binding.kernel.name, newest=True, limit=_LAWS):
        entry = hub.get(listed["id"]) if listed["state"] == "accepted" else None
        if entry is not None and not entry["superseded_by"]:
            stated = [law for law, _ in laws_in(entry, binding.target.name, binding.ports)]
            laws += [KnownLaw(law, f"law {entry['id'][:12]}") for law in stated]
    return laws
