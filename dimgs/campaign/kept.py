"""What a folder was asked before: a plan that changed since then is pointed out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dimgs.campaign.binding import Binding
from dimgs.errors import InputError
from dimgs.formats import SCHEMA, json_value, read_text

_FILE = "plan.json"


def changed_since(binding: Binding, folder: Path) -> str:
    """Keep what the plan asks, and say in a sentence how it differs from what was kept.

    Budgets, workers and time limits may change freely: they do not make other runs necessary.

    Parameters
    ----------
    binding : Binding
    folder : Path
        Of the campaign; ``plan.json`` is written there.

    Returns
    -------
    str
        Empty for an equal plan, and for the first one.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    file, asked = folder / _FILE, _asked(binding)
    before = _kept(file)
    text = json.dumps({"schema": SCHEMA, **asked}, ensure_ascii=False, indent=1) + "\n"
    try:
        file.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(
            f"'{file}' cannot be written ({error.strerror}); see to it, or name another folder "
            f"(--out)."
        ) from error
    if before is None:
        return ""
    differ = [key for key in {**before, **asked} if before.get(key) != asked.get(key)]
    if not differ:
        return ""
    return (
        f"The plan is another than the one that {folder} was made with ({', '.join(differ)}), so "
        f"that earlier runs are used only where it asks for the same ones."
    )


def _asked(binding: Binding) -> dict[str, str]:
    plan, kernel = binding.plan, binding.kernel
    asked = {
        "kernel": kernel.name,
        "version": kernel.version,
        "target": plan.target,
        "tiers": ", ".join(t.name for t in binding.tiers),
        "constants": ", ".join(plan.constants),
        "tolerance.exponents": str(plan.tolerance.exponents),
        "tolerance.prediction": str(plan.tolerance.prediction),
        "execution.batch": str(plan.execution.batch),
    }
    asked |= {n: str(getattr(plan, n)) for n in ("level", "seed", "sampler", "survey")}
    asked |= {f"ranges.{n}": str(given) for n, given in plan.ranges.items()}
    asked |= {f"fixed.{n}": str(value) for n, value in binding.fixed.items()}
    asked |= {f"points[{i}]": str(dict(p)) for i, p in enumerate(plan.points, 1)}
    return asked


def _kept(file: Path) -> Mapping[str, Any] | None:
    try:
        found = json_value(read_text(file, "plan"), "plan.json", "")
    except InputError:
        return None
    return {k: v for k, v in found.items() if k != "schema"} if isinstance(found, dict) else None
