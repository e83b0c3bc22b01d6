"""What a deep potential teaches the search for laws."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dimgs.common.errors import EngineUnavailableError, InputError
from dimgs.dataset import Dataset
from dimgs.discovery.deep import PotentialTeacher, fit_teacher
from dimgs.discovery.discover import check_model, discover
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import Prepared, prepare
from dimgs.fits.design import log_groups
from tests.cli.runner import Shell
from tests.patience import AMPLE

torch = pytest.importorskip("torch")
Array = NDArray[np.float64]
LIMITS: dict[str, Any] = {"evaluations": 400, "time_limit": AMPLE}


def bent_table(size: int, seed: int, noise: float = 0.03) -> tuple[Dataset, Array]:
    """A drag that goes from viscous to inertial: F = a·mu·v·L + b·rho·v²·L²."""
    rng = np.random.default_rng(seed)
    names = {"mu [Pa*s]": (1e-3, 1e-1), "v [m/s]": (0.01, 1.0), "L [m]": (0.01, 0.1)}
    logs = {n: rng.uniform(np.log(a), np.log(b), size) for n, (a, b) in names.items()}
    mu, v, length = (np.exp(x) for x in logs.values())
    rho = np.full(size, 1000.0) * np.exp(rng.uniform(-0.3, 0.3, size))
    force = 19.0 * mu * v * length + 0.3 * rho * v**2 * length**2
    columns = {n: np.exp(x) for n, x in logs.items()} | {"rho [kg/m^3]": rho}
    noisy = force * np.exp(noise * rng.standard_normal(size))
    return Dataset.from_columns({**columns, "F [N]": noisy}), force


def prepared(data: Dataset, target: str) -> Prepared:
    """Design of a table."""
    return prepare(data, target, Options())


def test_dense_runs_are_runs_of_the_same_physics_without_noise() -> None:
    data, _ = bent_table(36, 0, noise=0.1)
    design = prepared(data, "F").design
    known = fit_teacher(design, Options(seed=0))
    assert isinstance(known, PotentialTeacher)
    dense = known.dense
    groups = [f.group for f in dense.features if f.group is not None]
    np.testing.assert_allclose(log_groups(dense.data, dense.basis, groups), dense.X, atol=1e-9)
    mu, v, length, rho = (np.asarray(dense.data[n]) for n in ("mu", "v", "L", "rho"))
    truth = np.log(19.0 * mu * v * length + 0.3 * rho * v**2 * length**2)
    left = np.log(np.asarray(dense.data["F"])) - truth
    np.testing.assert_allclose(dense.y + dense.offset, np.log(dense.data["F"]), atol=1e-9)
    assert np.std(left) < 0.08
    assert dense.weights is not None
    assert 0.1 <= dense.weights.min() <= dense.weights.max() == 1.0


def exponent_table(size: int, seed: int) -> Dataset:
    """y = s^(1 + 2/(1 + r)) with r and s free of dimension."""
    rng = np.random.default_rng(seed)
    r, s = np.exp(rng.uniform(-1.0, 2.0, size)), np.exp(rng.uniform(-1.5, 1.5, size))
    y = 3.0 * s ** (1.0 + 2.0 / (1.0 + r)) * np.exp(0.02 * rng.standard_normal(size))
    return Dataset.from_columns({"r [1]": r, "s [1]": s, "y [1]": y})


def test_a_power_law_teaches_nothing_and_the_command_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(2)
    x = np.exp(rng.uniform(-1, 1, 24))
    y = 2.0 * x**1.5 * np.exp(0.05 * rng.standard_normal(24))
    shell = Shell(tmp_path, capsys)
    table = shell.table("x [1],y [1]", list(zip(x, y, strict=True)))
    more = ("--engine", "structured", "--evaluations", "100", "--time-limit", "1e6", "--json")
    done = shell("discover", table, "--target", "y", "--model", "deep", *more)
    assert done.code == 0
    assert any("does not differ from a power law" in w for w in done.document["warnings"])
    assert "linear" in shell.refused("discover", table, "--target", "y", "--model", "shallow")


def test_what_a_potential_cannot_learn_is_said() -> None:
    rng = np.random.default_rng(5)
    x = np.exp(rng.uniform(-1, 1, 24))
    y = x - 1.0 + 0.05 * rng.standard_normal(24)
    data = Dataset.from_columns({"x [1]": x, "y [1]": y})
    report = discover(data, "y", model="deep", engine="structured", **LIMITS)
    assert any("is not used" in w for w in report.warnings)
    few = prepared(exponent_table(12, 0), "y").design
    assert "it needs 20 runs, not 12" in str(fit_teacher(few, Options()))


def test_discover_says_what_a_potential_predicts_and_fits_its_law_on_the_runs() -> None:
    data, force = bent_table(36, 3)
    report = discover(data, "F", model="deep", engine="structured", seed=0, **LIMITS)
    assert any("cross-validated R² of a deep potential" in w for w in report.warnings)
    assert report.law is not None
    cv = report.law.scores.cv_r2_log
    assert cv is not None
    assert cv > 0.995
    predicted = report.law.predict_si(data)
    assert np.std(np.log(predicted) - np.log(force)) < 0.05


def test_a_model_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="use linear, deep"):
        Options(model="shallow")
    monkeypatch.setattr("dimgs.fits.potential.potential_runs.find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError, match="dimgs\\[deep\\]"):
        check_model("deep")
