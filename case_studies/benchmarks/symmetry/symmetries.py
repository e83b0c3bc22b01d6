"""Symmetries of ten textbook laws, and ten tables whose law nearly has one."""

import argparse

import numpy as np
import sympy

import dimgs
from case_studies.benchmarks.symmetry.laws import LAWS, KnownLaw, near_tables
from dimgs.common.arrays import Array
from dimgs.law.law import Law
from dimgs.symmetry.symmetries import Generator, Symmetries

_STEP = 1e-6


def is_alike(found: Generator, kind: str, coefficients: dict[str, float]) -> bool:
    """Whether a generator is the known one, up to a factor."""
    if found.kind != kind or found.coefficients.keys() != coefficients.keys():
        return False
    ratios = [found.coefficients[n] / coefficients[n] for n in coefficients]
    return bool(np.allclose(ratios, ratios[0]))


def is_true(law: Law, generator: Generator, data: dimgs.Dataset) -> bool:
    """Whether the law stays, to first order, where inputs and target move along a generator."""
    columns = {n: np.asarray(data[n]) for n in data.numeric_names}
    symbols = {s: columns[v.name] for s, v in generator.symbols.items()}

    def moved(step: float) -> dict[str, Array]:
        out = dict(columns)
        for name, rate in generator.field.items():
            value = sympy.lambdify(list(symbols), rate, "numpy")(*symbols.values())
            out[name] = value if generator.kind == "exchange" else out[name] + step * value
        return out

    target = law.target.name
    changes = []
    for step in (_STEP, -_STEP):
        new = moved(step)
        y = law.predict_si({v.name: np.broadcast_to(new[v.name], len(data)) for v in law.inputs})
        changes.append(y - new[target])
    if generator.kind == "exchange":
        return bool(np.allclose(changes[0], 0.0, atol=1e-8 * np.abs(columns[target]).max()))
    slope = np.abs(changes[0] - changes[1]).max() / (2 * _STEP)
    return bool(slope < 1e-5 * np.abs(columns[target]).max())


def judged(known: KnownLaw) -> tuple[int, int, int, Symmetries]:
    """How many symmetries are expected, found, and reported but none."""
    law, data = known.law(), known.table()
    found = dimgs.symmetries(law)
    right = sum(any(is_alike(g, *each) for g in found) for each in known.expected)
    false = sum(not is_true(law, g, data) for g in found)
    if not known.expected:
        false = len(found)
    return len(known.expected), right, false, found


def main(options: argparse.Namespace) -> int:
    """Print a line for each law and table; 1 where a symmetry is missed or invented."""
    passed = True
    for known in LAWS:
        if options.names and known.name not in options.names:
            continue
        expected, right, false, found = judged(known)
        print(f"{known.name}: {right} of {expected}, {false} that are none", flush=True)
        for generator in found:
            print(f"    {generator}", flush=True)
        passed &= right == expected and false == 0
    for name, data, target, (kind, coefficients) in near_tables():
        found = dimgs.symmetries(data, target)
        is_claimed = any(is_alike(g, kind, coefficients) for g in found)
        print(f"{name}: {'claimed' if is_claimed else 'not claimed'}", flush=True)
        passed &= not is_claimed
    return 0 if passed else 1
