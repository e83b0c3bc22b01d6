"""Programs as kernels: what they get, how they end, what they leave."""

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.kernels import CommandKernel, Kernel, Status
from dimgs.variables import registry

PYTHON = sys.executable
SQUARE = """
import json, sys
value = float(open("in/value.txt").read())
kind, seed, cells = sys.argv[1:]
print("noise", seed, kind)
print(f"x = {value ** 2!r} ± 0.5")
json.dump({"cells": [int(cells)], "stdin": float(sys.stdin.read())}, open("out.json", "w"))
"""


def square(**changes: Any) -> CommandKernel:
    options: dict[str, Any] = {
        "argv": [PYTHON, "-c", SQUARE, "{{kind}}", "{{seed}}", "{{tier.cells}}"],
        "inputs": {"l": "mm", "kind": {"unit": "label", "default": "film"}},
        "outputs": {
            "x": {
                "unit": "mm^2",
                "regex": r"x = (\S+)",
                "error": {"regex": r"± (\S+)"},
            },
            "cells": {"unit": "1", "json": "cells.0", "file": "out.json"},
            "stdin": {"unit": "mm", "json": "stdin", "file": "out.json"},
        },
        "files": {"in/value.txt": "{{l}}"},
        "stdin": "{{l}}",
        "tiers": {"coarse": {"cells": 5}, "fine": {"cells": 50}},
        "name": "square",
    }
    return CommandKernel(**{**options, **changes})


def script(code: str, **changes: Any) -> CommandKernel:
    options: dict[str, Any] = {
        "argv": [PYTHON, "-c", code],
        "inputs": {},
        "outputs": {"x": {"unit": "1", "regex": "x = (.*)"}},
        "name": "script",
    }
    return CommandKernel(**{**options, **changes})


@settings(max_examples=5)
@given(st.floats(1e-3, 1e3))
def test_inputs_reach_files_arguments_and_standard_input(l: float) -> None:
    kernel = square()
    assert isinstance(kernel, Kernel)
    record = kernel.run({"l": registry().Quantity(l * 1e-3, "m")}, tier="coarse", seed=4)
    assert record.status is Status.OK, record.reason
    assert record.outputs["x"][0] == pytest.approx(l**2, rel=1e-12)
    assert record.outputs["stdin"][0] == pytest.approx(l, rel=1e-12)
    assert record.outputs["cells"] == (5.0, "1")
    assert record.errors == {"x": 0.5}
    assert record.seed == 4


def test_keys_follow_templates_and_seeds(tmp_path: Path) -> None:
    one = square()
    others = [
        square(files={"in/value.txt": "{{l:.6g}}"}),
        square(stdin="{{l:.3g}}"),
        square(version="2"),
        square(environment={"MODE": "fast"}),
    ]
    keys = {k.key({"l": 1}, seed=1) for k in (one, *others)}
    assert len(keys) == 5
    assert one.key({"l": 1}, seed=2) not in keys
    # where and how long it runs do not matter
    same = square(timeout=3.0, folder=tmp_path, keep="always")
    assert same.key({"l": 1}, seed=1) == one.key({"l": 1}, seed=1)


def test_working_folders_go_unless_a_run_fails(tmp_path: Path) -> None:
    kernel = square(folder=tmp_path)
    assert kernel.run({"l": 1}, seed=1).ok
    assert list(tmp_path.iterdir()) == []
    failed = square(folder=tmp_path, files={"in/other.txt": "{{l}}"}).run({"l": 1}, seed=1)
    assert failed.status is Status.FAILED
    assert "ended with status 1: FileNotFoundError" in failed.reason
    folder = Path(failed.provenance["folder"])
    assert folder.parent == tmp_path
    assert (folder / "in" / "other.txt").read_text() == "1.0"
    assert "FileNotFoundError" in (folder / "stderr.txt").read_text()


@pytest.mark.parametrize(("keep", "left"), [("always", 2), ("failures", 1), ("never", 0)])
def test_what_is_kept(tmp_path: Path, keep: str, left: int) -> None:
    for code in ("print('x = 1')", "raise SystemExit(3)"):
        script(code, folder=tmp_path, keep=keep).run({})
    assert len(list(tmp_path.iterdir())) == left


@pytest.mark.skipif(os.name != "posix", reason="signals are sent: run it on Linux or macOS")
def test_a_program_that_ignores_the_first_signal_is_ended_too(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    assert "had not ended" in script(stubborn, timeout=1.0, folder=tmp_path).run({}).reason


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("print('x = nan')", Status.DIVERGED, "'x' is nan"),
        ("print('y = 1')", Status.FAILED, "does not occur in stdout"),
        ("import os; os.kill(os.getpid(), 9)", Status.FAILED, "was ended by signal 9"),
        ("print('bad mesh'); raise SystemExit(2)", Status.FAILED, "status 2: bad mesh"),
        ("print('x = 1'); print('é', flush=True)", Status.OK, ""),
    ],
)
def test_endings(tmp_path: Path, code: str, status: Status, says: str) -> None:
    record = script(code, folder=tmp_path).run({})
    assert record.status is status
    assert says in record.reason


def test_nothing_is_ever_read_by_a_shell(tmp_path: Path) -> None:
    code = "import sys; print('x =', len(sys.argv[1:])); open('argv.txt','w').write(repr(sys.argv))"
    kernel = CommandKernel(
        [PYTHON, "-c", code, "{{kind}} $(touch hacked); `id` > x"],
        inputs={"kind": "label"},
        outputs={"x": {"unit": "1", "regex": "x = (.*)"}},
        folder=tmp_path,
        keep="always",
    )
    assert kernel.run({"kind": "a b"}).outputs["x"] == (1.0, "1")
    (folder,) = tmp_path.iterdir()
    assert not (folder / "hacked").exists()
    assert "a b $(touch hacked); `id` > x" in (folder / "argv.txt").read_text()
    refused = kernel.run({"kind": "a; rm -rf ."})
    assert refused.status is Status.REFUSED
    assert "cannot be passed to a program" in refused.reason


def test_a_missing_program_and_a_missing_seed_are_refused() -> None:
    absent = script("", argv=["no-such-program-at-all"]).run({})
    assert absent.status is Status.REFUSED
    assert absent.reason == (
        "There is no program 'no-such-program-at-all' here; install it or give its full path."
    )
    assert "give a seed" in square().run({"l": 1}).reason


def test_templates_come_from_files_and_kernels_travel(tmp_path: Path) -> None:
    template = tmp_path / "value.txt"
    template.write_text("{{l}}")
    kernel = square(files={"in/value.txt": template})
    template.unlink()
    twin = pickle.loads(pickle.dumps(kernel))
    assert twin.run({"l": 3}, seed=1).outputs["x"] == (9.0, "mm^2")
    assert (
        twin.key({"l": 3}, seed=1) == kernel.key({"l": 3}, seed=1) == square().key({"l": 3}, seed=1)
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"argv": "square {{l}}"}, "argv: .* cannot be used .'str'"),
        ({"argv": []}, "argv: .* cannot be used"),
        ({"argv": ["{{kind}}"]}, "holds a field"),
        ({"inputs": {"l": "mm", "kind": "label", "D": "m^2/s"}}, "'D' of 'square' stands in no"),
        ({"stdin": "{{L}}"}, "field 'L' of 'square' names no input"),
        ({"stdin": "{{tier.nodes}}"}, "names no input, no setting of every tier"),
        ({"tiers": {"a": {"cells": 1}, "b": {}}}, "'tier.cells' of 'square' names no"),
        ({"files": {"../in.txt": "{{l}}"}}, "outside the working folder"),
        ({"files": {"/elsewhere/in.txt": "{{l}}"}}, "outside the working folder"),
        ({"files": {"in.txt": Path("no such file")}}, "cannot be read"),
        ({"outputs": {"x": "mm"}}, "give a table with a unit"),
        ({"outputs": {"x": {"unit": "mm"}}}, "needs one of regex, json and csv"),
        ({"outputs": {"x": {"regex": "(.*)"}}}, "give its unit"),
        ({"outputs": {}}, "declares no output"),
        ({"inputs": {"l": "mm", "kind": "label", "seed": "1"}}, "reserved fields"),
    ],
)
def test_declarations_that_do_not_fit_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        square(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"timeout": 0}, "timeout: 0 cannot be used .*greater than 0"),
        ({"timeout": "1 h"}, "timeout: '1 h' is given where a number is needed"),
        ({"timeout": float("nan")}, "timeout: nan cannot be used"),
        (
            {"keep": "sometimes"},
            "keep: 'sometimes' cannot .*'failures', 'always' or",
        ),
        ({"folder": "/no/such"}, "The folder '/no/such' for the runs of 'script'"),
        ({"environment": {"A": 3}}, "environment.A: 3 is given where a text is needed"),
        ({"environment": {"A=B": "3"}}, "environment.A=B.*cannot be used"),
        ({"argv": [["ls"]]}, r"argv\[1\]: \['ls'\] is neither a text nor a number"),
        ({"argv": ["ls", "a\0"]}, r"argv\[2\]: "),
        ({"stdin": 3}, "the input of 'script' is 3; give a text with fields"),
        ({"files": {"": "x"}}, "give a relative name"),
        ({"files": {"stdout.txt": "x"}}, "'stdout.txt' is written by the kernel itself"),
        ({"files": 3}, "files: 3 is given where a table is needed"),
        ({"tiers": {}}, "There is no tier"),
        ({"tiers": {"a": {"cost": "dear"}}}, "The tier 'a' costs 'dear'; give seconds"),
    ],
)
def test_options_are_checked_when_the_kernel_is_made(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        script("pass", **changes)


def test_a_program_that_cannot_be_started_is_distinguished_from_one_that_is_absent(
    tmp_path: Path,
) -> None:
    program = tmp_path / "solver"
    program.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    refused = script("", argv=[str(program)]).run({})
    assert refused.status is Status.REFUSED
    assert "may not be executed; make it executable (chmod +x)" in refused.reason
    program.chmod(0o755)
    refused = script("", argv=[str(program)]).run({})
    assert refused.status is Status.REFUSED
    assert "cannot be started" in refused.reason


def test_a_name_may_be_no_name_of_a_file_and_a_version_a_number() -> None:
    kernel = script("print('x = 1')", name="a/b c", version=4.1)
    assert kernel.run({}).ok
    assert (kernel.name, kernel.version) == ("a/b c", "4.1")


def test_a_table_may_start_with_a_byte_order_mark() -> None:
    code = "import sys; sys.stdout.buffer.write(b'\\xef\\xbb\\xbfx\\n1.5\\n')"
    run = script(code, outputs={"x": {"unit": "1", "csv": "x"}}).run({})
    assert run.outputs["x"] == (1.5, "1")
