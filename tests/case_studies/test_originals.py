"""Originals of the tables, as their repositories have them: the first rows are read right."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from case_studies.airfoil_noise.study import SOURCE as AIRFOIL
from case_studies.exoplanets.study import SOURCE as PLANETS
from case_studies.keyhole_depth.study import SOURCE as KEYHOLE
from case_studies.metabolic_rate.study import SOURCE as ANIMALS
from case_studies.rayleigh_benard.study import SOURCE as CONVECTION
from case_studies.rough_pipe.study import SOURCE as PIPES
from case_studies.stars.study import SOURCE as STARS
from case_studies.tokamak.study import SOURCE as TOKAMAKS
from dimgs.cli.reproduce import VARIABLE, Source

ORIGINALS: dict[str, tuple[Source, str, dict[str, str | float]]] = {
    "pipes": (
        PIPES,
        (
            "rho,mu,D,V,e,L,Re,eD,f,delta_P\n"
            "1000,0.00118,0.0994,0.1545,0.0001,1.8,13014.66,0.001006,0.0285759,6.17608\n"
        ),
        {"D": 0.0994, "V": 0.1545, "f": 0.0285759},
    ),
    "convection": (
        CONVECTION,
        (
            "case,source,q,h,delta_T,lambda,g,alpha,v,k,Ra,Nu\n"
            'rb,"Chavanne, X.",14.0,0.2,0.11,11.7,9.81,18.18,0.0012,0.0018,7.16E+04,2.16E+00\n'
        ),
        {"source": "Chavanne, X.", "dT": 0.11, "k_cond": 11.7, "Ra": 71600.0, "Pr": 2 / 3},
    ),
    "keyhole": (
        KEYHOLE,
        (
            "P,eta,etaP,Vs,d,r0,K,cp,alpha,rho,Tv-T0,Lv,Tl-T0,Lm,e,Ke,e*\n"
            "416,0.31,128.49,0.3,8.8e-5,4.4e-5,90,1170,3.2E-05,2415,2499,1e7,622,380000,3.9e-4,25.8,8.9\n"
        ),
        {"source": "Mat2", "dTl": 622, "etaP": 128.49},
    ),
    "animals": (
        ANIMALS,
        (
            '"class","body mass","body mass - units","metabolic rate"\n'
            '"Amphibia",0.01315,"kg",\n"Mammalia",2.5,"kg",7.0\n'
        ),
        {"class": "Mammalia", "M": 2.5, "B": 7.0},
    ),
    "planets": (
        PLANETS,
        (
            "# Open Exoplanet Catalogue.\n# \n"
            "HD 143761 b,0,1.045,,39.8458,0.2196,0.037,270.6,,,,,,RV,2016,16/07/11,16 01 03,"
            "+33 18 13,17.236,0.889,1.362,-0.31,5627.0,,Confirmed planets\n"
        ),
        {"P": 39.8458, "a": 0.2196, "Ms": 0.889},
    ),
    "tokamaks": (
        TOKAMAKS,
        (
            "ind,id,PHASE,TOK,IP,BT,NEL,PLTH,RGEO,KAREA,EPS,MEFF,TAUTH,IP_error\n"
            "12405,HDULEH,HGELM,ASDEX,0.2959,2.205,3.789,1.87,1.694,0.9748,0.242,1.5,0.051,"
            '"(0, 1)"\n'
        ),
        {"TOK": "ASDEX", "IP": 0.2959, "TAUTH": 0.051},
    ),
    "airfoil": (
        AIRFOIL,
        "800\t0\t0.3048\t71.3\t0.00266337\t126.201\n",
        {"f": 800, "alpha_deg": 0, "c": 0.3048, "U": 71.3, "SPL": 126.201},
    ),
}
DEBS = (
    "# System SpT1 SpT2 P(d) V B-V log(M1) error log(M2) error log(R1) error log(R2) error\n"
    "CM_Dra M4.5_V M4.5_V 1.268 12.90 1.60 -0.6364 0.0017 -0.6694 0.0018 -0.5962 0.0033 -0.6205 "
    "0.0027 4.9940 0.0070 5.0090 0.0060 3.4960 0.0100 3.4940 0.0140 -2.2580 0.0380 -2.3130 0.0560 "
    "-0.3000 0.1200\n"
    "KIC_6131659 none none 17.528 12.76 0.92 -0.0259 0.0046 -0.1530 0.0049 -0.0443 0.0014 -0.2104 "
    "0.0021 4.4960 0.0050 4.7050 0.0060 3.7160 0.0080 3.6170 0.0500 -9.9900 -9.9900 -9.9900 "
    "-9.9900 -0.2300 0.2000\n"
)


def read(
    source: Source, text: str, rows: int, folder: Path, patch: pytest.MonkeyPatch
) -> pd.DataFrame:
    patch.setenv(VARIABLE, str(folder))
    (folder / Path(source.path).name).write_text(text, encoding="utf-8")
    return replace(source, name="absent", facts={}, rows=rows).frame()


@pytest.mark.parametrize("name", ORIGINALS)
def test_the_first_rows_of_an_original(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, text, expected = ORIGINALS[name]
    row = read(source, text, 1, tmp_path, monkeypatch).iloc[0]
    for column, value in expected.items():
        assert row[column] == (value if isinstance(value, str) else pytest.approx(value)), column


def test_the_stars_of_a_binary_become_rows_and_those_without_luminosity_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = read(STARS, DEBS, 2, tmp_path, monkeypatch)
    assert list(frame["M"]) == pytest.approx([10**-0.6364, 10**-0.6694])
    assert list(frame["logg"]) == [4.994, 5.009]
    assert list(frame["L"]) == pytest.approx([10**-2.258, 10**-2.313])


@pytest.mark.parametrize(
    "source",
    [PIPES, CONVECTION, KEYHOLE, ANIMALS, PLANETS, STARS, TOKAMAKS, AIRFOIL],
    ids=lambda s: s.name,
)
def test_every_original_is_fixed_by_a_commit(source: Source) -> None:
    assert len(source.commit) == 40
    assert set(source.commit) <= set("0123456789abcdef")
    assert source.facts
