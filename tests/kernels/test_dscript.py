"""DSCRIPT's adapter: beside a stand-in for Pizza3, with LAMMPS behind it, and on the real one."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.kernels.dscript import DScript, DScriptPhantomChains, resolved, with_definitions
from dimgs.kernels.lammps import PhantomChains, Scales
from dimgs.kernels.record import Status
from tests.kernels.test_lammps_chains import needs_lammps

# what the adapter asks of Pizza3: its package must not be imported, do() of the template itself
# leaves the definitions as they are, and lines keep the definitions of when they were read
STAND_IN = """
import re
from pizza.private.words import TEMPLATE, DEFINITION
__version__ = "stand-in"
class Script:
    def __init__(self, lines): self.lines = lines
    def do(self):
        def resolved(line, known):
            def value(m):
                text = str(known.get(m[1], m[0]))
                return text[1:] if text.startswith("$") and text != m[0] else text
            return re.sub(r"\\$\\{(\\w+)\\}", value, line)
        return "\\n".join(resolved(*item) for item in self.lines)
class dscript:
    @classmethod
    def parsesyntax(cls, content, name=None, numerickeys=True):
        assert content.startswith("# DSCRIPT SAVE FILE")
        self, known, block = cls(), {}, False
        self.lines = [(f"# TEMPLATE {name} ${{comment}}", {})]
        for line in content.splitlines():
            block = (block or line.startswith("{")) and not line.startswith("}")
            if not line.strip() or line.startswith(("#", "}")) or block: continue
            if match := re.match(DEFINITION, line): known = known | {match[1]: match[2]}
            elif match := re.match(TEMPLATE, line): self.lines.append((match[2], known))
        return self
    def do(self): return "\\n".join(line for line, _ in self.lines)
    def script(self): return Script(self.lines)
"""
HEAT = """# DSCRIPT SAVE FILE
factor = 1.5
unit: units ${units}
say: print "dimgs E $(${factor}*${T})"
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "pizza"
    (package / "private").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('the image library is for Python 2')\n")
    words = 'TEMPLATE = r"(\\w+)\\s*:\\s*(.+)"\nDEFINITION = r"(\\w+)\\s*=\\s*(.+)"\n'
    (package / "private/words.py").write_text(words)
    (package / "dscript.py").write_text(STAND_IN)
    monkeypatch.setenv("PIZZA3_ROOT", str(tmp_path))
    resolved.cache_clear()
    return package


def heat(template: str) -> DScript:
    return DScript(
        template,
        {"T": "K"},
        {"E": "zJ"},
        {"only": {"replicas": 1}},
        name="heat",
        scales=Scales.lj(1e-9, 1.380649e-21, 1e-25),
    )


def commands(deck: str) -> list[str]:
    lines = (line.split("#")[0].split() for line in deck.splitlines())
    return [" ".join(words) for words in lines if words]


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(-1e9, 1e9) | st.integers(0, 9), min_size=1)
)
def test_definitions_are_read_back_as_they_were_given(values: dict[str, float]) -> None:
    text = "# DSCRIPT SAVE FILE\n{\na = kept\n}\nb = old # note\nx: [\nc = inside\n]\ne = ${a}\n"
    lines = with_definitions(text, values).splitlines()
    first = [line.split(" = ") for line in lines[1 : 1 + len(values)]]
    assert {name: float(number) for name, number in first} == values
    assert all("." in number or "e" not in number for _, number in first)
    rest = lines[1 + len(values) :]
    assert ("b = old # note" in rest) is ("b" not in values)
    for line in ("a = kept", "c = inside", "e = ${a}"):
        assert line in rest


def number(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


@pytest.mark.usefixtures("stand_in")
def test_inputs_settings_and_labels_become_definitions() -> None:
    unit, say = commands(heat(HEAT).deck({"T": 300.0}))
    assert unit == "units lj"
    assert say.startswith('print "dimgs E $(1.5*3.0')


@pytest.mark.usefixtures("stand_in")
def test_what_stays_unresolved_fails_before_lammps_sees_it() -> None:
    record = heat(HEAT.replace("factor = 1.5\n", "")).run({"T": 300.0})
    assert record.status is Status.FAILED
    assert "Pizza3 left ${factor} unresolved" in record.reason


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("units", ["lj", "real"])
def test_the_template_in_dscript_says_what_the_deck_says(units: str) -> None:
    plain, through = PhantomChains(units=units), DScriptPhantomChains(units=units)
    values = {p.name: p.default for p in plain.inputs}
    for one, other in zip(
        commands(plain.deck(values, "coarse", 7)),
        commands(through.deck(values, "coarse", 7)),
        strict=True,
    ):
        assert [number(w) for w in one.split()] == [
            w if isinstance(w, str) else pytest.approx(w) for w in map(number, other.split())
        ]


@needs_lammps
@pytest.mark.usefixtures("stand_in")
def test_the_resolved_deck_runs_in_lammps() -> None:
    inputs = {"N": 4, "T": 300.0, "K": 10.0}
    through = DScriptPhantomChains().run(inputs, "coarse", 1)
    assert through.ok, through.reason
    plain = PhantomChains().run(inputs, "coarse", 1)
    assert through.outputs["Rg2"][0] == pytest.approx(plain.outputs["Rg2"][0], rel=0.15)


def test_without_a_checkout_a_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIZZA3_ROOT", raising=False)
    resolved.cache_clear()
    record = DScriptPhantomChains().run({"N": 4}, "coarse")
    assert record.status is Status.REFUSED
    assert "PIZZA3_ROOT" in record.reason or "LAMMPS" in record.reason


@pytest.mark.skipif("PIZZA3_ROOT" not in os.environ, reason="PIZZA3_ROOT names no checkout")
@needs_lammps
def test_pizza3_itself_makes_a_deck_that_lammps_runs() -> None:
    resolved.cache_clear()
    record = DScriptPhantomChains().run({"N": 4, "T": 300.0, "K": 10.0}, "coarse", 1)
    assert record.ok, record.reason
    assert record.outputs["Rg2"][0] == pytest.approx(0.388, rel=0.15)
