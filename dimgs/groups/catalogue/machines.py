"""Named numbers of pumps, turbines, stirrers, propellers and bearings."""

import functools

from dimgs.groups.catalogue.entry import NamedNumber, number

_entry = functools.partial(number, field="machines")
_TURBO = "Dixon and Hall 2014, Fluid Mechanics and Thermodynamics of Turbomachinery, 7th ed., ch. 2"

NUMBERS: tuple[NamedNumber, ...] = (
    _entry(
        "power number",
        r"N_P",
        ("power, density^-1, any rotation^-3, any length^-5",),
        "Rushton, Costich and Everett 1950, Chem. Eng. Prog. 46, 395-404",
    ),
    _entry(
        "flow coefficient",
        r"\phi",
        ("volumetric flow rate, any rotation^-1, any length^-3",),
        _TURBO,
        aliases=("flow number", "pumping number"),
    ),
    _entry(
        "head coefficient",
        r"\psi",
        (
            "gravity, height, any rotation^-2, diameter^-2",
            "pressure difference, density^-1, any rotation^-2, any length^-2",
        ),
        _TURBO,
    ),
    _entry(
        "specific speed",
        r"N_\mathrm{s}",
        ("any rotation, volumetric flow rate^1/2, gravity^-3/4, height^-3/4",),
        _TURBO,
    ),
    _entry(
        "specific diameter",
        r"D_\mathrm{s}",
        ("diameter, gravity^1/4, height^1/4, volumetric flow rate^-1/2",),
        _TURBO,
    ),
    _entry(
        "advance ratio",
        r"J",
        ("velocity, rotation rate^-1, any length^-1",),
        "Carlton 2012, Marine Propellers and Propulsion, 3rd ed., ch. 6",
    ),
    _entry(
        "thrust coefficient",
        r"K_T",
        ("force, density^-1, rotation rate^-2, any length^-4",),
        "Carlton 2012, Marine Propellers and Propulsion, 3rd ed., ch. 6",
    ),
    _entry(
        "torque coefficient",
        r"K_Q",
        ("torque, density^-1, any rotation^-2, any length^-5",),
        "Carlton 2012, Marine Propellers and Propulsion, 3rd ed., ch. 6",
    ),
    _entry(
        "Hersey number",
        r"\mathrm{Hs}",
        ("dynamic viscosity, any rotation, pressure^-1",),
        "Hersey 1914, J. Wash. Acad. Sci. 4, 542-552",
    ),
    _entry(
        "Sommerfeld number",
        r"S",
        ("dynamic viscosity, any rotation, radius^2, pressure^-1, clearance^-2",),
        "Sommerfeld 1904, Z. Math. Phys. 50, 97-155",
    ),
)
