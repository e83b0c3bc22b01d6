"""Check of a card: whether it declares every dimensional constant of its kernel."""

import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

from dimgs.common.errors import InputError
from dimgs.common.formats import attributes
from dimgs.groups.scalings import Scalings
from dimgs.hub.acts import Writer
from dimgs.hub.entry import (
    Document,
    Json,
    cache_version,
    canonical,
    links_to,
    program_of,
    quantities,
    run_content,
    versioned_first,
)
from dimgs.kernels.base import Kernel, Port, convert_inputs
from dimgs.kernels.record import RunRecord
from dimgs.kernels.registry import available, load_kernel
from dimgs.variables import Dimension, parse_unit

# cards and runs that are looked through for one that can be used: redacted and failed ones are rare
_NEWEST = 20
# as many predicted and run images have to agree before a card is complete: one more than would
# agree by the chance that a constant happens to matter little in one of them
_IMAGES = 3
# each base unit is made larger or smaller by up to this: a hidden constant then shows
_LARGEST_STEP = math.log(3.0)
# and by at least this: a constant then changes the answer by far more than solvers differ by
_SMALLEST_STEP = math.log(1.3)
# relative: solvers with absolute tolerances differ by less in another size; constants by far more
_AGREES = 1e-4
# draws of a step inside the ranges of the kernel: with one in fifty usable, all but 2 % find one
_TRIES = 200


def check_card(hub: Writer, kernel: Any, tier: str | None = None, seed: int = 0) -> Json:
    """Predict scaled images of a run, run them, and compare.

    All base units are changed at once, so that every group keeps its value and each output has to
    change as its dimension says. Where it does not, the kernel holds a constant with a dimension
    that its card does not declare. Constants that the card declares keep their value: the units are
    changed only in ways that leave them as they are.

    Parameters
    ----------
    hub : Hub
        Keeps the runs, and a card that says whether it is complete.
    kernel : str or Kernel
    tier : str, optional
        The finest by default.
    seed : int

    Returns
    -------
    dict
        "complete", "images" with inputs, predicted and found outputs and whether they agree, and
        the id of the "card".

    Raises
    ------
    InputError
        If there is no run to begin with, or the ranges leave no room for images.
    """
    hub.check_adder()
    loaded = load_kernel(kernel)
    card_id, card = _card_of(hub, loaded)
    base = loaded.run(_start(hub, loaded), tier, seed)
    if not base.ok:
        raise InputError(
            f"'{loaded.name}' failed in the run that the images start from ({base.reason}); add a "
            "successful run of it to the hub."
        )
    constants = constants_of(card)
    rng = random.Random(seed)
    images, records = [], [base]
    for _ in range(_IMAGES):
        growth = _growth(rng, loaded, base, constants)
        record = loaded.run(_scaled(loaded, base, growth), tier, seed)
        records.append(record)
        images.append(_compared(base, record, growth))
    complete = all(image["agrees"] for image in images)
    rests = [("derived", id) for id in dict.fromkeys(hub.add_runs(records))]
    document = {**card, "kind": "card", "complete": complete}
    program = program_of(run_content(base))
    if card_id is not None and card.get("complete", False) == complete:
        # what was only claimed is shown now
        rests = [] if is_checked(hub, hub.get(card_id), program) else rests
    if rests or card_id is None:
        earlier = [] if card_id is None else [("supersedes", card_id)]
        card_id = hub.add_linked(document, [*rests, *earlier])
    return {"complete": complete, "images": images, "card": card_id}


def newest_runs(hub: Writer, kernel: str, output: str | None = None) -> Iterator[Json]:
    """Contents of the newest runs of a kernel that ended well, those without a version last.

    With an output, only runs that have it.
    """
    key = None if output is None else f"{canonical(output)}:"
    runs = (run for _, run in _newest(hub, "run", kernel, key) if run.get("status", "ok") == "ok")
    good = (run for run in runs if output is None or output in run.get("outputs", {}))
    return versioned_first(good, cache_version)


def _newest(
    hub: Writer, kind: str, kernel: str, text: str | None = None
) -> Iterator[tuple[str, Json]]:
    """Ids and contents of the newest entries of a kernel, without those that were redacted."""
    for listed in hub.listed(kind=kind, kernel=kernel, newest=True, limit=_NEWEST, text=text):
        content = hub.get(listed["id"])["content"]
        if content is not None:
            yield listed["id"], content


def port_records(ports: tuple[Port, ...]) -> dict[str, Json]:
    """Declarations of the inputs or outputs of a kernel, by name."""
    records = {p.name: attributes(p, "unit low high default description") for p in ports}
    return {n: {f: v for f, v in p.items() if v not in (None, "")} for n, p in records.items()}


def card_of(kernel: Kernel) -> Json:
    """Card of a kernel, as far as the kernel declares it itself."""
    physics = getattr(kernel, "physics", "")
    return {
        "kernel": kernel.name,
        **({"physics": physics} if physics else {}),
        "inputs": port_records(kernel.inputs),
        "outputs": port_records(kernel.outputs),
        "tiers": {t.name: {"cost": t.cost} for t in kernel.tiers},
        "constants": {},
        "complete": False,
    }


def keep_card(hub: Writer, kernel: Kernel | str) -> None:
    """Keep the card of a kernel that declares its physics, where the hub has none of it.

    A name is passed over where no such kernel is installed.
    """
    if isinstance(kernel, str):
        if kernel not in available():
            return
        kernel = load_kernel(kernel)
    if getattr(kernel, "physics", "") and _card_of(hub, kernel)[0] is None:
        hub.once({"kind": "card", **card_of(kernel)})


def _card_of(hub: Writer, kernel: Kernel) -> tuple[str | None, Json]:
    """The newest card of a kernel in the hub; one of the kernel itself where there is none."""
    return next(_newest(hub, "card", kernel.name), (None, card_of(kernel)))


def trusted_cards(hub: Writer, kernel: str | None = None) -> dict[str, Json]:
    """The newest card of each kernel that is neither superseded, doubted nor only claimed.

    Returns
    -------
    dict of str to dict
        Entries by name of the kernel, as :meth:`Hub.get` gives them.
    """
    cards: dict[str, Json] = {}
    for listed in hub.listed(kind="card", kernel=kernel, newest=True):
        if listed["state"] not in ("open", "accepted"):
            continue
        entry = hub.get(listed["id"])
        if entry["content"] is not None and not entry["superseded_by"]:
            cards.setdefault(entry["content"]["kernel"], entry)
    return cards


def is_complete(hub: Writer, card: Document, program: str) -> bool:
    """Whether a card is complete: it claims so, and images of this program confirm it.

    Parameters
    ----------
    hub : Hub
    card : mapping
        Entry, as :meth:`Hub.get` gives it.
    program : str
        As :func:`dimgs.hub.entry.program_of` gives it.
    """
    return bool(card["content"].get("complete")) and is_checked(hub, card, program)


def is_checked(hub: Writer, card: Document, program: str) -> bool:
    """Whether what a card says of its completeness was shown by images of this program."""
    images = sorted(set(links_to(card, "derived")))
    runs = [entry["content"] or {} for entry in hub.several(images).values()]
    needed = (card["content"]["kernel"], "ok")
    usable = [run for run in runs if (run.get("kernel"), run.get("status")) == needed]
    # the run that the images are of is one of them
    return sum(program_of(run) == program for run in usable) > _IMAGES


def constants_of(card: Document) -> list[Dimension]:
    """Dimensions of the constants that a card declares."""
    constants = card.get("constants", {})
    every = constants.values() if isinstance(constants, Mapping) else constants
    units = (c.get("unit", "1") if isinstance(c, Mapping) else str(c) for c in every)
    return [parse_unit(unit).dimension for unit in units]


def _start(hub: Writer, kernel: Kernel) -> Json:
    """Inputs of the newest run of the kernel, and else the middle of ranges without a default."""
    newest = next((quantities(run["inputs"]) for run in newest_runs(hub, kernel.name)), {})
    inputs: Json = {}
    for port in kernel.inputs:
        if port.name in newest:
            inputs[port.name] = newest[port.name]
        elif port.default is None and port.low is not None and port.high is not None:
            middle = port.low > 0 and math.isfinite(port.high)
            inputs[port.name] = math.sqrt(port.low * port.high) if middle else port.high / 2
    return inputs


def _growth(
    rng: random.Random, kernel: Kernel, base: RunRecord, constants: list[Dimension]
) -> dict[str, float]:
    """Factors of inputs and outputs under a change of units that keeps declared constants."""
    import numpy as np

    numbers = [p for p in kernel.inputs if not p.is_label]
    sizes = {p.name: p.parsed.dimension for p in (*numbers, *kernel.outputs)}
    scalings = Scalings(sizes, constants)
    bases, free = scalings.bases, scalings.free
    if not bases or not free.shape[1]:
        raise InputError(
            f"'{kernel.name}' has no dimension that can be scaled while its constants are kept, so"
            " that images cannot test whether its card is complete."
        )
    for _ in range(_TRIES):
        steps = [rng.uniform(_SMALLEST_STEP, _LARGEST_STEP) * rng.choice((-1, 1)) for _ in bases]
        kept = free.T @ np.array(steps)
        logs = (scalings.directions @ kept).tolist()
        growth = {name: math.exp(log) for name, log in zip(sizes, logs, strict=True)}
        scaled = convert_inputs(kernel.inputs, _scaled(kernel, base, growth), kernel.name)
        if np.abs(free @ kept).max() > _SMALLEST_STEP and not scaled.refusal:
            return growth
    raise InputError(
        f"The ranges of '{kernel.name}' leave no room for images of the run; add a run in their "
        f"middle."
    )


def _scaled(kernel: Kernel, base: RunRecord, growth: Mapping[str, float]) -> Json:
    """Inputs of an image of a run; labels stay."""
    inputs: Json = {p.name: base.inputs[p.name][0] for p in kernel.inputs}
    for port in kernel.inputs:
        if not port.is_label:
            si = port.parsed.to_si(float(inputs[port.name])) * growth[port.name]
            inputs[port.name] = port.parsed.from_si(si)
    return inputs


def _compared(base: RunRecord, image: RunRecord, growth: Mapping[str, float]) -> Json:
    predicted, agrees = {}, image.ok
    for name, (value, text) in base.outputs.items():
        unit, grown = parse_unit(text), growth[name]
        expected = unit.from_si(unit.to_si(float(value)) * grown)
        predicted[name] = {"value": expected, "unit": text}
        if not image.ok:
            continue
        computed = float(image.outputs[name][0])
        # three standard errors of both
        spread = 3.0 * math.hypot(image.errors.get(name, 0.0), base.errors.get(name, 0.0) * grown)
        agrees = agrees and abs(computed - expected) <= _AGREES * abs(expected) + spread
    content = run_content(image)
    compared = {"inputs": content["inputs"], "predicted": predicted, "found": content["outputs"]}
    return {**compared, "agrees": agrees, "why": image.reason}
