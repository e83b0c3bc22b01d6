"""Tables of pandas and xarray get the functions of dimgs as methods, on request alone."""

import subprocess
import sys
from typing import Any

import dimgs.pandas  # type: ignore[import-untyped]
import dimgs.xarray  # type: ignore[import-untyped]
import pandas as pd
import pytest
import xarray as xr

import dimgs

COLUMNS = {"L": ([0.2, 0.4, 0.8, 1.6], "m"), "T": ([0.897, 1.269, 1.794, 2.537], "s")}


def frame() -> Any:
    return pd.DataFrame({f"{n} [{unit}]": values for n, (values, unit) in COLUMNS.items()})


def cube() -> Any:
    return xr.Dataset({n: ("run", v, {"units": unit}) for n, (v, unit) in COLUMNS.items()})


@pytest.mark.parametrize("table", [frame(), cube()], ids=["pandas", "xarray"])
def test_methods_are_the_functions(table: Any) -> None:
    report = table.dimgs.discover("T", constants=["g"], engine="power_law")
    assert str(report.law) == "T = C*sqrt(L/g)"
    assert table.dimgs.fit("T", constants=["g"]).law.target.name == "T"
    basis = dimgs.pi_basis(["L [m]", "T [s]"], target="T", constants=["g"])
    assert str(table.dimgs.pi_basis("T", constants=["g"])) == str(basis)
    assert table.dimgs.dataset().names == ("L", "T")
    period = table.dimgs.predict(report.law)
    assert period.to("s").magnitude == pytest.approx(COLUMNS["T"][0], rel=1e-2)
    low = table.dimgs.predict(report.law, 0.9).low
    assert (low < period).all()


def test_a_row_outside_is_warned_of_where_the_method_was_called() -> None:
    table = frame().assign(**{"x [1]": [1.0, 2.0, 3.0, 1.0]})
    law = table.dimgs.fit("T", constants=["g"]).law
    with pytest.warns(dimgs.DimgsWarning, match=r"x lay between 1 and 3 in the runs") as caught:
        (table * 5.0).dimgs.predict(law, 0.9)
    assert caught[0].filename == __file__


def test_the_package_alone_imports_neither() -> None:
    code = "import sys, dimgs; print({'pandas', 'xarray'} & set(sys.modules))"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "set()"
