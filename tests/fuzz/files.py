"""Laws, expressions, plans, checkpoints and stores that somebody changed."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dimgs.campaign import read_plan
from dimgs.campaign.plan import bind
from dimgs.discovery.outofcore import fit_stream
from dimgs.expression import sympy_parse, sympy_parse_condition, sympy_text
from dimgs.hub import RunStore
from dimgs.law.law import Law
from dimgs.law.prediction import evaluate
from tests.fuzz.guard import command, example, refused
from tests.law.test_document import LAWS, OLD, documents, everything_of

PLAN = (OLD / "plan.toml").read_text("utf-8")


def differences(document: dict[str, Any]) -> dict[str, str]:
    """What makes a document another than the nearest law that it came from."""
    places = dict(_leaves(document))
    candidates = []
    for name, law in LAWS.items():
        known = dict(_leaves(law))
        keys = [k for k in {**known, **places} if repr(known.get(k)) != repr(places.get(k))]
        candidates.append({"law": name, **{k: f"{places.get(k, 'left out')!r:.80}" for k in keys}})
    return min(candidates, key=len)


def _leaves(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict | list) and node:
        inner = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in inner:
            yield from _leaves(value, f"{place}.{key}" if place else str(key))
    else:
        yield place, node


def check_law(document: dict[str, Any]) -> None:
    """A changed law is a law that can be asked everything, or one sentence."""
    with example(differences(document)) as folder:
        path = folder / "law.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        law = refused(lambda: Law.from_json(path))
        if law is None:
            return
        columns = [*(v.name for v in law.symbols.values()), *(v.name for v in law.unused)]
        rows: dict[str, Any] = {name: np.array([0.5, 2.0, 1e200]) for name in columns}
        if law.label_effects is not None:
            rows[law.label_effects.column] = np.array(["a", "b", "zz"])
        everything_of(law, rows)
        header = ",".join(f"{v.name} [{v.si_unit}]" for v in law.symbols.values())
        line = ",".join("2.5" for _ in law.symbols)
        (folder / "t.csv").write_text(f"{header}\n{line}\n", encoding="utf-8")
        command("predict", str(path), str(folder / "t.csv"), "--json")


def check_law_text(given: tuple[int, int, str]) -> None:
    """A file of a law with a piece of its text replaced."""
    start, size, text = given
    with example(given) as folder:
        path = folder / "law.json"
        whole = (OLD / "law_odd_names.json").read_text("utf-8")
        at = start % len(whole)
        path.write_text(whole[:at] + text + whole[at + size :], encoding="utf-8")
        law = refused(lambda: Law.from_json(path))
        if law is not None:
            refused(law.latex)


functions = st.sampled_from(
    ["exp", "log", "sqrt", "sin", "tanh", "Abs", "erf", "floor", "cosh", "atan", "sign", "cbrt"]
)
atoms = st.sampled_from(
    ["x", "y", "pi", "E", "2", "-1", "0", "0.1", "1e300", "1e-300", "10**8", "1/3", "zz", "1e999",
     "Rational(1, 3)", "True", "(x < 1)", "'a'", "x.a", "lambda", "oo", "I", "nan"]
) | st.floats().map(repr) | st.integers().map(str)  # fmt: skip
expressions: st.SearchStrategy[str] = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner),
        st.builds("{}({})".format, functions, inner),
        st.builds(
            "{}({}, {})".format, st.sampled_from(["Min", "Max", "atan2", "log"]), inner, inner
        ),
        st.builds("Piecewise(({}, {} < {}), ({}, True))".format, inner, inner, inner, inner),
        st.builds("({} < {}) & ({} >= {})".format, inner, inner, inner, inner),
    ),
    max_leaves=30,
) | st.text(alphabet="xy0123456789.+-*/()<>&|~, eE'_[]{}:=", max_size=40)


def check_expression(text: str) -> None:
    """A text is an expression that reads back and has values, or one sentence."""
    with example(text):
        refused(lambda: sympy_parse_condition(text, ["x", "y"]))
        expression = refused(lambda: sympy_parse(text, ["x", "y"]))
        if expression is None:
            return
        refused(lambda: sympy_parse(sympy_text(expression), ["x", "y"]))
        at = np.array([0.0, 1e-300, -2.0, 3.0, 1e300])
        refused(lambda: evaluate(expression, {"x": at, "y": at[::-1]}, 5))


keys = st.sampled_from(
    ["kernel", "target", "ranges", "budget", "tolerance", "level", "seed", "schema", "fixed", "x"]
)
plain = (
    st.sampled_from(['"diffusion-series"', '"CF"', '"../x.py:f"', '"os:system"', "[1, 2]", "[]"])
    | st.sampled_from(["{}", "true", "nan", "inf", "-1", "0x" + "f" * 500, "1e999", '""', "1e-300"])
    | st.integers().map(str)
    | st.floats().map(repr)
    | st.text(max_size=6).map(json.dumps)
)


@st.composite
def plans(draw: st.DrawFn) -> str:
    """The text of a plan with lines changed, left out, doubled or exchanged."""
    lines = PLAN.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, draw(st.sampled_from(lines)))
            case 2:
                lines.insert(at, f"{draw(keys)} = {draw(plain)}")
            case 3:
                name, _, _ = lines[at].partition("=")
                lines[at] = f"{name}= {draw(plain)}"
            case 4:
                cut = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:cut] + draw(st.text(max_size=3)) + lines[at][cut + 1 :]
        if not lines:
            lines = [""]
    return "\n".join(lines)


def check_plan(text: str) -> None:
    """A changed plan is one whose design can be made, or one sentence."""
    with example(text) as folder:
        path = folder / "plan.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        plan = refused(lambda: read_plan(path))
        if plan is not None and plan.kernel in ("diffusion-series", "diffusion"):
            refused(lambda: bind(plan))


spots = st.lists(
    st.tuples(st.integers(0, 40_000), st.binary(min_size=1, max_size=9)), min_size=1, max_size=4
)


def spoilt(name: str, changes: list[tuple[int, bytes]]) -> bytes:
    content = bytearray((OLD / name).read_bytes())
    for at, new in changes:
        begin = at % len(content)
        content[begin : begin + len(new)] = new
    return bytes(content)


def check_store(changes: list[tuple[int, bytes]]) -> None:
    """A store with some bytes changed is a store, or one sentence."""
    with example(changes) as folder:
        path = folder / "runs.sqlite"
        path.write_bytes(spoilt("campaign/runs.sqlite", changes))

        def used() -> None:
            with RunStore(path) as store:
                store.counts()
                store.records()
                store.to_dataset("CF")

        refused(used)


def check_checkpoint(changes: list[tuple[int, bytes]]) -> None:
    """A checkpoint with some bytes changed is used, of no use, or refused."""
    with example(changes) as folder:
        table, kept = folder / "drag.csv", folder / "drag.checkpoint"
        table.write_bytes((OLD / "drag.csv").read_bytes())
        kept.write_bytes(spoilt("drag.checkpoint", changes))
        refused(lambda: fit_stream(table, "F", chunk_rows=20, checkpoint=kept))


TARGETS = {
    "law": (documents(), check_law),
    "law text": (
        st.tuples(st.integers(0, 20_000), st.integers(0, 9), st.text(max_size=6) | plain),
        check_law_text,
    ),
    "expression": (expressions, check_expression),
    "plan": (plans(), check_plan),
    "store": (spots, check_store),
    "checkpoint": (spots, check_checkpoint),
}
