"""Vapour pressure: an exponential, not a power, and Trouton's rule as one law for all liquids.

Story
    Temperatures in degrees Celsius at which ten liquids reach given pressures. A power law of the
    temperature fits each of them well and means nothing. As an activation, entering as 1/T, the
    temperature gives an energy per mole for each liquid, and these are the enthalpies of
    vaporisation to within their change over the range. Then the liquids together: with the normal
    boiling point as one more column and a pressure as unknown scale, two groups are left, T/T_b
    and p/p_0, and one closed form is asked for that predicts each liquid from the others. None is
    confirmed: Clausius and Clapeyron's straight line is among the rivals, and forms that bend by
    some per cent, as enthalpies change with the temperature, predict liquids that were held out
    better. All agree on what Trouton's rule says of liquids that do not associate: the slope at
    the boiling point is the same for all. The hydrogen-bonded ones (water and alcohols) are left
    out, as the rule leaves them out. Liquids have to be held out whole: those are the runs that
    say whether one law serves all of them.

Data
    D. R. Stull, Ind. Eng. Chem. 39 (1947) 517-540, temperatures (°C) at 20 to 760 mm Hg, liquid
    phase only; as reprinted in the handbooks. Facts, copied number by number.

Published
    Enthalpies of vaporisation at 25 °C and at the boiling point: CRC Handbook of Chemistry and
    Physics, 97th ed. (2016), section 6. F. Trouton, Phil. Mag. 18 (1884) 54: some 88 J/(mol K) at
    the boiling point, 10.6 gas constants, for liquids that do not associate.
"""

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, Check, Findings, Statement
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover, fit
from dimgs.law.law import Law

PRESSURES = (20.0, 40.0, 60.0, 100.0, 200.0, 400.0, 760.0)  # mm Hg
# temperatures (°C); then enthalpy of vaporisation (kJ/mol) at 25 °C and at the boiling point
LIQUIDS = {
    "acetone": ((-20.8, -9.4, -2.0, 7.7, 22.7, 39.5, 56.5), (30.99, 29.10)),
    "benzene": ((None, 7.6, 15.4, 26.1, 42.2, 60.6, 80.1), (33.83, 30.72)),
    "toluene": ((18.4, 31.8, 40.3, 51.9, 69.5, 89.5, 110.6), (38.01, 33.18)),
    "tetrachloromethane": ((-8.2, 4.3, 12.3, 23.0, 38.3, 57.8, 76.7), (32.43, 29.82)),
    "hexane": ((-14.1, -2.3, 5.4, 15.8, 31.6, 49.6, 68.7), (31.56, 28.85)),
    "diethyl ether": ((-38.5, -27.7, -21.8, -11.5, 2.2, 17.9, 34.6), (27.10, 26.52)),
    "mercury": ((204.6, 228.8, 242.0, 261.7, 290.7, 323.0, 357.0), (61.38, 59.11)),
    "water": ((22.1, 34.0, 41.5, 51.6, 66.5, 83.0, 100.0), (43.99, 40.65)),
    "ethanol": ((8.0, 19.0, 26.0, 34.9, 48.4, 63.5, 78.4), (42.32, 38.56)),
    "methanol": ((-6.0, 5.0, 12.1, 21.2, 34.8, 49.9, 64.7), (37.43, 35.21)),
}
ASSOCIATED = ("water", "ethanol", "methanol")
ATMOSPHERE = 101.325  # kPa
TROUTON = 10.6
_BEND = 0.15
SOME_TEMPERATURE = 350.0  # K; the law depends on T_b/T alone

IDEAL = "the vapour is taken as ideal (3 % at the boiling point), and the table is of 1947"
SLOPE = "the rule is for the boiling point; towards lower temperatures the enthalpy rises by 10 %"
OLD = "temperatures of 1947 are off by up to 5 % in pressure"


def table() -> Dataset:
    rows = [
        (name, celsius, pressure, temperatures[-1])
        for name, (temperatures, _) in LIQUIDS.items()
        for celsius, pressure in zip(temperatures, PRESSURES, strict=True)
        if celsius is not None
    ]
    name, celsius, pressure, boiling = zip(*rows, strict=True)
    return Dataset.from_columns(
        {"liquid": name, "T [degC]": celsius, "T_b [degC]": boiling, "p [mmHg]": pressure}
    )


def run() -> Findings:
    data = table()
    liquid = np.asarray(data["liquid"])
    checks: list[Check | Statement] = []
    for name in LIQUIDS:
        own = data.where(liquid == name).without(["liquid", "T_b"])
        found = (fit(own, "p", scales="auto", arrhenius="T").activation or {})["T"]
        kj = found.kj_per_mol / found.kelvin
        ends = (kj * found.low, kj * found.high)
        published = enthalpy(name, 1 / float(np.mean(1 / own["T"])))
        checks.append(
            Check(
                name,
                found.kj_per_mol,
                *ends,
                published,
                0.05,
                relative=True,
                unit="kJ/mol",
                why=IDEAL,
            )
        )
    normal = data.where(~np.isin(liquid, ASSOCIATED))
    # the search ends by evaluations on any machine, in seconds on most
    report = discover(
        normal,
        "p",
        scales=["p_0 [kPa]"],
        split_by="liquid",
        evaluations=2000,
        time_limit=3600.0,
    )
    assert report.law is not None
    checks += clausius_clapeyron(report.law)
    caption = "All liquids on one line: pressure against the boiling point over the temperature."
    return Findings(checks, report, lambda axes: draw(axes, data), caption)


def enthalpy(name: str, kelvin: float) -> float:
    """Published enthalpy (kJ/mol), linear in the temperature between the two that are known."""
    temperatures, (room, boiling) = LIQUIDS[name]
    slope = (boiling - room) / ((temperatures[-1] or 0.0) - 25.0)
    return room + slope * (kelvin - 298.15)


def clausius_clapeyron(law: Law) -> list[Check | Statement]:
    """How much ln p bends in T_b/T; its slope, and the pressure where T is T_b."""
    x = np.linspace(1.05, 1.3, 6)
    columns = {"T": SOME_TEMPERATURE / x, "T_b": np.full(len(x), SOME_TEMPERATURE)}
    local = law.elasticities(columns, level=0.9)["T_b"]
    slope, low, high = (np.asarray(part) / x for part in local)
    # no enthalpy above changes by more from 25 °C to the boiling point
    straight = bool(np.ptp(slope) < _BEND * abs(slope[0]))
    boiling = {name: np.array([SOME_TEMPERATURE]) for name in columns}
    at_boiling = law.predict(boiling, level=0.9, of="law")
    pressure, lower, upper = (float(part[0]) / 1e3 for part in at_boiling)
    trouton = (-float(slope[0]), -float(high[0]), -float(low[0]))
    rule, point = "Trouton's constant over R", "pressure at the boiling point"
    return [
        Statement("ln p bends by less than 15 % in T_b/T", "yes" if straight else "no", "yes"),
        Check(rule, *trouton, TROUTON, 0.1, relative=True, why=SLOPE),
        Check(point, pressure, lower, upper, ATMOSPHERE, 0.05, relative=True, unit="kPa", why=OLD),
    ]


def draw(axes: Axes, data: Dataset) -> None:
    liquid = np.asarray(data["liquid"])
    for i, name in enumerate(LIQUIDS):
        own = liquid == name
        style = ("o", "s") if name not in ASSOCIATED else ("^", "v")
        axes.semilogy(
            data["T_b"][own] / data["T"][own],
            data["p"][own] / 1e3,
            style[i // len(COLOURS)],
            color=COLOURS[i % len(COLOURS)],
            markersize=4,
            label=name,
        )
    x = np.array([1.0, 1.36])
    axes.semilogy(x, ATMOSPHERE * np.exp(TROUTON * (1 - x)), color="black", label="Trouton, 10.6 R")
    axes.set_xlabel("boiling point over temperature")
    axes.set_ylabel("vapour pressure [kPa]")
    axes.legend(frameon=False, fontsize="x-small", ncols=2)
