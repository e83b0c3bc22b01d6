"""What others take for the answer of a campaign: runs, on kernels whose answer is known.

- regression: a Latin hypercube of the inputs and ordinary regression in the groups, where an oracle
  tells which run belongs to which law; the fewest runs from which on intervals are within tolerance
- discover: a Latin hypercube of pi space, and `discover` with 10 s, until it predicts 95 % of the
  ranges to 5 %; 65 stands for more than 64
- process: active learning with a Gaussian process on the groups' logarithms, until its slope at the
  heart of every law is within the tolerance; 61 stands for more than 60
"""

import warnings

import numpy as np
from scipy.special import stdtrit
from scipy.stats import qmc

from case_studies.benchmarks.campaign_judge import SMALL, STRAY, bound, cores, points
from case_studies.benchmarks.campaign_kernels import Array, Case
from dimgs.common.errors import DimgsError

# runs after which a baseline is given up
MOST = 400
SIZES, SECONDS = (8, 16, 32, 64), 10.0
ACTIVE = 60


def regression(case: Case, seed: int) -> float:
    """Runs of a Latin hypercube from which every law is known, if an oracle tells them apart."""
    moving = [i for i, (_, low, high) in enumerate(case.inputs.values()) if high > low]
    ends = np.log([[low, high] for _, low, high in case.inputs.values()])[moving]
    space = None
    if case.name != "one constant":
        space = bound(case, seed).space
    rank = 0 if space is None else space.rank
    rng = np.random.default_rng(seed)
    for n in range(rank + 2, MOST):
        unit = qmc.LatinHypercube(len(moving), rng=seed).random(n)
        logs = np.log([[low for _, low, _ in case.inputs.values()]] * n)
        logs[:, moving] = ends[:, 0] + unit * (ends[:, 1] - ends[:, 0])
        y = case.value(logs) + case.noise * rng.standard_normal(n)
        done = True
        for core in cores(case, logs):
            if core.sum() < rank + 2:
                done = False
                break
            if space is None:
                continue
            order = [list(case.inputs).index(name) for name in space.names]
            z = space.coordinates(logs[core][:, order])
            shift = [space.response_shift(space.values(row)) for row in logs[core][:, order]]
            table = np.column_stack([np.ones(len(z)), z])
            fit, *_ = np.linalg.lstsq(table, y[core] + shift)
            free = len(z) - rank - 1
            scale = np.sqrt(np.sum((y[core] + shift - table @ fit) ** 2) / free)
            spread = np.einsum(
                "ij,jk,ik->i",
                space.exponent_map,
                np.linalg.pinv(table.T @ table)[1:, 1:],
                space.exponent_map,
            )
            half = stdtrit(free, 0.95) * scale * np.sqrt(spread)
            done &= np.linalg.matrix_rank(table) == rank + 1 and bool(np.all(half < case.tolerance))
        if done:
            return n
    return MOST


def process(case: Case, seed: int) -> float:
    """Runs of active learning with a Gaussian process until its slopes are right."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    space, logs = bound(case, seed).space, points(case)
    if not space.rank:
        # nothing to learn from: a run, and one more that agrees
        return 2
    order = [list(case.inputs).index(n) for n in space.names]

    def group(at: Array) -> tuple[Array, Array]:
        shift = [space.response_shift(space.values(row)) for row in at[:, order]]
        return space.coordinates(at[:, order]), case.value(at) + np.array(shift)

    pool, exact = group(logs)
    usable = np.flatnonzero(case.answers(logs))
    rng = np.random.default_rng(seed)
    noisy = exact + case.noise * rng.standard_normal(len(exact))
    hearts = [np.flatnonzero(c) for c in cores(case, logs) if c.mean() > SMALL]
    middles = [pool[h].mean(axis=0) for h in hearts]
    slopes = [np.linalg.lstsq(np.c_[np.ones(len(h)), pool[h]], exact[h])[0][1:] for h in hearts]
    chosen = list(rng.choice(usable, space.rank + 2, replace=False))
    for n in range(len(chosen), ACTIVE):
        shape = ConstantKernel(10.0, (1e-2, 1e6)) * RBF(np.ones(space.rank), (1e-2, 1e3))
        model = GaussianProcessRegressor(shape + WhiteKernel(1e-4, (1e-10, 1.0)), normalize_y=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(pool[chosen], noisy[chosen])
        step = 1e-2 * np.eye(space.rank)
        gone = [
            (model.predict(m + step) - model.predict(m - step)) / 2e-2 - b
            for m, b in zip(middles, slopes, strict=True)
        ]
        if all(np.abs(space.exponent_map @ g).max() <= case.tolerance for g in gone):
            return n
        spread = model.predict(pool, return_std=True)[1]
        spread[chosen] = -1.0
        chosen.append(int(usable[np.argmax(spread[usable])]))
    return ACTIVE + 1


def discovered(case: Case, seed: int) -> float:
    """Runs of a Latin hypercube of pi space from which `discover` predicts the ranges to 5 %."""
    from dimgs.dataset import Dataset
    from dimgs.discovery.discover import discover_with
    from dimgs.discovery.options import Options

    logs = points(case)
    names = [f"{n} [{unit}]" for n, (unit, _, _) in case.inputs.items()]
    rng = np.random.default_rng(seed)
    ends = np.log([[low, high] for _, low, high in case.inputs.values()])
    for n in SIZES:
        unit = qmc.LatinHypercube(len(ends), rng=seed).random(n)
        at = ends[:, 0] + unit * (ends[:, 1] - ends[:, 0])
        at = at[case.answers(at)]
        y = np.exp(case.value(at) + case.noise * rng.standard_normal(len(at)))
        table = dict(zip(names, np.exp(at).T, strict=True)) | {f"y [{case.unit}]": y}
        try:
            report = discover_with(Dataset.from_columns(table), "y", Options(time_limit=SECONDS))
            if report.law is None:
                continue
            told = report.law.predict(dict(zip(case.inputs, np.exp(logs).T, strict=True)))
        except (DimgsError, np.linalg.LinAlgError):
            continue
        miss = np.abs(np.log(np.abs(np.asarray(told)) + 1e-300) - case.value(logs))
        if np.mean(miss[case.answers(logs)] < 0.05) > 1.0 - STRAY:
            return n
    return SIZES[-1] + 1


BASELINES = {"regression": regression, "discover": discovered, "process": process}
