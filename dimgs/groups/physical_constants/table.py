"""Physical constants: symbols, names and CODATA values in coherent SI."""

import functools
from dataclasses import dataclass, field
from difflib import get_close_matches

from dimgs.errors import InputError
from dimgs.groups.kinds import Dimension, parse_dimension

# In order of plausibility where a target is out of reach.
# Symbol, name in CODATA, unit, dimension, LaTeX, kind, other names.
_ROWS: tuple[tuple[str, str, str, str, str, str | None, str], ...] = (
    (
        "g",
        "standard acceleration of gravity",
        "m/s**2",
        "L T-2",
        "g",
        "gravity",
        "g_0 gravity standard_gravity",
    ),
    (
        "c",
        "speed of light in vacuum",
        "m/s",
        "L T-1",
        "c",
        "speed of light",
        "c_0 speed_of_light light",
    ),
    (
        "k_B",
        "Boltzmann constant",
        "J/K",
        "M L2 T-2 K-1",
        r"k_\mathrm{B}",
        "Boltzmann constant",
        "boltzmann",
    ),
    (
        "R",
        "molar gas constant",
        "J/(mol*K)",
        "M L2 T-2 K-1 N-1",
        "R",
        "molar gas constant",
        "R_gas gas_constant universal_gas_constant",
    ),
    (
        "G",
        "Newtonian constant of gravitation",
        "m**3/(kg*s**2)",
        "M-1 L3 T-2",
        "G",
        "gravitational constant",
        "newton gravitational_constant",
    ),
    ("h", "Planck constant", "J*s", "M L2 T-1", "h", "action", "planck"),
    (
        "hbar",
        "reduced Planck constant",
        "J*s",
        "M L2 T-1",
        r"\hbar",
        "action",
        "h_bar ħ ℏ dirac_constant",
    ),
    ("e", "elementary charge", "C", "T I", "e", "charge", "q_e electron_charge"),
    (
        "eps_0",
        "vacuum electric permittivity",
        "F/m",
        "M-1 L-3 T4 I2",
        r"\varepsilon_0",
        "permittivity",
        "epsilon_0 ε_0 vacuum_permittivity electric_constant",
    ),
    (
        "mu_0",
        "vacuum mag. permeability",
        "N/A**2",
        "M L T-2 I-2",
        r"\mu_0",
        "magnetic permeability",
        "μ_0 vacuum_permeability magnetic_constant vacuum_magnetic_permeability",
    ),
    (
        "sigma",
        "Stefan-Boltzmann constant",
        "W/(m**2*K**4)",
        "M T-3 K-4",
        r"\sigma",
        "Stefan-Boltzmann constant",
        "sigma_SB σ stefan_boltzmann",
    ),
    ("N_A", "Avogadro constant", "1/mol", "N-1", r"N_\mathrm{A}", "Avogadro constant", "avogadro"),
    ("F", "Faraday constant", "C/mol", "T I N-1", "F", "charge per amount", "faraday"),
    ("m_e", "electron mass", "kg", "M", r"m_\mathrm{e}", "mass", ""),
    ("m_p", "proton mass", "kg", "M", r"m_\mathrm{p}", "mass", ""),
    ("m_n", "neutron mass", "kg", "M", r"m_\mathrm{n}", "mass", ""),
    (
        "u",
        "atomic mass constant",
        "kg",
        "M",
        r"m_\mathrm{u}",
        "mass",
        "m_u amu dalton atomic_mass_unit",
    ),
    ("a_0", "Bohr radius", "m", "L", "a_0", "length", "bohr"),
    ("R_inf", "Rydberg constant", "1/m", "L-1", r"R_\infty", "wavenumber", "rydberg Ry R_∞"),
    (
        "b_Wien",
        "Wien wavelength displacement law constant",
        "m*K",
        "L K",
        "b",
        None,
        "b wien wien_displacement",
    ),
    ("mu_B", "Bohr magneton", "J/T", "L2 I", r"\mu_\mathrm{B}", None, "bohr_magneton"),
    (
        "Phi_0",
        "mag. flux quantum",
        "Wb",
        "M L2 T-2 I-1",
        r"\Phi_0",
        "magnetic flux",
        "flux_quantum",
    ),
)


@dataclass(frozen=True)
class PhysicalConstant:
    """A physical constant in coherent SI.

    Attributes
    ----------
    symbol, name : str
        For instance ``"k_B"``, ``"Boltzmann constant"``.
    value : float
        In `unit`, which is coherent SI.
    unit : str
        In pint's notation.
    dimension : mapping of str to Fraction
        Exponents of pint's base dimensions.
    latex : str
        LaTeX symbol.
    source : str
        Where the value is from.
    relative_uncertainty : float
        Standard uncertainty over value; 0 where exact by definition.
    kind : str or None
        Name of its physical kind.
    """

    symbol: str
    name: str
    value: float
    unit: str
    dimension: Dimension = field(hash=False)
    latex: str
    source: str
    relative_uncertainty: float = 0.0
    kind: str | None = None


@functools.cache
def all_constants() -> tuple[PhysicalConstant, ...]:
    """Every constant, in order of plausibility for a missing dimension."""
    import scipy
    from scipy import constants

    return tuple(
        PhysicalConstant(
            symbol,
            name.replace("mag.", "magnetic"),
            float(constants.value(name)),
            unit,
            parse_dimension(code),
            latex,
            f"CODATA, through scipy.constants {scipy.__version__}",
            float(constants.precision(name)),
            kind,
        )
        for symbol, name, unit, code, latex, kind, _ in _ROWS
    )


def _plain(name: str) -> str:
    return name.strip().replace("_", "").replace(" ", "").replace("-", "")


@functools.cache
def _by_name() -> tuple[dict[str, PhysicalConstant], dict[str, PhysicalConstant]]:
    """Constants by symbol and alias as written, and by word in lower case."""
    exact: dict[str, PhysicalConstant] = {}
    words: dict[str, PhysicalConstant] = {}
    for row, each in zip(_ROWS, all_constants(), strict=True):
        for alias in (each.symbol, each.name, *row[-1].split()):
            exact.setdefault(_plain(alias), each)
            if len(_plain(alias)) > 1:
                words.setdefault(_plain(alias).casefold(), each)
    return exact, words


def constant(symbol: str) -> PhysicalConstant:
    """Physical constant of that symbol or name.

    Parameters
    ----------
    symbol : str
        As ``"k_B"``, ``"kB"``, ``"Planck"`` or ``"speed of light"``. Single letters distinguish
        upper from lower case: `g` is standard gravity, `G` Newton's constant.

    Raises
    ------
    InputError
        If there is none; the message lists near matches.

    Examples
    --------
    >>> constant("g").value, constant("g").unit
    (9.80665, 'm/s**2')
    >>> constant("kB").name
    'Boltzmann constant'
    """
    exact, words = _by_name()
    wanted = _plain(symbol)
    found = exact.get(wanted) or words.get(wanted.casefold())
    if found is not None:
        return found
    near = get_close_matches(wanted.casefold(), words, n=5, cutoff=0.6)
    near += [key for key in exact if key.casefold() == wanted.casefold()]
    listed = list(dict.fromkeys((words.get(each) or exact[each]) for each in near))
    if listed:
        remedy = "did you mean " + " or ".join(f"{each.symbol} ({each.name})" for each in listed)
        remedy += "?"
    else:
        remedy = "known are " + ", ".join(each.symbol for each in all_constants()) + "."
    raise InputError(f"No physical constant is called {symbol!r}; {remedy}")
