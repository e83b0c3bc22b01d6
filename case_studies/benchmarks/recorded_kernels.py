"""What recorded runs of LAMMPS, SFPPy and Radigen hold, beside what is known.

`python -m case_studies.benchmarks.recorded_kernels [FOLDER]`: the folder holds `sfppy_runs.csv`,
`radigen_runs.csv` and `lammps_lj_runs.csv`; by default it is `kernels` in the folder named by
DIMGS_DATA, else in `shared/data` beside the checkout. Tables that are absent are not run.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from case_studies.benchmarks.free_directions import Group, reduced, unreduced
from dimgs.dataset import Dataset, read_table
from dimgs.discovery.discover import fit
from dimgs.discovery.options import Options
from dimgs.groups.derive import pi_basis

Array = NDArray[np.float64]
Row = tuple[str, str, str]
_BESIDE = Path(__file__).resolve().parents[3] / "shared/data"
FOLDER = Path(os.environ.get("DIMGS_DATA", _BESIDE)) / "kernels"
KNOWN = {
    "Fo = D t/l²": {"D": 1, "t": 1, "l": -2},
    "Bi/K = h l/(D K)": {"h": 1, "l": 1, "D": -1, "K": -1},
    "K·L = K l A/V": {"K": 1, "l": 1, "d": -1},
}


def migration(folder: Path) -> Iterator[Row]:
    """SFPPy: five physical inputs, four groups by dimensions, three by the runs themselves."""
    runs = read_table(_path(folder, "sfppy_runs.csv"), units={"run": "1"})
    depth = np.asarray(runs["V"]) / np.asarray(runs["A"])
    columns = {f"{n} [{runs.variable(n).unit.text}]": runs[n] for n in ("D", "l", "t", "K", "h")}
    more = {"C0 [kg/m^3]": runs["C0"], "d [m]": depth, "CF [kg/m^3]": runs["CF"]}
    data = Dataset.from_columns(columns | more)
    groups = [{n: float(e) for n, e in g.exponents} for g in pi_basis(data, "CF").groups]
    logs = np.column_stack([_logs(data, g) for g in groups])
    response = np.log(np.asarray(data["CF"]) / np.asarray(data["C0"]))
    yield "groups by dimensions", str(len(groups)), "4: Fo, Bi, K, L"
    whole = unreduced(logs, response)
    three = reduced(logs, response, groups, whole)
    yield "CF is an exact power along", _text(three.moves[0]), "any that keeps the three groups"
    yield "its exponent", f"{three.slope:.3f} ± {three.slope_error:.3f}", "±1, as CF ~ 1/K"
    kept = [name for name, group in KNOWN.items() if three.keeps(group)]
    yield "groups that are left", "; ".join(kept), "; ".join(KNOWN)
    yield "evidence (ln) for three over four", f"{three.evidence - whole.evidence:.0f}", "above 0"
    ahead = f"{three.evidence - three.next_best:.0f}"
    yield "evidence (ln) for this direction over the next", ahead, "above 0"
    two = reduced(logs, response, groups, three)
    yield "evidence (ln) for two over three", f"{two.evidence - three.evidence:.0f}", "below 0"
    errors = " / ".join(f"{r.left_out:.3f}" for r in (whole, three, two))
    yield "error of ln CF left out, by 4 / 3 / 2 groups", errors, "least by 3"


def oxidation(folder: Path) -> Iterator[Row]:
    """Radigen: activation energy of consumption from temperatures in °C."""
    inputs = ["T_C", "t", "L1H0", "L1OOH0", "kO2", "L1H_consumed"]
    data = read_table(_path(folder, "radigen_runs.csv"), columns=inputs, units={"nsteps": "1"})
    whole = activation(data)
    yield "activation energy, kJ/mol", _interval(whole), "83"
    parts = {"T": ("coldest half", "hottest half"), "kO2": ("least oxygen", "most oxygen")}
    local = []
    for column, names in parts.items():
        order = np.argsort(np.asarray(data["T_C" if column == "T" else column]))
        found = [activation(data.take(np.sort(half))) for half in np.array_split(order, 2)]
        for name, part in zip(names, found, strict=True):
            yield f"of the {name}", _interval(part), "differs"
        apart = max(f[1] for f in found) > min(f[2] for f in found)
        local += [column] if apart else []
    warning = f"local: it changes with {' and '.join(local)}" if local else "not seen to be local"
    yield "warning", warning, "local"


def activation(data: Dataset) -> tuple[float, float, float]:
    """Activation energy of consumption in kJ/mol with its interval at 90 %."""
    options = Options(arrhenius="T_C", scales=["t_0 [s]", "c_0 [mol/m^3]", "l_0 [m]"])
    found = (fit(data, "L1H_consumed", options).activation or {})["T_C"]
    gas = found.kj_per_mol / found.kelvin
    return found.kj_per_mol, gas * found.low, gas * found.high


def chains(folder: Path) -> Iterator[Row]:
    """LAMMPS: phantom chains and chains with excluded volume, in reduced units."""
    path = _path(folder, "lammps_lj_runs.csv")
    phantom = _chains(path, "phantom_lj", lambda n: (n * n - 1) / n, ["T", "Kspring"])
    ideal = fit(phantom, "Rg2")
    for e in ideal.variable_exponents:
        value = f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]"
        yield f"phantom, exponent of {e.name}", value, "-1" if e.name == "Kspring" else "1"
    n, heat, spring = (np.asarray(phantom[c]) for c in ("n", "T", "Kspring"))
    ratio = np.exp(np.mean(np.log(np.asarray(phantom["Rg2"]) * spring / heat / n)))
    yield "phantom, prefactor", f"{ratio:.3f}", "0.25"
    swollen = fit(_chains(path, "ev_lj", lambda n: n - 1, []), "Rg2").exponents[0]
    value = f"{swollen.value:.3f} [{swollen.low:.3f}, {swollen.high:.3f}]"
    yield "excluded volume, exponent of N - 1", value, "1.15 to 1.30"


def _chains(path: Path, kind: str, length: Callable[[Array], Array], others: list[str]) -> Dataset:
    names = ["kind", "N", *others, "Rg2"]
    units = {"kind": "label", **dict.fromkeys(names[1:], "1")}
    table = read_table(path, columns=names, units=units, drop_bad=True)
    part = table.where(table["kind"].astype(str) == kind)
    columns = {"n [1]": length(np.asarray(part["N"], dtype=np.float64))}
    return Dataset.from_columns(columns | {f"{n} [1]": part[n] for n in [*others, "Rg2"]})


def _path(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is absent; name its folder as an argument or DIMGS_DATA")
    return path


def _logs(data: Dataset, group: Group) -> Array:
    logs = [e * np.log(np.asarray(data[n], dtype=np.float64)) for n, e in group.items()]
    return np.asarray(np.sum(logs, axis=0))


def _text(group: Group) -> str:
    return " ".join(n if e == 1 else f"{n}^{e:g}" for n, e in sorted(group.items()) if e)


def _interval(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.1f} [{found[1]:.1f}, {found[2]:.1f}]"


STUDIES: tuple[Callable[[Path], Iterator[Row]], ...] = (migration, oxidation, chains)


def main(folder: Path) -> None:
    """Print what is found beside what is known."""
    for study in STUDIES:
        print(f"\n{study.__doc__}")
        try:
            for what, found, known in study(folder):
                print(f"  {what}: {found}   (known: {known})")
        except OSError as error:
            print(f"  not run: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
