"""The public surface, command by command, as scripts outside the project rely on it."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from dimgs.discovery.discover import fit
from dimgs.report.figures import draw_figures
from dimgs.report.results import FitResult
from tests.cli.runner import Shell

# what a search finds is tested elsewhere
pytestmark = pytest.mark.usefixtures("brief")

SCORES = {"r2_log", "rmse_log", "cv_r2_log", "r2", "holdout_r2_log", "holdout_n"}
PI = {"variables", "rank", "groups", "response", "bases", "dropped", "suggestions"}
GROUP = {"name", "exponents", "known_as", "latex"}
EXPONENT = {"name", "group", "value", "low", "high", "rational"}
FIT = {
    "exponents", "prefactor", "group_prefactors", "activation", "scores",
    "independent_contrasts", "pairs", "law", "regimes", "local", "additive", "level", "warnings",
}  # fmt: skip
LAW = {
    "target", "target_unit", "expression", "symbols", "pi_expression", "groups", "latex",
    "constants", "scores", "domain", "dimension_check",
}  # fmt: skip
DISCOVER = {
    "pi", "fit", "law", "candidates", "engine", "outcome", "seconds", "level", "warnings",
    "confirmed", "why_not",
}  # fmt: skip


def check_exponents(exponents: dict[str, str]) -> None:
    for power in exponents.values():
        assert isinstance(power, str)
        assert str(Fraction(power)) == power
        assert Fraction(power) != 0


def check_group(group: dict[str, Any]) -> None:
    assert set(group) >= GROUP
    check_exponents(group["exponents"])
    assert group["latex"]


def check_pi(document: dict[str, Any]) -> None:
    assert set(document) >= PI
    for variable in document["variables"]:
        assert set(variable) >= {"name", "unit", "dimension"}
        check_exponents(variable["dimension"])
        assert all(base.startswith("[") for base in variable["dimension"])
    for group in [*document["groups"], *([document["response"]] if document["response"] else [])]:
        check_group(group)
    for basis in document["bases"] or []:
        for group in basis["groups"]:
            check_group(group)
    assert all(set(d) >= {"name", "why"} for d in document["dropped"])


def check_law(law: dict[str, Any]) -> None:
    assert set(law) >= LAW
    assert set(law["scores"]) == SCORES
    assert law["dimension_check"] == "ok"
    for symbol in law["symbols"].values():
        assert set(symbol) >= {"column", "unit"}
    for constant in law["constants"]:
        assert set(constant) >= {"name", "value", "unit", "low", "high", "origin"}
        assert constant["origin"] in ("fitted", "scale", "physical", "recognised")
    for low, high in law["domain"]["groups"].values():
        assert low <= high
    for low, high, unit in law["domain"]["columns"].values():
        assert low <= high
        assert isinstance(unit, str)
    for exponents in law["groups"].values():
        check_exponents(exponents)


def check_fit(document: dict[str, Any]) -> None:
    assert set(document) >= FIT
    for exponent in document["exponents"]:
        assert set(exponent) == EXPONENT
        if exponent["group"] is not None:
            check_exponents(exponent["group"])
        if exponent["rational"] is not None:
            assert str(Fraction(exponent["rational"])) == exponent["rational"]
    assert set(document["prefactor"]) == {"value", "low", "high", "unit"}
    assert set(document["scores"]) == SCORES
    check_law(document["law"])
    for regime in document["regimes"] or []:
        assert set(regime) >= {"where", "n", "exponents", "law"}
        check_law(regime["law"])


def test_pi_of_a_table(shell: Shell) -> None:
    document = shell("pi", shell.pipe(), "--target", "tau_w", "--json").document
    check_pi(document)
    assert document["rank"] == 3
    assert document["bases"] is None
    assert {g["known_as"] for g in document["groups"]} >= {"Reynolds number"}


def test_pi_of_listed_variables(shell: Shell) -> None:
    listed = ["rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa s]"]
    document = shell("pi", *listed, "--target", "dp [Pa]", "--json").document
    check_pi(document)
    assert [g["exponents"] for g in document["groups"]] == [
        {"D": "1", "U": "1", "mu": "-1", "rho": "1"}
    ]
    assert document["response"]["exponents"]["dp"] == "1"
    alone = shell("pi", *listed, "--json").document
    check_pi(alone)
    assert alone["response"] is None


def test_pi_with_chosen_and_all_bases(shell: Shell) -> None:
    path = shell.pipe()
    chosen = shell("pi", path, "--target", "tau_w", "--repeating", "rho,U,D", "--json").document
    assert all(set(g["exponents"]) - {"rho", "U", "D"} for g in chosen["groups"])
    everything = shell("pi", path, "--target", "tau_w", "--all-bases", "--json").document
    check_pi(everything)
    assert len(everything["bases"]) == 3
    assert "not" in shell.refused("pi", path, "--target", "tau_w", "--repeating", "rho,U,zz")
    assert "rank" in shell.refused("pi", path, "--target", "tau_w", "--repeating", "rho,U")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--robust"],
        ["--regimes"],
        ["--local"],
        ["--additive"],
        ["--robust", "--regimes", "--local", "--additive"],
        ["--level", "0.5", "--seed", "3"],
        ["--columns", "rho,U,D,mu"],
        ["--drop", "eps"],
        ["--constants", "g"],
        ["--scale", "V0 [m/s]"],
        ["--scale", "auto"],
    ],
)
def test_fit_and_its_options(
    shell: Shell, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fits = shell.pipe(), list[FitResult]()

    def fit_once(*given: Any) -> FitResult:
        """The fit that is shown as a document and as text."""
        if not fits:
            fits.append(fit(*given))
        return fits[0]

    monkeypatch.setattr("dimgs.discovery.discover.fit", fit_once)
    document = shell("fit", path, "--target", "tau_w", *options, "--json").document
    check_fit(document)
    assert document["level"] == (0.5 if "--level" in options else 0.9)
    assert document["independent_contrasts"] == 39
    assert document["pairs"] == 780
    for name in ("regimes", "local", "additive"):
        assert (document[name] is not None) == (f"--{name}" in options)
    plain = shell("fit", path, "--target", "tau_w", *options)
    assert plain.code == 0
    assert plain.out.startswith("Law        tau_w = ")


def test_labels_within_and_split_by(shell: Shell) -> None:
    rng = np.random.default_rng(0)
    rows = [
        (L, W, rig, L * L / W * f * np.exp(0.01 * rng.normal()))
        for rig, f in (("a", 1.0), ("b", 3.0), ("c", 9.0))
        for L, W in np.exp(rng.uniform(-1, 1, (10, 2)))
    ]
    path = shell.table("L [m],W [m],rig [label],y [m]", rows)
    within = shell("fit", path, "--target", "y", "--within", "rig", "--json").document
    check_fit(within)
    assert set(within["group_prefactors"]) == {"a", "b", "c"}
    assert within["group_prefactors"]["c"] == pytest.approx(9, rel=0.05)
    assert within["independent_contrasts"] == 27
    split = shell("fit", path, "--target", "y", "--split-by", "rig", "--json").document
    check_fit(split)
    assert split["group_prefactors"] is None
    assert "value of its own" in shell.refused("fit", path, "--target", "y", "--within", "L")
    assert "label" in shell.refused("fit", path, "--target", "rig")


def test_arrhenius_and_levels(shell: Shell) -> None:
    rng = np.random.default_rng(0)
    celsius = rng.uniform(20, 200, 30)
    d = 1e-4 * np.exp(-5000 / (celsius + 273.15) + 0.01 * rng.normal(size=30))
    hot = shell.table("T [degC],D [m^2/s]", list(zip(celsius, d, strict=True)))
    document = shell(
        "fit", hot, "--target", "D", "--arrhenius", "T", "--scale", "auto", "--json"
    ).document
    check_fit(document)
    activation = document["activation"]["T"]
    assert set(activation) >= {"kelvin", "kJ_per_mol", "low", "high"}
    assert activation["low"] < 5000 < activation["high"]
    speed = rng.uniform(30, 70, 30)
    loud = shell.table("U [m/s],SPL [dB]", [(u, 100 + 50 * np.log10(u / 50)) for u in speed])
    document = shell("fit", loud, "--target", "SPL", "--scale", "a [m/s]", "--json").document
    check_fit(document)
    assert document["law"]["target_unit"] == "dB"
    assert document["scores"]["r2"] == pytest.approx(1.0)


def test_unreachable_targets_name_constants_and_scales(shell: Shell) -> None:
    path = shell.pendulum()
    message = shell.refused("fit", path, "--target", "T", "--json")
    assert "--constants g" in message
    assert "--scale" in message
    for command in ("pi", "discover"):
        assert "--scale auto" in shell.refused(command, path, "--target", "T")
    for scale in (["auto"], ["a [m/s^2]"]):
        document = shell("fit", path, "--target", "T", "--scale", *scale, "--json").document
        check_fit(document)
        assert document["prefactor"]["unit"] == "s/m^(1/2)"
        assert document["law"]["expression"] == "C*sqrt(L)"
    document = shell("fit", path, "--target", "T", "--constants", "g", "--json").document
    origins = {c["name"]: c["origin"] for c in document["law"]["constants"]}
    assert origins == {"C": "fitted", "g": "physical"}


def test_an_absorbed_scale_has_its_unit_in_the_prefactor(shell: Shell) -> None:
    rng = np.random.default_rng(0)
    mass = np.exp(rng.uniform(-3, 5, 40))
    rows = [(m, 3.4 * m**0.75 * np.exp(0.05 * rng.normal())) for m in mass]
    path = shell.table("M [kg],B [W]", rows)
    message = shell.refused("fit", path, "--target", "B")
    assert "--scale" in message
    document = shell(
        "fit", path, "--target", "B", "--scale", "M0 [kg]", "--scale", "B0 [W]", "--json"
    ).document
    assert document["prefactor"]["unit"] == "W/kg^(3/4)"
    assert document["law"]["expression"] == "C*M**(3/4)"


def test_discover_writes_a_study_that_predict_reads(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    # all figures would take most of the time
    monkeypatch.setattr(
        "dimgs.report.figures.draw_figures", lambda report: draw_figures(report)[:1]
    )
    path, study = shell.pipe(noise=0.06), shell.folder / "study"
    done = shell(
        "discover", path, "--target", "tau_w", "--engine", "power_law", "--out", str(study),
        "--json",
    )  # fmt: skip
    document = done.document
    assert set(document) >= DISCOVER
    check_pi(document["pi"])
    check_fit(document["fit"])
    check_law(document["law"])
    assert all(set(c) >= {"expression", "complexity", "loss"} for c in document["candidates"])
    # a power law alone is judged by a short search, which may leave its verdict open
    assert (document["outcome"], document["probability"]) == ("unchecked", None)
    assert document["confirmed"] is False
    assert "dimgs discover" in document["why_not"][0]
    assert document["seconds"] > 0
    assert {"report.html", "law.tex", "law.json"} <= {p.name for p in study.iterdir()}
    assert {p.suffix for p in (study / "figures").iterdir()} == {".svg", ".pdf"}

    law = str(study / "law.json")
    predicted = shell("predict", law, path, "--json").document
    verdict = {"probability", "confirmed", "why_not"}
    assert set(predicted) == {"rows", "unit", "level", "warnings"} | verdict
    assert all(predicted[key] == document[key] for key in verdict)
    assert document["why_not"][0] in predicted["warnings"][0]
    assert predicted["unit"] == "Pa"
    assert len(predicted["rows"]) == 40
    for row in predicted["rows"]:
        assert set(row) == {"value", "low", "high", "outside", "why_outside", "far"}
        assert row["low"] < row["value"] < row["high"]
        assert (row["outside"], row["why_outside"], row["far"]) == ([], [], {})
    ratios = shell("predict", law, path, "--relative-to", "3", "--level", "0.5", "--json").document
    assert ratios["level"] == 0.5
    assert ratios["unit"] == "1"
    assert ratios["rows"][2]["value"] == pytest.approx(1.0)
    values = [row["value"] for row in predicted["rows"]]
    assert ratios["rows"][0]["value"] == pytest.approx(values[0] / values[2])

    odd = shell.table(
        "rho [lb/ft^3],U [ft/s],D [inch],mu [cP]", [(62.4, 5, 2, 1), (62.4, 5, 2, 1e9)], "odd.csv"
    )
    rows = shell("predict", law, odd, "--json").document["rows"]
    assert rows[0]["outside"] == []
    assert rows[1]["outside"]
    (why,) = rows[1]["why_outside"]
    assert set(why) == {"group", "formula", "low", "high", "value", "inputs"}
    assert (why["group"], why["inputs"]) == (rows[1]["outside"][0], ["mu"])
    assert rows[1]["far"]["mu"] > 1e8
    assert {"held", "constant_groups"} <= set(document["law"]["domain"])
    assert "row" in shell("predict", law, path).out
    assert shell.refused("predict", law, path, "--relative-to", "41")
    assert "as a fraction" in shell.refused("predict", law, path, "--level", "90")
    assert "'D'" in shell.refused(
        "predict", law, shell.table("rho [kg/m^3],U [m/s],D [kg],mu [Pa s]", [(1, 2, 3, 4)])
    )
    assert "'mu'" in shell.refused(
        "predict", law, shell.table("rho [kg/m^3],U [m/s],D [m]", [(1, 2, 3)])
    )
    assert "cannot be read" in shell.refused("predict", str(shell.folder / "none"), path)
    assert "not JSON" in shell.refused("predict", path, path)


def test_a_response_with_zeros_goes_to_discover(shell: Shell) -> None:
    rng = np.random.default_rng(0)
    speed, size = rng.uniform(1, 3, 30), rng.uniform(0.1, 1, 30)
    force = speed**2 * (0.4 + 0.3 * rng.normal(size=30))
    force[4] = 0.0
    path = shell.table("U [m/s],L [m],F [m^2/s^2]", list(zip(speed, size, force, strict=True)))
    assert "discover" in shell.refused("fit", path, "--target", "F", "--json")
    document = shell("discover", path, "--target", "F", "--engine", "power_law", "--json").document
    assert document["fit"] is None
    check_law(document["law"])
    scores = document["law"]["scores"]
    assert [scores[k] for k in ("r2_log", "rmse_log", "cv_r2_log", "holdout_r2_log")] == [None] * 4
    assert scores["r2"] is not None
    dropped = shell("fit", path, "--target", "F", "--drop-bad", "--json")
    check_fit(dropped.document)
    assert "dropped" in dropped.err


def test_several_targets_make_a_list_of_laws(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    # figures would take most of the time
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])
    rng = np.random.default_rng(0)
    size, width = np.exp(rng.uniform(-1, 1, (2, 20)))
    rows = list(zip(size, width, size**2 / width, size**0.5 * width**0.5, strict=True))
    path = shell.table("L [m],W [m],y [m],z [m]", rows)
    document = shell("fit", path, "--target", "y", "--target", "z", "--json").document
    assert [law["target"] for law in document["laws"]] == ["y", "z"]
    for law in document["laws"]:
        check_law(law)
        assert set(law["symbols"]) == {"L", "W"}
    document = shell(
        "discover", path, "--target", "y", "--target", "z", "--engine", "power_law",
        "--out", str(shell.folder / "both"), "--json",
    ).document  # fmt: skip
    assert len(document["laws"]) == 2
    assert (shell.folder / "both" / "z" / "law.json").exists()


def test_explore(shell: Shell) -> None:
    explored = shell("explore", shell.pipe(), "--target", "tau_w", "--json").document
    assert set(explored) >= {
        "homogeneity", "never_varied", "collinear", "pca", "pcoa", "active", "level", "warnings",
    }  # fmt: skip
    assert explored["level"] == 0.9
    check_pi(explored["pi"])
    missing = shell("explore", shell.pendulum(), "--target", "T", "--json").document
    assert missing["homogeneity"]["rejected"]
    assert missing["homogeneity"]["constants"]["g"] == "-1/2"
    assert shell("explore", shell.pipe(), "--target", "tau_w").out.startswith("Target tau_w")


def test_engines_and_reproduce(shell: Shell) -> None:
    listed = shell("engines", "--json").document
    for engine in listed["engines"]:
        assert set(engine) >= {"name", "usable", "version", "remedy"}
        assert engine["usable"] or engine["remedy"]
    assert {e["name"] for e in listed["engines"]} >= {"structured", "pysr", "operon"}
    studies = shell("reproduce", "--list", "--json").document["studies"]
    assert {s["name"] for s in studies} >= {"kepler", "pendulum"}
    assert "nope" in shell.refused("reproduce", "nope")
    assert shell.refused("reproduce")
