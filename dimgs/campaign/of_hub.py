"""Runs and laws of a hub that a campaign may start from."""

from dimgs.campaign.binding import Binding
from dimgs.campaign.known import Known, KnownLaw, measured
from dimgs.hub.cards import trusted_cards
from dimgs.hub.hub import Hub
from dimgs.hub.runs import run_record
from dimgs.similitude.laws import laws_in
from dimgs.similitude.origin import GOOD, describe

# newest runs of a kernel and tier that are looked at: a campaign makes some dozens
_MOST = 2000
# newest laws of a kernel that are looked at: each is asked at a few dozen points
_LAWS = 20


def known_of_hub(hub: Hub, binding: Binding) -> list[Known]:
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
    name, cards = binding.kernel.name, trusted_cards(hub)
    physics = {n: cards[n]["content"].get("physics") for n in sorted(cards)}
    same = physics.get(name)
    names = [name, *(n for n, p in physics.items() if p == same and p is not None and n != name)]
    return [*(run for n in names for run in _runs(hub, binding, n)), *_laws(hub, binding)]


def _runs(hub: Hub, binding: Binding, kernel: str) -> list[Known]:
    """Runs of a kernel with the labels of the plan, those of each tier by one version of it."""
    target = binding.target.name
    known = describe(hub, binding.kernel if kernel == binding.kernel.name else kernel, load=False)
    if target not in known.outputs:
        return []
    named = {n: v for n, v in binding.fixed.items() if isinstance(v, str)}
    runs: list[Known] = []
    for tier, table in hub.run_tables(kernel, known.sizes, named).items():
        version = None
        # the newest first, so that its version is the one that counts
        for run in reversed(table.fetch(range(max(len(table) - _MOST, 0), len(table)))):
            if run["state"] not in GOOD or target not in run["outputs"]:
                continue
            if version is None:
                # the cache version that the run would have here, where the kernel can be run here
                values = {n: q["value"] for n, q in run["inputs"].items()}
                versions = known.versions(values, tier) if tier in known.tiers else None
                version = (versions and versions[0]) or run["version"]
            if run["version"] == version:
                runs.append(measured(run_record(run), target, f"{kernel} in {hub.address}"))
    return runs


def _laws(hub: Hub, binding: Binding) -> list[Known]:
    """Laws of the kernel that nobody doubts; none where labels decide, which no law holds."""
    if any(p.is_label for p in binding.kernel.inputs):
        return []
    laws: list[Known] = []
    for listed in hub.listed(kind="law", kernel=binding.kernel.name, newest=True, limit=_LAWS):
        entry = hub.get(listed["id"]) if listed["state"] == "accepted" else None
        if entry is not None and not entry["superseded_by"]:
            stated = laws_in(entry, binding.target.name, binding.ports)
            laws += [KnownLaw(law, f"law {entry['id'][:12]}") for law in stated]
    return laws
