"""Files that are not stores, are broken, or were changed by hand."""

import sqlite3
from pathlib import Path

import pytest

from dimgs.common.errors import StoreError
from dimgs.hub import RunStore, schema
from tests.hub.records import record


def test_files_that_are_no_store_are_refused(tmp_path: Path) -> None:
    text, other = tmp_path / "text.sqlite", tmp_path / "other.sqlite"
    text.write_text("name [unit]\n" * 200)
    with sqlite3.connect(other) as plain:
        plain.execute("CREATE TABLE runs (a)")
    plain.close()
    with pytest.raises(StoreError, match="file is not a database"):
        RunStore(text)
    with pytest.raises(StoreError, match="not a database of dimgs"):
        RunStore(other)
    with pytest.raises(StoreError, match="is absent; make it"):
        RunStore(tmp_path / "no" / "runs.sqlite")
    with pytest.raises(StoreError, match="is a folder"):
        RunStore(tmp_path)
    assert text.read_text() == "name [unit]\n" * 200


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    RunStore(path).close()
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA user_version = 7")
    plain.close()
    with pytest.raises(StoreError, match=r"newer dimgs \(schema 7"):
        RunStore(path)


def test_a_broken_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with RunStore(path) as store:
        for i in range(50):
            store.finish(record(str(i)))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(StoreError, match="cannot be used"), RunStore(path) as broken:
        broken.records()


def test_a_file_that_others_write_to_all_the_time_is_not_called_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_PATIENCE", 0.05)
    path = tmp_path / "runs.sqlite"
    with RunStore(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"Other processes write to .*; try again later"):
            store.finish(record("a1"))
        other.execute("ROLLBACK")
        other.close()
        store.finish(record("a1"))
        assert len(store.records()) == 1


def broken(path: Path, *commands: str) -> None:
    """A store of one run, changed by hand."""
    with RunStore(path) as store:
        store.finish(record("a1"))
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER runs_UPDATE")
        for command in commands:
            connection.execute(command)
        connection.execute(schema._WRITE_ONCE.format(what="UPDATE"))
    connection.close()


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("inputs", "{", "inputs: "),
        ("inputs", "[" * 100_000, "inputs: "),
        ("inputs", "9" * 1_000_000, "inputs: "),
        ("inputs", '{"l": [1.0]}', "inputs.l"),
        ("outputs", '{"t": ["a", "s"]}', "outputs.t"),
        ("outputs", '{"t": [1.0, 3]}', "outputs.t"),
        ("errors", "[]", "errors: "),
        ("provenance", "3", "provenance: "),
        ("state", "great", "state: 'great'"),
        ("seed", "1e99999999", "seed: "),
        ("seed", "9" * 100_000, "seed: "),
        ("wall_seconds", "soon", "wall_seconds: 'soon'"),
    ],
)
def test_a_broken_row_is_reported(tmp_path: Path, column: str, value: str, reason: str) -> None:
    path = tmp_path / "runs.sqlite"
    broken(path, f"UPDATE runs SET {column} = '{value}'")
    with RunStore(path) as store:
        with pytest.raises(StoreError, match="The run a1 in the store is broken") as error:
            store.records()
        assert reason in str(error.value)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 500
        with pytest.raises(StoreError, match="broken"):
            store.to_parquet(tmp_path / "runs.parquet")


@pytest.mark.parametrize(
    "commands",
    [
        ["ALTER TABLE runs RENAME TO other"],
        ["ALTER TABLE runs DROP COLUMN reason"],
        ["CREATE TABLE more (x)"],
        [
            "DROP TRIGGER runs_DELETE",
            "CREATE TRIGGER runs_DELETE INSERT ON runs BEGIN SELECT 1; END",
        ],
        [
            "ALTER TABLE runs RENAME TO other",
            """CREATE VIEW runs AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id FROM n)
            SELECT id, 'k' AS key, 1 AS attempt, 'ok' AS state FROM n""",
        ],
    ],
)
def test_a_file_with_other_tables_is_no_store(tmp_path: Path, commands: list[str]) -> None:
    path = tmp_path / "runs.sqlite"
    with RunStore(path) as store:
        store.finish(record("a1"))
    with sqlite3.connect(path) as connection:
        for command in commands:
            connection.execute(command)
    connection.close()
    with pytest.raises(StoreError, match="not a store as dimgs makes them"):
        RunStore(path)
