"""Laws with a prefactor for each label: intervals know how few runs a label has."""

import numpy as np

from dimgs import Dataset, Options
from dimgs.discovery.discover import fit
from dimgs.law.law import Law


def _table(seed: int, per: int, noise: float = 0.1) -> Dataset:
    rng = np.random.default_rng(seed)
    g = np.tile(np.arange(4), per)
    a, b, c = np.exp(rng.uniform(-1, 1, (3, 4 * per)))
    y = 2 * a * b**0.4142 * c**-1.2361 * np.exp(0.8 * g + noise * rng.normal(size=4 * per))
    columns = {"L [m]": a, "W [m]": a * b, "H [m]": a * c, "y [m]": y}
    return Dataset.from_columns({**columns, "site": [f"g{i}" for i in g]})


def test_intervals_of_labelled_laws_cover() -> None:
    hits: dict[str, list[float]] = {"run": [], "law": [], "ratio": []}
    for seed in range(60):
        law: Law = fit(_table(seed, 5), "y", Options(within="site")).law
        new, exact = (_table(9000 + seed, 5, noise) for noise in (0.1, 0.0))
        rows = {n: new[n] for n in new.names}
        run, of_law = law.predict(rows, 0.9), law.predict(rows, 0.9, of="law")
        hits["run"].append(float(np.mean((run.low < new["y"]) & (new["y"] < run.high))))
        inside = (of_law.low < exact["y"]) & (exact["y"] < of_law.high)
        hits["law"].append(float(inside.mean()))
        first, second = ({n: v[s] for n, v in rows.items()} for s in (slice(10), slice(10, 20)))
        ratio, truth = law.ratio(first, second, 0.9), exact["y"][:10] / exact["y"][10:]
        hits["ratio"].append(float(np.mean((ratio.low < truth) & (truth < ratio.high))))
    assert 0.85 < np.mean(hits["run"]) < 0.95
    assert 0.85 < np.mean(hits["law"]) < 0.97
    assert 0.85 < np.mean(hits["ratio"]) < 0.97


def test_equal_labels_cancel_in_ratios() -> None:
    data = _table(0, 5)
    law = fit(data, "y", Options(within="site")).law
    one = {n: data[n][:1] for n in data.names}
    other = {**one, "site": np.array(["g1"])}
    same, apart = law.ratio(one, one, 0.9), law.ratio(one, other, 0.9)
    np.testing.assert_allclose([same.low, same.high], 1.0)
    assert apart.low < apart.value < apart.high
    assert Law.from_json(law.to_json()) == law
    unknown = {**one, "site": np.array(["elsewhere"])}
    assert law.outside(unknown) == [["site"]]
    assert law.predict(unknown, 0.9).low < law.predict(unknown)
