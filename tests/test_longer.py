"""The list of longer checks names tests that exist."""

import re
from pathlib import Path

from tests.conftest import LONGER

ROOT = Path(__file__).parents[1]


def test_every_longer_check_is_a_test() -> None:
    lines = [x for x in LONGER.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
    assert lines == sorted(set(lines))
    for line in lines:
        path, _, name = line.partition("::")
        function = name.partition("[")[0]
        assert re.search(rf"^def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.M)
