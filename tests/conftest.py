"""Fixtures and settings shared by all tests."""

import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sklearn
from hypothesis import settings

from dimgs.discovery import options
from tests.reference_values.recorded import LOOSE, differences, loose, read, recorded, write

# a busy machine is not a failure; where the tests decide on a release, the examples are fixed
RELEASE = not {"CI", "DIMGS_CI"}.isdisjoint(os.environ)
settings.register_profile("dimgs", deadline=None, max_examples=40, derandomize=RELEASE)
# many more examples, for a night: HYPOTHESIS_PROFILE=thorough
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dimgs"))

# what the reference values were made with
_MADE_WITH = Path(__file__).parent / "reference_values" / "made_with.txt"
# expressions of a brief search: a power law has its rivals, and short laws are found
_FEW = 240
# by name, one a line: what costs most, where shorter checks of the same stand beside it
LONGER = Path(__file__).with_name("longer.txt")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the longer checks as slow."""
    longer = set(LONGER.read_text(encoding="utf-8").splitlines())
    for item in items:
        if item.nodeid in longer:
            item.add_marker(pytest.mark.slow)
    # those with reference values last: they empty the caches in which others keep their examples
    items.sort(
        key=lambda item: item.nodeid.startswith("tests") and reference_file(item.nodeid).exists()
    )


def pytest_collection_finish() -> None:
    """Collect garbage seldom: modules and tests stay anyhow, and to go through them takes long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of reference tables beside the checkout; tests that need it skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference tables (a folder shared/data beside the checkout) are absent")
    return folder


@pytest.fixture(scope="module")
def brief() -> Iterator[None]:
    """Searches of the default effort end early, in tests of what becomes of what they find."""
    _, seconds = options.EFFORTS["normal"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options, "EFFORTS", {**options.EFFORTS, "normal": (_FEW, seconds)})
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option that renews the reference values."""
    parser.addoption(
        "--reference",
        choices=["compare", "renew", "loosen"],
        default="compare",
        help="what to do with the kept numbers of the tests that run: compare with them (default), "
        "write them anew, or pass over from now on those that differ here",
    )


@pytest.fixture(autouse=True)
def reference_values(request: pytest.FixtureRequest) -> Iterator[None]:
    """In a test that has a file of reference values, compare what functions return with it."""
    file, asked = reference_file(request.node.nodeid), request.config.getoption("--reference")
    if not file.exists() or (asked == "compare" and made_with() != _MADE_WITH.read_text("utf-8")):
        # other libraries or another processor may round otherwise, and break ties otherwise
        yield
        return
    failed = request.session.testsfailed
    with recorded() as values:
        yield
    if request.session.testsfailed > failed:
        return
    kept = read(file)
    if asked == "renew":
        _MADE_WITH.write_text(made_with(), "utf-8")
        # what depends on rounding still does
        write(file, request.node.nodeid, values | dict.fromkeys(loose(kept), LOOSE))
    elif changed := differences(values, kept):
        if asked == "loosen":
            write(file, request.node.nodeid, kept | dict.fromkeys(changed, LOOSE))
        else:
            head = "other numbers than before; where they should be, --reference renew keeps them:"
            pytest.fail("\n".join([head, *changed.values()]), pytrace=False)


def made_with() -> str:
    """The libraries and the kind of processor on which numbers are computed, in a line."""
    import scipy.linalg
    from threadpoolctl import threadpool_info

    versions = [f"{m.__name__} {m.__version__}" for m in (np, scipy, sklearn)]
    processors = {x["architecture"] for x in threadpool_info() if "architecture" in x}
    return ", ".join([*versions, *sorted(processors)]) + "\n"


def reference_file(test: str) -> Path:
    """Where the reference values of a test are, if it has any."""
    path, _, name = test.partition("::")
    words = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    folder = Path(path).relative_to("tests").with_suffix("")
    return Path(__file__).parent / "reference_values" / folder / f"{words}.txt"
