"""What is measured: wrong among confirmed, confirmed among right, coverage, calibration."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

_BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0 + 1e-9)
_SAMPLES = 2000


def measures(lines: Sequence[dict[str, Any]]) -> str:
    """A text of all measures.

    Parameters
    ----------
    lines : sequence of dict
        Of :func:`case_studies.benchmarks.belief.fits.solve`.
    """
    failed = [x for x in lines if "failed" in x]
    done = [x for x in lines if "failed" not in x]
    out = [f"{len(done)} discoveries, {len(failed)} failed"]
    for kind in ("noise", "permuted"):
        own = [x for x in done if x["kind"] == kind]
        if own:
            out.append(f"{kind}: {sum(x['confirmed'] for x in own)} of {len(own)} confirmed")
    laws = [x for x in done if x["kind"] == "law"]
    if not laws:
        return "\n".join(out)
    first = np.array([bool(x["right"] and x["right"][0]) for x in laws])
    known = np.array([any(x["right"]) for x in laws])
    sure = np.array([x["confirmed"] for x in laws])
    names = np.array([x["law"] for x in laws])
    out.append(f"first law right {first.sum()}, some law right {known.sum()} of {len(laws)}")
    out.append(
        f"confirmed {sure.sum()}, of these wrong {(sure & ~first).sum()} "
        f"{_share(sure, ~first, names)}"
    )
    some = np.array([x["noise"] <= 0.02 and x["runs"] >= 60 for x in laws])
    out.append(
        f"confirmed among right, up to 2 % of noise and from 60 runs: "
        f"{(sure & first & some).sum()} of {(first & some).sum()}"
    )
    held = np.array([any(x["right"][: 1 + x["rivals"]]) for x in laws])
    sizes = [1 + x["rivals"] for x in laws]
    out.append(
        f"sets of 90 % hold the right law in {held[known].mean():.3f} of those that found it; "
        f"median size {np.median(sizes):.0f}"
    )
    said = [x["probabilities"][0] if x["probabilities"] else 0.0 for x in laws]
    out += reliability(said, first)
    for n in sorted({x["runs"] for x in laws}):
        for z in sorted({x["noise"] for x in laws}):
            of = np.array([x["runs"] == n and x["noise"] == z for x in laws])
            if of.any():
                wrong = (sure & ~first & of).sum()
                out.append(
                    f"  {n:4} runs, {100 * z:4.0f} %: {of.sum():4} laws, "
                    f"right {(first & of).sum():4}, "
                    f"confirmed {(sure & of).sum():4}, wrong {wrong:3}"
                )
    out.append("confirmed though wrong: " + "; ".join(
        f"{x['law']} ({x['runs']} runs, {100 * x['noise']:.0f} %): {x['found']}"
        for x, s, f in zip(laws, sure, first, strict=True) if s and not f
    ))  # fmt: skip
    out.append(f"median {np.median([x['cpu'] for x in laws]):.1f} s of processor time")
    return "\n".join(out)


def _share(of: Any, bad: Any, names: Any) -> str:
    """A share with its interval by bootstrap of whole laws."""
    if not of.any():
        return ""
    rng = np.random.default_rng(0)
    unique = np.unique(names)
    own = np.array([[(of & (names == n)).sum(), (of & bad & (names == n)).sum()] for n in unique])
    draws = own[rng.integers(len(unique), size=(_SAMPLES, len(unique)))].sum(axis=1)
    shares = draws[:, 1] / np.maximum(draws[:, 0], 1)
    low, high = np.quantile(shares, [0.05, 0.95])
    return f"({own[:, 1].sum() / own[:, 0].sum():.3f} [{low:.3f}, {high:.3f}])"


def reliability(probabilities: Sequence[float], right: Any) -> list[str]:
    """Probability of the first law against how often it is right, and the expected error.

    Parameters
    ----------
    probabilities : sequence of float
    right : sequence of bool
    """
    said, first = np.asarray(probabilities), np.asarray(right, dtype=bool)
    error, out = 0.0, []
    for low, high in pairwise(_BINS):
        own = (said >= low) & (said < high)
        if own.any():
            gap = abs(said[own].mean() - first[own].mean())
            error += gap * own.mean()
            out.append(
                f"  said {said[own].mean():.3f}: right {first[own].mean():.3f} of {own.sum()}"
            )
    return [f"expected calibration error {error:.3f}", *out]
