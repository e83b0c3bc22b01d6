"""A workbench in this process, and a table with everything that can be wrong with one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
from starlette.testclient import TestClient

from dimgs.web.studio import Studio, Workbench

TOKEN = "the token of this test"


def pipe_csv(runs: int = 30) -> str:
    """Turbulent flow in pipes, with a column without a unit, one in doubt and one that is mixed."""
    rng = np.random.default_rng(3)
    speeds, widths = 10 ** rng.uniform(0, 1, runs), rng.choice([20.0, 50.0, 80.0], runs)
    lines = ["fluid,U [m/s],D,rho [kg/m^3],mu [Pa*s],k [W/m K],note [1],tau [Pa],tau_err [Pa]"]
    for i, (speed, width) in enumerate(zip(speeds, widths, strict=True)):
        fluid, density, viscosity = [("water", 998.0, 1e-3), ("oil", 870.0, 2e-3)][i % 2]
        reynolds = density * speed * width / 1000 / viscosity
        stress = 0.0396 * reynolds**-0.25 * density * speed**2 * (1 + 0.002 * rng.normal())
        cells = [speed, width, density, viscosity, 0.6, "x" if i == 4 else i, stress, stress / 100]
        lines.append(",".join([fluid, *(c if isinstance(c, str) else f"{c:.6g}" for c in cells)]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "pipe runs.csv"
    path.write_text(pipe_csv(), "utf-8")
    return path


class Visitor:
    """A browser that runs no script."""

    def __init__(self, client: TestClient, studio: Studio) -> None:
        self.client = client
        self.studio = studio

    def csrf(self) -> str:
        match = re.search(r'name="csrf" value="(\w+)"', self.client.get("/").text)
        assert match is not None
        return match[1]

    def send(self, path: str, **fields: Any) -> Any:
        """Send a form as a script of the page does."""
        data = {"csrf": self.csrf(), **fields}
        return self.client.post(path, data=data, headers={"hx-request": "true"})


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    folder = tmp_path / "dropped"
    folder.mkdir()
    workbench = Workbench(folder)
    yield Studio(workbench, 1234, TOKEN)
    workbench.close()


@pytest.fixture
def visitor(studio: Studio) -> Iterator[Visitor]:
    with TestClient(studio.application, base_url="http://127.0.0.1:1234") as client:
        client.cookies.set("dimgs_studio_1234", TOKEN)
        yield Visitor(client, studio)
