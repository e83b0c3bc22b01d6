"""Generated source gives the law's own numbers with NumPy alone."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.law.examples import KINDS, example


def run(source: str, name: str) -> Any:
    """The function that the source defines, in an empty namespace."""
    space: dict[str, Any] = {}
    exec(compile(source, "law.py", "exec"), space)
    return space[name]


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "within"])
def test_the_source_gives_the_same_numbers(kind: str) -> None:
    law, data = example(kind)
    function = run(law.python("predict"), "predict")
    arguments = {symbol: data[v.name] for symbol, v in law.symbols.items()}
    np.testing.assert_allclose(function(**arguments), law.predict_si(data), rtol=1e-12)
    first = function(*(column[0] for column in arguments.values()))
    assert float(first) == pytest.approx(law.predict_si(data)[0], rel=1e-12)
    assert law.target.name in function.__doc__
    assert all(v.name in function.__doc__ for v in law.symbols.values())


def test_the_source_needs_numpy_alone() -> None:
    law, data = example("regimes")
    arguments = ", ".join(repr(float(data[v.name][0])) for v in law.symbols.values())
    code = law.python() + f"\nimport sys\nprint(float(law({arguments})), 'sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    value, sympy_loaded = done.stdout.split()
    assert float(value) == pytest.approx(law.predict_si(data)[0], rel=1e-12)
    assert sympy_loaded == "False"
