"""Conserved quantities of twenty systems: found, missed and invented.

A quantity counts as found where its gradient lies in the span of the gradients of what was
reported, at every place of the runs without noise, up to an angle of a few degrees.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import dimgs
from case_studies.benchmarks.symmetry.fresh import FRESH
from case_studies.benchmarks.symmetry.systems import SYSTEMS, Columns, System
from dimgs.common.arrays import Array
from dimgs.symmetry.invariants import Invariant, Invariants

NOISES = (0.0, 0.001, 0.01)
# sine of the angle between a known gradient and those found, at the median place
_SINE = 0.1


def recovered(system: System, found: Invariants) -> dict[str, bool]:
    """Whether each known quantity is a function of those found."""
    runs = found.runs
    columns = {v.name: runs.values[s] for s, v in runs.symbols.items()}
    columns = {n: columns.get(n, np.asarray(runs.data[n])) for n in runs.data.numeric_names}
    names = [v.name for v in runs.states.values()]
    symbol = {v.name: s for s, v in runs.symbols.items()}

    def slopes(function: Callable[[Columns], Any]) -> Array:
        parts = []
        for name in names:
            step = 1e-4 * columns[name].std()
            up, down = ({**columns, name: columns[name] + s * step} for s in (1, -1))
            parts.append(function(up) - function(down))
        out = np.stack(parts, axis=1)
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-300))

    def reported_values(q: Invariant) -> Callable[[Columns], Array]:
        return lambda c: q.values({symbol[n]: c[n] for n in symbol})

    reported = [slopes(reported_values(q)) for q in found]
    out = {}
    for name, function in system.quantities.items():
        own = slopes(function)
        if reported:
            left, sizes, _ = np.linalg.svd(np.stack(reported, axis=2), full_matrices=False)
            left = left * (sizes > 1e-6)[:, None, :]
            own = own - np.einsum("nik,njk,nj->ni", left, left, own)
        out[name] = float(np.median(np.linalg.norm(own, axis=1))) < _SINE
    return out


def main(options: argparse.Namespace) -> int:
    """Print a line for each system and noise, then the counts; 1 where a target is missed."""
    every = FRESH if options.fresh else SYSTEMS
    chosen = [s for s in every if not options.names or s.name in options.names]
    passed = True
    for noise in options.noise or NOISES:
        known = right = invented = 0
        for system in chosen:
            start = time.perf_counter()
            data = system.table(noise=noise, seed=options.seed)
            found = dimgs.invariants(data, along="t", curve="run")
            which = recovered(system, found)
            extra = max(len(found) - len(system.quantities), 0)
            known += len(which)
            right += sum(which.values())
            invented += extra
            missed = ", ".join(n for n, is_found in which.items() if not is_found)
            print(
                f"{system.name}, noise {noise:.1%}: {sum(which.values())} of {len(which)}"
                f"{f', missed {missed}' if missed else ''}{f', {extra} invented' if extra else ''}"
                f" ({time.perf_counter() - start:.0f} s)",
                flush=True,
            )
        share = right / max(known, 1)
        print(f"noise {noise:.1%}: {right} of {known} found ({share:.0%}), {invented} invented")
        passed &= invented == 0 and share >= (0.9 if noise == 0 else 0.75)
    return 0 if passed else 1
