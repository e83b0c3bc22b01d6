"""Where the deep potential computes: threads, devices, and torch only when it is needed."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from dimgs.common.errors import EngineUnavailableError, FitError
from dimgs.fits import ContrastivePotential
from dimgs.fits.potential.potential_runs import one_thread
from tests.fits.test_potential import crossover

torch = pytest.importorskip("torch")


def test_threads_are_no_business_of_the_fit_and_remain_as_they_were() -> None:
    X, y, _ = crossover(30, 5)
    before = torch.get_num_threads()
    predictions = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with threadpool_limits(threads, user_api="blas"):
                pools = [pool["num_threads"] for pool in threadpool_info()]
                model = ContrastivePotential(max_iter=30).fit(X, y)
                with pytest.raises(FitError):
                    ContrastivePotential().fit(X, y, groups=np.zeros(30))
                predictions.append(
                    [model.predict(X), model.exponents(X), model.predict_interval(X)]
                )
                assert torch.get_num_threads() == threads
                assert [pool["num_threads"] for pool in threadpool_info()] == pools
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*predictions, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("fails", [False, True])
def test_one_thread_inside_and_the_callers_number_after(fails: bool) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with contextlib.suppress(ValueError), one_thread():
            assert torch.get_num_threads() == 1
            if fails:
                raise ValueError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_without_torch_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dimgs.fits.potential.potential_runs.find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError, match=r'pip install "dimgs\[deep\]"'):
        ContrastivePotential().fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])


def test_torch_is_imported_only_by_a_fit() -> None:
    code = (
        "import sys; from dimgs.fits import ContrastivePotential; ContrastivePotential();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_progress_bar_only_where_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y, _ = crossover(20, 18)
    ContrastivePotential(max_iter=5).fit(X, y)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    ContrastivePotential(max_iter=5, verbose=True).fit(X, y)
    out, err = capsys.readouterr()
    assert "deep potential" in err
    assert out == ""


@pytest.mark.gpu
@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no graphics card: run it where torch finds one"
)
def test_a_graphics_card_gives_the_same_potential() -> None:
    X, y, _ = crossover(60, 19)
    there = ContrastivePotential(device="cuda", smoothness=1e-3, max_iter=50).fit(X, y)
    here = ContrastivePotential(device="cpu", smoothness=1e-3, max_iter=50).fit(X, y)
    np.testing.assert_allclose(there.predict(X), here.predict(X), atol=0.05)
