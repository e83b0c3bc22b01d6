"""What is measured: wrong among confirmed, confirmed among right, coverage, calibration."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta

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
    out += reliability(*_said(laws))
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
    out.append(f"right but not confirmed: {_missing(laws, first & ~sure & some)}")
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
    share = float(own[:, 1].sum()) / float(own[:, 0].sum())
    return f"({share:.3f} [{low:.3f}, {high:.3f}])"


def _missing(laws: Sequence[dict[str, Any]], some: Any) -> str:
    """How often each condition was missing: probability, structure, extrapolation, other."""
    words = ("probability", "residuals", "interpolates")
    own = [x["why_not"] for x, is_one in zip(laws, some, strict=True) if is_one]
    told = [f"{w} {sum(any(w in text for text in why) for why in own)}" for w in words]
    return f"{', '.join(told)} of {len(own)}"


def _said(laws: Sequence[dict[str, Any]]) -> tuple[list[float], list[bool]]:
    """Probability of the first law of each table, and whether it is right."""
    said = [float(x["probabilities"][0]) if x["probabilities"] else 0.0 for x in laws]
    return said, [bool(x["right"] and x["right"][0]) for x in laws]


def draw(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """The reliability diagram: how often first laws are right, by what was said of them.

    Parameters
    ----------
    lines : sequence of dict
    path : Path
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    said, right = _said([x for x in lines if x["kind"] == "law" and "failed" not in x])
    places, shares, low, high = [], [], [], []
    for own in _bins(np.array(said)):
        k, n = int(np.sum(np.array(right)[own])), int(own.sum())
        places.append(float(np.mean(np.array(said)[own])))
        shares.append(k / n)
        # Jeffreys' interval
        low.append(float(beta.ppf(0.05, k + 0.5, n - k + 0.5)) if k else 0.0)
        high.append(float(beta.ppf(0.95, k + 0.5, n - k + 0.5)) if k < n else 1.0)
    with rc_context({"svg.hashsalt": "reliability", "svg.fonttype": "path"}):
        figure = Figure(figsize=(4.2, 4.0), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="0.6", lw=1)
        axes.vlines(places, low, high, color="C0")
        axes.plot(places, shares, "o", color="C0")
        axes.set_xlabel("probability that was said")
        axes.set_ylabel("share of right laws, with intervals of 90 %")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        figure.savefig(path, metadata={"Date": None})


def _bins(said: Any) -> list[Any]:
    """Which are in each bin that is not empty."""
    all_bins = [(said >= low) & (said < high) for low, high in pairwise(_BINS)]
    return [own for own in all_bins if own.any()]


def reliability(probabilities: Sequence[float], right: Any) -> list[str]:
    """Probability of the first law against how often it is right, and the expected error.

    Parameters
    ----------
    probabilities : sequence of float
    right : sequence of bool
    """
    said, first = np.asarray(probabilities), np.asarray(right, dtype=bool)
    error, out = 0.0, []
    for own in _bins(said):
        gap = abs(said[own].mean() - first[own].mean())
        error += gap * own.mean()
        out.append(f"| {said[own].mean():.2f} | {first[own].mean():.2f} | {own.sum()} |")
    head = ["| said on average | right | of |", "|---|---|---|"]
    return [f"expected calibration error {error:.3f}", *head, *out]
