from pathlib import Path

import pytest

from case_studies.benchmarks import large_tables
from dimgs.common.errors import InputError


def test_the_benchmark_fits_what_it_planted(tmp_path: Path) -> None:
    measured = large_tables.compare(tmp_path, 200_000, repeats=1)
    assert measured["error"] < 1e-2
    assert measured["growth_megabytes"] < 60


@pytest.mark.slow
def test_the_quick_mode_prints_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    large_tables.main(["--runs", "20000"])
    assert "times as long" in capsys.readouterr().out


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="free"):
        large_tables.write_table(tmp_path / "t.parquet", 10**15)
