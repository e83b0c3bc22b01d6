"""Plans by source: each has its own answer, and one search says what differs between them."""

import math
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dimgs.campaign import Budget, CampaignResult, Plan, Range, Tolerance, run_campaign
from dimgs.campaign.plan import bind, plan_of
from dimgs.campaign.result import campaign_text
from dimgs.common.errors import InputError
from dimgs.kernels import kernel

FACTOR = {"PET": 1.0, "PP": 7.5, "PA": 3.0, "glass": 0.02}


@kernel(
    inputs={"material": "label", "D": "m^2/s", "t": "s"}, outputs={"x": "m"}, version="1"
)  # fmt: skip
def depth(material: str, D: float, t: float) -> float:
    """How deep something diffuses, by material."""
    return FACTOR[material] * math.sqrt(D * t)


def plan(**more: object) -> Plan:
    given = {
        "kernel": depth,
        "target": "x",
        "ranges": {"D": Range(1e-14, 1e-10), "t": Range(1e2, 1e6)},
        "budget": Budget(40),
        "tolerance": Tolerance(exponents=0.02),
        "by": "material",
        "sources": tuple(FACTOR),
    }
    return Plan(**(given | more))  # type: ignore[arg-type]


def campaign(folder: Path | None = None, **more: object) -> CampaignResult:
    with ThreadPoolExecutor(1) as executor:
        return run_campaign(plan(**more), folder, executor=executor)


def test_each_source_has_its_answer_and_one_law_says_what_differs() -> None:
    result = campaign()
    every = (result, *result.others)
    assert [r.source for r in every] == list(FACTOR)
    for one, factor in zip(every, FACTOR.values(), strict=True):
        assert one.outcome.is_answer
        (regime,) = one.regimes
        assert {e.name: str(e.rational) for e in regime.every_exponent} == {"D": "1/2", "t": "1/2"}
        assert regime.prefactor is not None
        assert regime.prefactor.value == pytest.approx(factor)
    text = campaign_text(result)
    assert "law of the runs of all sources: x = C*sqrt(D*t)" in text
    assert "4 sources of material: prefactors differ" in text
    ratio = re.search(r"glass: prefactor times (\S+)", text), re.search(r"PP: .* times (\S+)", text)
    assert all(ratio)
    glass, pp = (float(found.group(1)) for found in ratio if found)
    assert pp / glass == pytest.approx(7.5 / 0.02, rel=1e-3)
    document = result.to_json()
    assert [document["source"], *(o["source"] for o in document["others"])] == list(FACTOR)
    assert document["across"]["law"]["expression"]


def test_two_sources_have_prefactors_of_their_own(tmp_path: Path) -> None:
    result = campaign(tmp_path, sources=("PET", "PP"))
    assert result.across is not None
    assert str(result.across.law) == "x = C*sqrt(D*t)"
    # a report of each, and one of both
    assert len(list(tmp_path.glob("*/law.json"))) == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"sources": ()}, "by and sources belong together"),
        ({"by": None}, "by and sources belong together"),
        ({"sources": ("PP", "PP")}, "sources names one twice"),
        ({"fixed": {"material": ("PP", "label")}}, "'material' is named by `by`"),
    ],
)
def test_sources_belong_to_one_input(more: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(**more)


def test_what_is_no_label_of_the_kernel_is_no_source() -> None:
    ranges = {"D": Range(1e-14, 1e-10)}
    with pytest.raises(InputError, match="by: 't' is no label"):
        bind(plan(by="t", ranges=ranges).each[0])
    with pytest.raises(
        InputError, match="'materal' is no input of 'depth'; did you mean 'material'"
    ):
        bind(plan(by="materal").each[0])


def test_a_file_names_sources_too() -> None:
    read = plan_of(
        {
            "kernel": "tests.campaign.test_sources:depth",
            "target": "x",
            "ranges": {"D": [1e-14, 1e-10], "t": [1e2, 1e6]},
            "budget": {"runs": 40},
            "tolerance": {"exponents": 0.02},
            "by": "material",
            "sources": ["PET", "PP"],
        }
    )
    assert [p.fixed["material"][0] for p in read.each] == ["PET", "PP"]
