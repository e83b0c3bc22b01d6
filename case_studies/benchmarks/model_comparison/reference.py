"""The diffusivity of chains (98 runs): D/D0 = (M/M0)^-alpha, alpha = 1 + Ka/(Kb + T - Tg).

Every model gets the same log features: M, T and Tg, the groups once scales for mass and
temperature are declared. Beside them stand two sets that dimensional analysis proposes: M, T/Tg
(no temperature scale) and M, T - Tg (the difference of inputs of one dimension).
"""

from collections.abc import Callable, Iterator

import numpy as np

from case_studies.benchmarks.model_comparison.models import MODELS, Model, PairNetwork
from case_studies.benchmarks.model_comparison.systems import FOLDER, columns
from dimgs.common.arrays import Array, BoolArray
from dimgs.fits import ContrastivePotential

UNITS = {"polymer": "label", "M": "g/mol", "T": "K", "Tg": "K", "D": "m^2/s"}
FEATURES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "M, T, Tg": lambda M, T, Tg: np.column_stack([M, T, Tg]),
    "M, T/Tg": lambda M, T, Tg: np.column_stack([M, T / Tg]),
    "M, T - Tg": lambda M, T, Tg: np.column_stack([M, T - Tg]),
}


def r2(truth: Array, answer: Array) -> float:
    """Coefficient of determination."""
    return float(1 - np.sum((truth - answer) ** 2) / np.sum((truth - truth.mean()) ** 2))


def runs() -> tuple[Array, Array, Array, Array, Array]:
    """Polymer of each run, M, T, Tg and ln D."""
    table = columns("diffusivity_reference")
    M, T, Tg = (table[name].to_numpy(float) for name in ("M", "T", "Tg"))
    return table["polymer"].to_numpy(), M, T, Tg, np.log(table["D"].to_numpy(float))


def points_left_out(build: Callable[[int], Model], X: Array, y: Array, seed: int) -> float:
    """R2 on ln D by five folds of runs."""
    fold = np.random.default_rng(seed).permutation(len(y)) % 5
    answer = np.empty(len(y))
    for k in range(5):
        kept = fold != k
        answer[~kept] = np.asarray(build(seed).fit(X[kept], y[kept]).predict(X[~kept]))
    return r2(y, answer)


def polymer_left_out(
    build: Callable[[int], Model], X: Array, y: Array, left: BoolArray, seed: int
) -> dict[str, float]:
    """R2 of ratios within the polymer left out and across, and what the model says of itself."""
    model = build(seed).fit(X[~left], y[~left])
    answer, known = np.asarray(model.predict(X[left])), np.asarray(model.predict(X[~left]))
    u, v = np.triu_indices(int(left.sum()), 1)
    across = y[left][:, None] - y[~left][None]
    found = {
        "ratios within": r2(y[left][u] - y[left][v], answer[u] - answer[v]),
        "ratios across": r2(across.ravel(), (answer[:, None] - known[None]).ravel()),
    }
    if isinstance(model, ContrastivePotential):
        bounds, seen = model.predict_interval(X[left]), model.predict_interval(X[~left])
        inside = (bounds[:, 0] <= y[left]) & (y[left] <= bounds[:, 1])
        found["share flagged"] = float(model.outside(X[left]).mean())
        found["within 90 % intervals"] = float(inside.mean())
        wider = np.median(np.ptp(bounds, axis=1)) / np.median(np.ptp(seen, axis=1))
        found["intervals wider by"] = float(wider)
    return found


def pair_split(X: Array, y: Array, seed: int) -> float:
    """R2 of the pair network on a random fifth of pairs: each test run was also trained on."""
    network = PairNetwork(seed)
    u, v = np.triu_indices(len(y), 1)
    kept = np.random.default_rng(seed).random(len(u)) < 0.8
    network.fit_pairs(X, y, u[kept], v[kept])
    u, v = u[~kept], v[~kept]
    return r2(y[u] - y[v], network.contrast(X[u] - X[v]))


def distilled() -> float:
    """R2 on ln D of the law that `discover` finds, its constants fitted without the polymer."""
    from dimgs.dataset import read_table
    from dimgs.discovery.discover import discover

    data = read_table(FOLDER / "diffusivity_reference.csv", units=UNITS)
    report = discover(data, "D", scales="auto", split_by="polymer", time_limit=60.0)
    score = None if report.law is None else report.law.scores.cv_r2_log
    return float("nan") if score is None else score


def rows(seeds: int) -> Iterator[tuple[str, str, str, list[float]]]:
    """Features, model, split, and the score of each seed."""
    polymer, M, T, Tg, y = runs()
    for features, make in FEATURES.items():
        X = np.log(make(M, T, Tg))
        if features == "M, T, Tg":
            scores = [pair_split(X, y, seed) for seed in range(seeds)]
            yield features, "network on pairs", "pairs at random (leaks)", scores
        for name, build in MODELS.items():
            scores = [points_left_out(build, X, y, seed) for seed in range(seeds)]
            yield features, name, "runs left out", scores
            for left in np.unique(polymer):
                found = [
                    polymer_left_out(build, X, y, polymer == left, seed) for seed in range(seeds)
                ]
                for what in found[0]:
                    yield features, name, f"{left} left out, {what}", [f[what] for f in found]
    yield "M, T, Tg", "dimgs, closed form", "each polymer left out", [distilled()]
