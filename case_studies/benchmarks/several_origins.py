"""One model over several origins of one physics, against others: what few runs of each tell.

Run it with ``python -m case_studies.benchmarks.several_origins``; ``--kernels``, ``--runs``,
``--origins`` and ``--seeds`` say how much. Each origin (a material, or another program) has the
same physics but for a factor of its own, between a half and two, and a slow drift of up to a tenth
along one group; it has few runs at places of its own. Asked for is the logarithm of fresh runs of
each origin. Six ways answer:

- one contrastive potential over all origins, with contrasts within each;
- a contrastive potential of each origin alone;
- a Gaussian process over all with a term for each origin, as near answers have it
  (:mod:`dimgs.similitude.kriging`), the same without that term, and one for each origin alone;
- gradient boosting over all, with the origin as a feature.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from case_studies.benchmarks.similitude import sampled, scalings
from case_studies.benchmarks.similitude_kernels import CASES, Case
from dimgs.common.arrays import Array, IntArray
from dimgs.similitude.kriging import Nearby, join, learn

_FACTOR, _DRIFT = np.log(2.0), 0.1
_TESTED = 25


@dataclass(frozen=True)
class Runs:
    """Runs of several origins: logarithms of inputs and target, and which origin each is of."""

    case: Case
    logs: Array
    y: Array
    origins: IntArray

    @property
    def z(self) -> Array:
        """Coordinates of the groups."""
        return np.asarray(self.logs @ scalings(self.case).coordinates().T)

    def of(self, origin: int) -> "Runs":
        """Those of one origin, which then is the first."""
        mine = self.origins == origin
        return Runs(self.case, self.logs[mine], self.y[mine], np.zeros(mine.sum(), dtype=np.intp))


def drawn(case: Case, n: int, origins: int, rng: np.random.Generator, apart: Array) -> Runs:
    """Runs of each origin; the target is scaled by the units' monomial."""
    units = {p.name: p.parsed for p in case.kernel.inputs}
    target = next(p.parsed for p in case.kernel.outputs if p.name == case.target)
    powers = scalings(case).monomial(target.dimension)
    T = scalings(case).coordinates()
    logs: list[Array] = []
    y: list[float] = []
    which: list[int] = []
    for k in range(origins):
        while which.count(k) < n:
            (values,) = sampled(case, 1, rng)
            value = float(case.kernel.run(values, seed=len(y) + 1).outputs[case.target][0])
            # an average of chains that hardly feel the force may have either sign
            if value <= 0:
                continue
            row = np.log([units[name].to_si(v) for name, v in values.items()])
            drift = apart[k, 1] * np.tanh((T @ row)[0] / 5.0)
            logs.append(row)
            y.append(float(np.log(value) - row @ powers + apart[k, 0] + drift))
            which.append(k)
    return Runs(case, np.array(logs), np.array(y), np.array(which, dtype=np.intp))


def deep(known: Runs, asked: Runs) -> Array:
    """One contrastive potential, with contrasts within each origin."""
    from dimgs.fits.potential import ContrastivePotential

    model = ContrastivePotential(n_members=3).fit(known.z, known.y, within=known.origins)
    own = np.array([model.group_intercepts_[k] for k in asked.origins]) - model.intercept_
    return np.asarray(model.predict(asked.z) + own)


def process(known: Runs, asked: Runs, terms: bool = True) -> Array:
    """The process of near answers, with a ratio for each origin, or as if they were one."""
    found = np.zeros(len(asked.y))
    for k in np.unique(asked.origins):
        # the origin that is asked for is the first
        order = np.where(known.origins == k, 0, known.origins + 1)
        _, number = np.unique(order, return_inverse=True)
        number = number if (order == 0).any() else number + 1
        origins = number.astype(np.intp) if terms else np.zeros(len(number), dtype=np.intp)
        mean = known.y.mean()
        near = Nearby(scalings(known.case), known.logs - known.logs.mean(axis=0), known.y - mean,
                      np.zeros(len(known.y)), origins)  # fmt: skip
        spread = learn(near)
        for i in np.flatnonzero(asked.origins == k):
            there = replace(near, changes=known.logs - asked.logs[i])
            found[i] = join(there, spread).value + mean
    return found


def boosted(known: Runs, asked: Runs) -> Array:
    """Gradient boosting, with the origin as a feature."""
    from sklearn.ensemble import GradientBoostingRegressor

    def features(runs: Runs) -> Array:
        marks = runs.origins[:, None] == np.arange(known.origins.max() + 1)
        return np.hstack([runs.z, marks])

    model = GradientBoostingRegressor(n_estimators=300, max_depth=3, learning_rate=0.05)
    return np.asarray(model.fit(features(known), known.y).predict(features(asked)))


def alone(way: Callable[[Runs, Runs], Array]) -> Callable[[Runs, Runs], Array]:
    """A model for each origin."""

    def answered(known: Runs, asked: Runs) -> Array:
        found = np.zeros(len(asked.y))
        for k in np.unique(asked.origins):
            found[asked.origins == k] = way(known.of(int(k)), asked.of(int(k)))
        return found

    return answered


WAYS: dict[str, Callable[[Runs, Runs], Array]] = {
    "potential over all": deep,
    "potential of each": alone(deep),
    "process with terms": process,
    "process without": lambda known, asked: process(known, asked, terms=False),
    "process of each": alone(process),
    "boosting": boosted,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the median error of each way, by kernel and number of runs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--kernels", nargs="+", default=[case.kernel.name for case in CASES])
    parser.add_argument("--runs", type=int, nargs="+", default=[5, 10, 30], help="of each origin")
    parser.add_argument("--origins", type=int, default=4)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args(arguments)
    print("| kernel, runs of each | " + " | ".join(WAYS) + " |\n|---|" + "---|" * len(WAYS))
    for case in (c for c in CASES if c.kernel.name in given.kernels):
        for n in given.runs:
            errors: dict[str, list[Array]] = {way: [] for way in WAYS}
            spent = dict.fromkeys(WAYS, 0.0)
            for seed in given.seeds:
                rng = np.random.default_rng([seed, n])
                apart = rng.uniform(-1, 1, (given.origins, 2)) * [_FACTOR, _DRIFT]
                known = drawn(case, n, given.origins, rng, apart)
                asked = drawn(case, _TESTED, given.origins, rng, apart)
                for name, way in WAYS.items():
                    begin = time.process_time()
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        errors[name].append(np.abs(way(known, asked) - asked.y))
                    spent[name] += time.process_time() - begin
            cells = [
                f"{np.median(np.concatenate(e)):.2g} ({spent[w]:.0f} s)" for w, e in errors.items()
            ]
            print(f"| {case.kernel.name}, {n} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
