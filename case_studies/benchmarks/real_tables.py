"""Found against published on reference tables: `python -m case_studies.benchmarks.real_tables`.

The tables are looked for in the folder named by DIMGS_DATA, else in `shared/data` beside the
checkout; those that are absent are listed as not run. Only raw physical columns are used.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.dataset import Dataset, read_table
from dimgs.discovery.discover import fit
from dimgs.discovery.explore import explore
from dimgs.discovery.options import Options
from dimgs.report.results import FitResult

Row = tuple[str, str, str]
FOLDER = Path(os.environ.get("DIMGS_DATA", Path(__file__).resolve().parents[3] / "shared/data"))


def table(name: str, units: Mapping[str, str], drop_bad: bool = False) -> Dataset:
    """The named columns of a reference table."""
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is absent; name the folder of the tables by DIMGS_DATA")
    return read_table(path, units=units, columns=list(units), drop_bad=drop_bad)


def by_name(result: FitResult) -> dict[str, str]:
    """Exponents of the variables as text."""
    return {e.name: f"{e.value:.3g} [{e.low:.3g}, {e.high:.3g}]" for e in result.variable_exponents}


def rough_pipe() -> Iterator[Row]:
    """Nikuradse's rough pipes and the Superpipe: regimes of f(Re, e/D)."""
    units = {"rho": "kg/m^3", "mu": "Pa*s", "D": "m", "V": "m/s", "e": "m; roughness", "f": "1"}
    data = table("nikuradse_rough_pipe", units)
    reynolds = data["rho"] * data["V"] * data["D"] / data["mu"]
    span = f"{reynolds.min():.0f} to {reynolds.max():.3g}"
    yield "Reynolds numbers", span, "no laminar run: see the smooth pipe"
    result = fit(data, "f", Options(regimes=True))
    for regime in result.regimes or ():
        named = ", ".join(
            f"{_text(e['group'])}: {e['value']:.3f} [{e['low']:.3f}, {e['high']:.3f}]"
            for e in regime["exponents"]
        )
        where = _short(regime["where"])
        yield (
            f"{where} ({regime['n']} runs)",
            named,
            "Re^-1/4; rough (e/D)^0.3 to 0.36, Re^0",
        )


def _short(where: str) -> str:
    """A condition with four digits in its numbers."""
    return re.sub(r"-?\d+\.\d+(e[+-]?\d+)?", lambda m: f"{float(m[0]):.4g}", where)


def _text(group: Mapping[str, str]) -> str:
    return " ".join(f"{n}^{e}" if e != "1" else n for n, e in group.items())


def smooth_pipe() -> Iterator[Row]:
    """Oregon smooth pipe: laminar, transition, turbulent."""
    result = fit(table("oregon_smooth_pipe", {"Re": "1", "f": "1"}), "f", Options(regimes=True))
    for regime in result.regimes or ():
        own = regime["exponents"][0]
        yield (
            f"{_short(regime['where'])} ({regime['n']} runs)",
            f"Re^{own['value']:.3f} [{own['low']:.3f}, {own['high']:.3f}]",
            "64/Re to 2900, then Re^-1/4 to Re^-0.2",
        )


def metabolic_rate() -> Iterator[Row]:
    """Simpson's trap: pooled against within classes."""
    data = table("metabolic_rate_animals", {"class": "label", "M": "kg", "B": "W"})
    pooled = fit(data, "B", Options(scales="auto"))
    yield "pooled exponent of M", by_name(pooled)["M"], "1.03"
    published = {"Mammalia": "0.671", "Aves": "0.561", "Insecta": "0.855"}
    for label, value in published.items():
        part = data.where(data["class"] == label).without(["class"])
        yield f"{label}", by_name(fit(part, "B", Options(scales="auto")))["M"], value
    noticed = [w for w in pooled.warnings if w.startswith("Simpson")]
    yield "trap noticed", "yes" if noticed else "no", "yes"


def vapour_pressure() -> Iterator[Row]:
    """Enthalpies of vaporisation from inverse temperatures."""
    data = table("vapour_pressure", {"fluid": "label", "T_C": "degC", "p_kPa": "kPa"})
    for label, value in (
        ("mercury", "60.8"),
        ("water_steam_table", "42 to 44"),
        ("water_forbes", "42 to 44"),
    ):
        part = data.where(data["fluid"] == label).without(["fluid"])
        found = fit(part, "p_kPa", Options(scales="auto", arrhenius="T_C")).activation or {}
        yield f"{label}, kJ/mol", f"{found['T_C'].kj_per_mol:.1f}", value


def keyhole() -> Iterator[Row]:
    """Keyhole depth: the dominant group on a linear scale, and affine against power law."""
    units = {
        "source": "label",
        "etaP": "W",
        "Vs": "m/s",
        "r0": "m",
        "alpha": "m^2/s",
        "rho": "kg/m^3",
        "cp": "J/(kg*K)",
        "dTl": "delta_degC",
        "e": "m",
    }
    data = table("keyhole_depth", units)
    found = explore(data, "e", Options())
    best = (found.dominant or {})["candidates"][0]
    ke = "a monomial of etaP/(dTl rho cp sqrt(alpha Vs r0^3))"
    yield f"dominant group ({best['scale']} scale)", best["text"], ke
    yield "R² held out, smooth in that group", f"{best['r2']:.3f}", "0.9774 (affine)"
    number = data["etaP"] / (data["dTl"] * data["rho"] * data["cp"])
    number = number / np.sqrt(data["alpha"] * data["Vs"] * data["r0"] ** 3) / np.pi
    depth = data["e"] / data["r0"]
    affine = np.polynomial.Polynomial.fit(number, depth, 1).convert()
    yield "affine law e/r0", f"{affine.coef[1]:.3f} Ke {affine.coef[0]:+.3f}", "0.4 (Ke - 1.4)"
    spread = float(np.sum((depth - depth.mean()) ** 2))
    yield "R² affine", f"{1 - np.sum((depth - affine(number)) ** 2) / spread:.4f}", "0.9774"
    slope, shift = np.polyfit(np.log(number), np.log(depth), 1)
    power = np.exp(shift) * number**slope
    yield "R² pure power law", f"{1 - np.sum((depth - power) ** 2) / spread:.4f}", "below affine"
    for what, left_out in _one_material_out(data["source"], number, depth).items():
        yield what, left_out, "not stated"


def _one_material_out(material: Any, number: Array, depth: Array) -> dict[str, str]:
    """Affine and power law fitted without each material, and judged on it."""
    out: dict[str, list[Array]] = {"affine": [], "power law": []}
    for label in np.unique(material):
        aside = material == label
        affine = np.polyfit(number[~aside], depth[~aside], 1)
        slope, shift = np.polyfit(np.log(number[~aside]), np.log(depth[~aside]), 1)
        laws = {
            "affine": np.polyval(affine, number[aside]),
            "power law": np.exp(shift) * number[aside] ** slope,
        }
        for name, predicted in laws.items():
            out[name].append(np.array([np.mean((depth[aside] - predicted) ** 2), aside.sum()]))
    spread = float(np.var(depth))
    found = {}
    for name, parts in out.items():
        errors, counts = np.array(parts).T
        by_run = 1 - float(counts @ errors / counts.sum()) / spread
        by_material = 1 - float(errors.mean()) / spread
        key = f"R² of materials left out, {name} (each run weighs the same; each material)"
        found[key] = f"{by_run:.3f}; {by_material:.3f}"
    return found


def tokamak() -> Iterator[Row]:
    """Confinement time: robust and within-machine exponents beside IPB98(y,2)."""
    units = {
        "TOK": "label",
        "IP": "MA",
        "BT": "T",
        "NEL": "1e19 m^-3",
        "PLTH": "MW",
        "RGEO": "m",
        "KAREA": "1",
        "EPS": "1",
        "MEFF": "amu",
        "TAUTH": "s",
    }
    published = "IP 0.93, BT 0.15, NEL 0.41, PLTH -0.69, RGEO 1.97, KAREA 0.78, EPS 0.58, MEFF 0.19"
    data = table("tokamak_confinement_DB2P8", units)
    scales = ["I0 [A]", "t0 [s]", "L0 [m]", "m0 [kg]"]
    robust = fit(data, "TAUTH", Options(scales=scales, robust=True, split_by="TOK"))
    yield "robust", _listed(robust), published
    within = fit(data, "TAUTH", Options(scales=scales, within="TOK"))
    yield "within machines", _listed(within), published
    spread: dict[str, list[float]] = {}
    for label in np.unique(data["TOK"]):
        part = data.where(data["TOK"] != label)
        for e in fit(part, "TAUTH", Options(scales=scales)).variable_exponents:
            spread.setdefault(e.name, []).append(e.value)
    ranges = ", ".join(f"{k} {min(v):.2f} to {max(v):.2f}" for k, v in spread.items())
    yield "leave one machine out", ranges, "R 1.80 to 2.32, kappa 0.16 to 0.55"
    axes = explore(data, "TAUTH", Options(scales=scales)).pca or {}
    least = dict(zip(axes["variables"], axes["exponents"][-1], strict=True))
    named = " ".join(f"{k}^{v:.1f}" for k, v in least.items() if abs(v) > 0.15)
    share = axes["shares"][-1]
    yield "least varied monomial", f"{named} ({share:.1%} of the variance)", "R, IP, BT collinear"


def _listed(result: FitResult) -> str:
    return ", ".join(f"{e.name} {e.value:.2f}" for e in result.variable_exponents)


def stars() -> Iterator[Row]:
    """Main-sequence mass and luminosity: a broken power law."""
    data = table("stars_debcat", {"M": "Msun", "L": "Lsun", "logg": "log10(cm/s^2)"})
    dwarfs = data.where(data["logg"] > 3.9).without(["logg"])
    result = fit(dwarfs, "L", Options(scales=["M0 [Msun]", "L0 [Lsun]"], regimes=True))
    solar = 1.988409871e30
    for constant in result.law.constants:
        if constant.name.startswith("b_"):
            low, high = (constant.low or 0.0) / solar, (constant.high or 0.0) / solar
            found = f"{constant.value / solar:.3g} [{low:.3g}, {high:.3g}]"
            yield "break in solar masses", found, "0.45, 0.72, 1.05, 2.40, 7"
    for regime in result.regimes or ():
        own = regime["exponents"][0]
        yield f"{regime['n']} stars", f"M^{own['value']:.2f}", "2.03, 4.57, 5.74, 4.33, 3.97, 2.87"


def exoplanets() -> Iterator[Row]:
    """Kepler's law in spite of 46 gross outliers, untrimmed."""
    data = table("exoplanets_kepler", {"P": "day", "a": "AU", "Ms": "Msun"}, drop_bad=True)
    result = fit(data, "P", Options(scales="auto", robust=True, drop_bad=True))
    for name, value in (("a", "1.5"), ("Ms", "-0.5")):
        yield f"exponent of {name}", by_name(result)[name], value


def rayleigh_benard() -> Iterator[Row]:
    """Two sources that disagree in units: noticed from residuals by source."""
    units = {
        "source": "label",
        "q": "W/m^2",
        "h": "m",
        "dT": "delta_degC",
        "k_cond": "W/(m*K)",
        "g": "m/s^2",
        "alpha": "1/K",
        "nu": "m^2/s",
        "kappa": "m^2/s",
    }
    result = fit(table("rayleigh_benard", units), "q", Options())
    noticed = [w for w in result.warnings if "disagree" in w]
    yield "sources disagree", noticed[0][:110] if noticed else "not noticed", "yes"


STUDIES: tuple[Callable[[], Iterator[Row]], ...] = (
    rough_pipe,
    smooth_pipe,
    keyhole,
    metabolic_rate,
    vapour_pressure,
    tokamak,
    stars,
    exoplanets,
    rayleigh_benard,
)


def main() -> None:
    """Print what is found beside what is published."""
    for study in STUDIES:
        print(f"\n{study.__doc__}")
        try:
            for what, found, published in study():
                print(f"  {what}: {found}   (published: {published})")
        except OSError as error:
            print(f"  not run: {error}")
        except ValueError as error:
            print(f"  failed: {error}")


if __name__ == "__main__":
    main()
