"""Fits of tables in parts against the same fits in memory."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import DimgsError, InputError
from dimgs.dataset import read_table
from dimgs.discovery import outofcore as checkpoints
from dimgs.discovery.discover import fit
from dimgs.discovery.options import Options
from dimgs.discovery.outofcore import fit_stream
from dimgs.report.results import FitResult

Frame = pd.DataFrame


def drag_table(n_runs: int = 3000, seed: int = 0) -> Frame:
    """Drag by an arbitrary law of two groups, with noise, a label and a cluster."""
    rng = np.random.default_rng(seed)
    rho, mu = rng.lognormal(6, 1, n_runs), rng.lognormal(-6, 1, n_runs)
    U, D, k = (rng.lognormal(m, 0.7, n_runs) for m in (1, -2, -7))
    lab = rng.integers(0, 3, n_runs)
    F = 0.3 * rho * U**2 * D**2 * (rho * U * D / mu) ** -0.271 * (k / D) ** 0.123
    F *= np.exp(0.3 * lab + 0.1 * rng.standard_normal(n_runs))
    return pd.DataFrame(
        {
            "rho [g/cm^3]": rho / 1000,
            "U [m/s]": U,
            "D [mm]": D * 1000,
            "mu [Pa*s]": mu,
            "k [m]": k,
            "lab [label]": np.array(["a", "b", "c"])[lab],
            "day [label]": [f"d{i}" for i in rng.integers(0, 25, n_runs)],
            "F [N]": F,
        }
    )


def written(frame: Frame, folder: Path, kind: str) -> Path:
    if kind == "csv":
        frame.to_csv(folder / "t.csv", index=False)
        return folder / "t.csv"
    if kind == "parquet":
        frame.to_parquet(folder / "t.parquet", row_group_size=700)
        return folder / "t.parquet"
    parts = folder / "parts"
    parts.mkdir()
    third = len(frame) // 3
    for i, rows in enumerate((slice(0, third), slice(third, 2 * third), slice(2 * third, None))):
        frame.iloc[rows].to_parquet(parts / f"part-{i}.parquet")
    return parts


def same_law(one: FitResult, other: FitResult) -> None:
    assert [e.name for e in one.exponents] == [e.name for e in other.exponents]
    for a, b in (
        (one.exponents, other.exponents),
        (one.variable_exponents, other.variable_exponents),
    ):
        np.testing.assert_allclose([e.value for e in a], [e.value for e in b], rtol=0, atol=1e-10)
        assert [e.rational for e in a] == [e.rational for e in b]
    for c, d in zip(one.law.constants, other.law.constants, strict=True):
        assert c.name == d.name
        assert c.value == pytest.approx(d.value, rel=1e-10)
    assert one.independent_contrasts == other.independent_contrasts
    assert one.pairs == other.pairs
    assert one.scores.r2_log == pytest.approx(other.scores.r2_log, abs=1e-10)
    assert one.scores.rmse_log == pytest.approx(other.scores.rmse_log, rel=1e-7, abs=1e-9)
    for name, (low, high) in other.law.domain.groups.items():
        assert one.law.domain.groups[name] == pytest.approx((low, high), rel=1e-12)
    assert one.law.domain.columns == other.law.domain.columns
    np.testing.assert_allclose(one.law.domain.centre, other.law.domain.centre, atol=1e-10)
    np.testing.assert_allclose(one.law.domain.precision, other.law.domain.precision, rtol=1e-7)


OPTIONS: dict[str, Options] = {
    "plain": Options(),
    "within": Options(within="lab"),
    "split": Options(split_by="day"),
    "both": Options(within="lab", split_by="day"),
}


@pytest.mark.parametrize("kind", ["csv", "parquet", "folder"])
@pytest.mark.parametrize("name", OPTIONS)
def test_the_law_is_that_of_the_runs_in_memory(kind: str, name: str, tmp_path: Path) -> None:
    frame, options = drag_table(), OPTIONS[name]
    streamed = fit_stream(written(frame, tmp_path, kind), "F", options, chunk_rows=256)
    known = fit(read_table(frame), "F", options)
    same_law(streamed, known)
    assert streamed.group_prefactors == (
        None if known.group_prefactors is None else pytest.approx(known.group_prefactors)
    )
    assert streamed.law.domain.max_leverage == pytest.approx(
        known.law.domain.max_leverage, rel=0.05
    )
    assert streamed.scores.cv_r2_log == pytest.approx(known.scores.cv_r2_log, abs=2e-3)
    assert streamed.scores.holdout_r2_log == pytest.approx(known.scores.holdout_r2_log, abs=0.05)
    widths = [
        (e.high - e.low) / (k.high - k.low)
        for e, k in zip(streamed.exponents, known.exponents, strict=True)
    ]
    if options.split_by:
        # clusters are the same whichever way the runs come
        np.testing.assert_allclose(widths, 1.0, rtol=1e-6)
    else:
        assert all(0.6 < w < 1.7 for w in widths)


def test_error_columns_weigh_the_runs(tmp_path: Path) -> None:
    frame = drag_table(600).drop(columns=["lab [label]", "day [label]"])
    rng = np.random.default_rng(1)
    frame["F_err [N]"] = frame["F [N]"] * rng.uniform(0.01, 0.5, len(frame))
    streamed = fit_stream(written(frame, tmp_path, "parquet"), "F", chunk_rows=100)
    same_law(streamed, fit(read_table(frame), "F"))


def test_inverse_temperature_and_unlogged_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    T, angle = rng.uniform(10, 90, 500), rng.uniform(-1, 1, 500)
    # the first part alone would let the angle be logged, and holds p0 constant
    angle[:200] = np.abs(angle[:200]) + 0.1
    p0 = np.where(np.arange(500) < 300, 2.0, rng.uniform(1, 3, 500))
    p = p0 * np.exp(12 - 4500 / (T + 273.15) + 0.4 * angle + 0.01 * rng.standard_normal(500))
    frame = pd.DataFrame({"T [degC]": T, "angle [rad]": angle, "p0 [bar]": p0, "p [Pa]": p})
    options = Options(arrhenius="T")
    known = fit(read_table(frame), "p", options)
    for kind in ("csv", "parquet"):
        streamed = fit_stream(written(frame, tmp_path, kind), "p", options, chunk_rows=100)
        same_law(streamed, known)
        assert streamed.activation is not None
        assert streamed.activation["T"].kelvin == pytest.approx(4500, rel=0.02)


def test_levels_as_target_and_input(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    r, L = rng.lognormal(1, 0.5, 400), rng.uniform(60, 90, 400)
    frame = pd.DataFrame({"r [m]": r, "r0 [m]": rng.lognormal(0, 0.1, 400), "Lw [dB]": L})
    frame["Lp [dB]"] = L - 20 * np.log10(r / frame["r0 [m]"]) + 0.1 * rng.standard_normal(400)
    streamed = fit_stream(written(frame, tmp_path, "parquet"), "Lp", chunk_rows=50)
    known = fit(read_table(frame), "Lp")
    same_law(streamed, known)
    assert streamed.scores.r2 == pytest.approx(known.scores.r2, abs=1e-10)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2**16), st.sampled_from(["csv", "parquet"]))
def test_the_bounds_of_the_parts_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, chunk_rows: int, seed: int, kind: str
) -> None:
    frame = drag_table(400, seed).drop(columns=["lab [label]", "day [label]"])
    table = written(frame, tmp_path_factory.mktemp("bounds"), kind)
    streamed = fit_stream(table, "F", chunk_rows=chunk_rows)
    known = fit(read_table(frame), "F")
    np.testing.assert_allclose(
        [e.value for e in streamed.exponents], [e.value for e in known.exponents], atol=1e-10
    )


def spoilt(frame: Frame, row: int, column: str, value: Any) -> Frame:
    frame = frame.copy()
    frame.loc[row - 1, column] = value
    return frame


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("value", "what"),
    [
        (np.nan, "the cell holds no value"),
        (0.0, "the value is zero"),
        (-1.0, "the value is negative"),
    ],
)
@pytest.mark.parametrize("row", [3, 1234])
def test_bad_cells_are_named_or_dropped(
    kind: str, value: float, what: str, row: int, tmp_path: Path
) -> None:
    frame = spoilt(drag_table(1500), row, "U [m/s]", value)
    table = written(frame, tmp_path, kind)
    with pytest.raises(InputError, match=f"Column 'U', row {row} of t.{kind}: {what}"):
        fit_stream(table, "F", chunk_rows=200)
    streamed = fit_stream(table, "F", Options(drop_bad=True), chunk_rows=200)
    same_law(streamed, fit(read_table(frame), "F", Options(drop_bad=True)))
    assert f"1 row was dropped (row {row})." in streamed.warnings


class Interruption(Exception):
    pass


def interrupted_at(fraction: float) -> Callable[[int, float], None]:
    def progress(rows: int, done: float) -> None:
        if done >= fraction:
            raise Interruption

    return progress


@pytest.mark.parametrize("kind", ["csv", "parquet", "folder"])
@pytest.mark.parametrize("name", OPTIONS)
def test_interrupted_work_goes_on(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_SECONDS", 0.0)
    table, kept = written(drag_table(), tmp_path, kind), tmp_path / "work.npz"
    options = OPTIONS[name]
    whole = fit_stream(table, "F", options, chunk_rows=128)
    with pytest.raises(Interruption):
        fit_stream(
            table, "F", options, chunk_rows=128, checkpoint=kept, progress=interrupted_at(0.5)
        )
    assert kept.exists()
    seen: list[float] = []
    again = fit_stream(
        table,
        "F",
        options,
        chunk_rows=128,
        checkpoint=kept,
        progress=lambda rows, done: seen.append(done),
    )
    assert min(seen) > 0.5
    assert not kept.exists()
    assert again.exponents == whole.exponents
    assert again.law.to_json() == whole.law.to_json()
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_a_changed_table_starts_over_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_SECONDS", 0.0)
    frame, kept = drag_table(), tmp_path / "work.npz"
    table = written(frame, tmp_path, "csv")
    with pytest.raises(Interruption):
        fit_stream(table, "F", chunk_rows=128, checkpoint=kept, progress=interrupted_at(0.5))
    other = replace(Options(), level=0.5)
    about = fit_stream(table, "F", other, chunk_rows=128, checkpoint=kept)
    assert any("belongs to another table" in w for w in about.warnings)
    with pytest.raises(Interruption):
        fit_stream(table, "F", chunk_rows=128, checkpoint=kept, progress=interrupted_at(0.5))
    frame = frame.iloc[:2000]
    frame.to_csv(table, index=False)
    streamed = fit_stream(table, "F", chunk_rows=128, checkpoint=kept)
    assert any("the table changed" in w and "started over" in w for w in streamed.warnings)
    same_law(streamed, fit(read_table(frame), "F"))


def test_a_file_that_is_no_checkpoint_is_left_alone(tmp_path: Path) -> None:
    table, kept = written(drag_table(100), tmp_path, "csv"), tmp_path / "precious.txt"
    kept.write_text("precious")
    with pytest.raises(InputError, match="not a checkpoint of dimgs"):
        fit_stream(table, "F", checkpoint=kept)
    assert kept.read_text() == "precious"


def test_progress_counts_rows(tmp_path: Path) -> None:
    calls: list[tuple[int, float]] = []
    table = written(drag_table(1000), tmp_path, "folder")
    fit_stream(table, "F", chunk_rows=100, progress=lambda *at: calls.append(at))
    assert calls[-1] == (1000, 1.0)
    assert calls == sorted(calls)
    assert len(calls) >= 10


@pytest.mark.parametrize("name", ["robust", "regimes", "local", "additive"])
def test_what_needs_all_runs_is_refused(name: str, tmp_path: Path) -> None:
    chosen: dict[str, Any] = {name: True}
    table = written(drag_table(100), tmp_path, "csv")
    with pytest.raises(InputError, match=f"--{name}"):
        fit_stream(table, "F", replace(Options(), **chosen))


def test_a_file_of_another_dimension_is_refused(tmp_path: Path) -> None:
    folder = written(drag_table(300), tmp_path, "folder")
    other = drag_table(50).rename(columns={"U [m/s]": "U [s]"})
    other.to_parquet(folder / "part-9.parquet")
    with pytest.raises(InputError, match=r"Column 'U' is in 's' in 'part-9\.parquet'"):
        fit_stream(folder, "F")


def test_files_may_differ_in_unit(tmp_path: Path) -> None:
    frame = drag_table(900)
    folder = written(frame, tmp_path, "folder")
    last = pd.read_parquet(folder / "part-2.parquet").rename(columns={"U [m/s]": "U [cm/s]"})
    last["U [cm/s]"] *= 100
    last.to_parquet(folder / "part-2.parquet")
    streamed, known = fit_stream(folder, "F"), fit(read_table(frame), "F")
    np.testing.assert_allclose(
        [e.value for e in streamed.exponents], [e.value for e in known.exponents], atol=1e-10
    )


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_too_few_runs_end_as_in_memory(rows: int, tmp_path: Path) -> None:
    table = written(drag_table(50).iloc[:rows], tmp_path, "csv")
    with pytest.raises(DimgsError):
        fit_stream(table, "F")


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for n_runs in (20_000, 160_000):
        table = tmp_path / f"{n_runs}.parquet"
        frame = drag_table(n_runs).drop(columns=["lab [label]", "day [label]"])
        frame.to_parquet(table, row_group_size=10_000)
        del frame
        fit_stream(table, "F", chunk_rows=2048)
        tracemalloc.start()
        fit_stream(table, "F", chunk_rows=2048)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] + 1e6
    assert peaks[1] < 2**24


def test_columns_that_drift_far_keep_their_digits(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    # within a part U hardly varies, and its mean moves by orders of magnitude between parts
    U = np.repeat(np.logspace(0, 12, 40), 50) * (1 + 1e-6 * rng.standard_normal(2000))
    D, c = rng.lognormal(0, 0.1, 2000), np.full(2000, 340.0)
    frame = pd.DataFrame({"U [m/s]": U, "c [m/s]": c, "D [m]": D})
    frame["V [m/s]"] = U**0.317 * c**0.683 * np.exp(0.01 * rng.standard_normal(2000))
    for options in (Options(), Options(scales=("L0 [m]",))):
        streamed = fit_stream(written(frame, tmp_path, "parquet"), "V", options, chunk_rows=50)
        same_law(streamed, fit(read_table(frame), "V", options))


def _unsteady(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    a, b, c = np.exp(rng.normal(size=(3, n)))
    noise = 0.2 * rng.normal(size=n) * np.where(a > 1, 2, 1)
    y = a**1.3 * b**-0.45 * c**0.15 * np.exp(noise)
    return pd.DataFrame({"a [m]": a, "b [m]": b, "c [m]": c, "y [m]": y})


@pytest.mark.parametrize("chunk_rows", [100, 65536])
def test_the_order_of_rows_changes_rounding_or_the_blocks_alone(
    tmp_path: Path, chunk_rows: int
) -> None:
    frame = _unsteady(1500)
    table = tmp_path / "t.csv"
    known = fit(frame, "y")
    orders = [np.random.default_rng(0).permutation(1500)]
    orders += [np.argsort(frame[name].to_numpy()) for name in ("y [m]", "a [m]")]
    results = []
    for order in orders:
        frame.iloc[order].to_csv(table, index=False)
        results.append(fit_stream(table, "y", chunk_rows=chunk_rows))
    for result in results:
        for ours, theirs in zip(result.exponents, known.exponents, strict=True):
            assert ours.value == pytest.approx(theirs.value, abs=1e-9)
            ratio = (ours.high - ours.low) / (theirs.high - theirs.low)
            # of 64 blocks the width is known to a tenth
            assert 0.7 < ratio < 1.4
            if chunk_rows > 1500:
                first = results[0].exponents[result.exponents.index(ours)]
                ends = (first.low, first.high)
                assert (ours.low, ours.high) == pytest.approx(ends, abs=1e-9)
        assert result.scores.r2_log == pytest.approx(known.scores.r2_log, abs=1e-9)
