"""Empty stores and hubs; hubs in SQLite and in a real PostgreSQL, where one can be started."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote
from uuid import uuid4

import pytest

from dimgs.hub import Hub, RunStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore(tmp_path / "runs.sqlite") as store:
        yield store


def _programs() -> Path | None:
    initdb = shutil.which("initdb")
    homes = [Path(initdb).resolve().parent] if initdb else []
    homes += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((home for home in homes if (home / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of a database of a PostgreSQL of our own, in a temporary folder."""
    home = _programs()
    if home is None:
        pytest.skip("PostgreSQL is not installed, so hubs are tested in SQLite alone")
    with TemporaryDirectory(prefix="dimgs-pg-") as folder:
        data = Path(folder) / "data"
        # PostgreSQL does not run as root
        nobody: list[str] = []
        if os.name == "posix" and os.geteuid() == 0:
            shutil.chown(folder, "nobody")
            nobody = ["setpriv", "--reuid=nobody", "--clear-groups"]
        quiet = "-c fsync=off -c listen_addresses= -c max_connections=60"
        for command in (
            [home / "initdb", "-D", data, "-U", "dimgs", "--no-sync", "-E", "UTF8"],
            [home / "pg_ctl", "-D", data, "-w", "-o", f"{quiet} -k {folder}", "-l",
             f"{folder}/log", "start"],
        ):  # fmt: skip
            done = subprocess.run(
                [*nobody, *map(str, command)], capture_output=True, text=True, check=False,
                env={**os.environ, "LC_ALL": "C", "TZ": "UTC"}, cwd=folder,
            )  # fmt: skip
            if done.returncode:
                pytest.skip(f"PostgreSQL cannot be started here: {done.stderr.strip()[-200:]}")
        try:
            yield f"postgresql://dimgs@/postgres?host={quote(folder, safe='')}"
        finally:
            stop = [home / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"]
            subprocess.run([*nobody, *map(str, stop)], capture_output=True, check=False, cwd=folder)


Places = Callable[[], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """Makes addresses of new hubs, of one kind of database."""
    if request.param == "sqlite":
        return lambda: str(tmp_path / f"{uuid4().hex}.sqlite")
    server: str = request.getfixturevalue("postgresql")

    def new() -> str:
        import psycopg

        name = f"t{uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{server}&options=-csearch_path%3D{name}"

    return new


@pytest.fixture
def hub(place: Places) -> Iterator[Hub]:
    """An empty hub; its user is anna, who is not registered."""
    with Hub(place(), user="anna") as hub:
        yield hub
