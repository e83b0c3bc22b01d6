"""Named numbers of mass transfer, reaction and combustion."""

import functools

from dimgs.groups.catalogue.entry import NamedNumber, number

_entry = functools.partial(number, field="mass transfer and reaction")
_INCROPERA = "Incropera et al. 2007, Fundamentals of Heat and Mass Transfer, 6th ed., table 6.2"
_DAMKOEHLER = "Damköhler 1936, Z. Elektrochem. 42, 846-862"

NUMBERS: tuple[NamedNumber, ...] = (
    _entry(
        "Schmidt number",
        r"\mathrm{Sc}",
        (
            "kinematic viscosity, mass diffusivity^-1",
            "dynamic viscosity, density^-1, mass diffusivity^-1",
        ),
        _INCROPERA,
    ),
    _entry(
        "Lewis number",
        r"\mathrm{Le}",
        (
            "thermal diffusivity, mass diffusivity^-1",
            "fluid conductivity, density^-1, specific heat^-1, mass diffusivity^-1",
        ),
        _INCROPERA,
    ),
    _entry(
        "Sherwood number",
        r"\mathrm{Sh}",
        ("mass transfer coefficient, any length, mass diffusivity^-1",),
        _INCROPERA,
    ),
    _entry(
        "mass Péclet number",
        r"\mathrm{Pe}_\mathrm{m}",
        ("flow velocity, any length, mass diffusivity^-1",),
        "Bird, Stewart and Lightfoot 2002, Transport Phenomena, 2nd ed., ch. 22",
    ),
    _entry(
        "mass Stanton number",
        r"\mathrm{St}_\mathrm{m}",
        ("mass transfer coefficient, velocity^-1",),
        _INCROPERA,
    ),
    _entry(
        "mass Biot number",
        r"\mathrm{Bi}_\mathrm{m}",
        ("mass transfer coefficient, any length, effective diffusivity^-1",),
        _INCROPERA,
    ),
    _entry(
        "mass Fourier number",
        r"\mathrm{Fo}_\mathrm{m}",
        (
            "mass diffusivity, any time, any length^-2",
            "effective diffusivity, any time, any length^-2",
        ),
        _INCROPERA,
    ),
    _entry(
        "mass Graetz number",
        r"\mathrm{Gz}_\mathrm{m}",
        ("flow velocity, diameter^2, mass diffusivity^-1, length^-1",),
        "Bird, Stewart and Lightfoot 2002, Transport Phenomena, 2nd ed., ch. 22",
    ),
    _entry(
        "solutal Rayleigh number",
        r"\mathrm{Ra}_\mathrm{m}",
        (
            "gravity, density difference, any length^3, dynamic viscosity^-1, mass diffusivity^-1",
            (
                "gravity, density difference, any length^3, density^-1, kinematic viscosity^-1, "
                "mass diffusivity^-1"
            ),
        ),
        "Turner 1973, Buoyancy Effects in Fluids, ch. 8",
    ),
    _entry(
        "Bodenstein number",
        r"\mathrm{Bo}_\mathrm{ax}",
        ("flow velocity, any length, axial dispersion coefficient^-1",),
        "Levenspiel 1999, Chemical Reaction Engineering, 3rd ed., ch. 13",
    ),
    _entry(
        "first Damköhler number",
        r"\mathrm{Da}_\mathrm{I}",
        (
            "reaction rate constant, any length, flow velocity^-1",
            "reaction rate constant, residence time",
            "second-order rate constant, concentration, residence time",
            "volumetric reaction rate, any length, flow velocity^-1, concentration^-1",
            "volumetric reaction rate, residence time, concentration^-1",
        ),
        _DAMKOEHLER,
        aliases=("Damköhler number",),
    ),
    _entry(
        "second Damköhler number",
        r"\mathrm{Da}_\mathrm{II}",
        (
            "reaction rate constant, any length^2, mass diffusivity^-1",
            "volumetric reaction rate, any length^2, mass diffusivity^-1, concentration^-1",
        ),
        _DAMKOEHLER,
    ),
    _entry(
        "surface Damköhler number",
        r"\mathrm{Da}_\mathrm{s}",
        ("surface reaction rate constant, any length, mass diffusivity^-1",),
        "Bird, Stewart and Lightfoot 2002, Transport Phenomena, 2nd ed., ch. 18",
    ),
    _entry(
        "Thiele modulus",
        r"\phi_\mathrm{T}",
        (
            "any length, reaction rate constant^1/2, effective diffusivity^-1/2",
            (
                "any length, second-order rate constant^1/2, concentration^1/2, "
                "effective diffusivity^-1/2"
            ),
        ),
        "Thiele 1939, Ind. Eng. Chem. 31, 916-920",
    ),
    _entry(
        "Weisz modulus",
        r"\Phi_\mathrm{W}",
        ("volumetric reaction rate, any length^2, effective diffusivity^-1, concentration^-1",),
        "Weisz and Prater 1954, Adv. Catal. 6, 143-196",
        aliases=("Weisz-Prater number",),
    ),
    _entry(
        "Hatta number",
        r"\mathrm{Ha}_\mathrm{r}",
        (
            "reaction rate constant^1/2, mass diffusivity^1/2, mass transfer coefficient^-1",
            (
                "second-order rate constant^1/2, concentration^1/2, mass diffusivity^1/2, "
                "mass transfer coefficient^-1"
            ),
        ),
        "Hatta 1932, Technol. Rep. Tohoku Imp. Univ. 10, 119-135",
    ),
    _entry(
        "Arrhenius number",
        r"\mathrm{Ar}_E",
        ("molar activation energy, molar gas constant^-1, temperature^-1",),
        "Levenspiel 1999, Chemical Reaction Engineering, 3rd ed., ch. 2",
    ),
    _entry(
        "Zel'dovich number",
        r"\mathrm{Ze}",
        ("molar activation energy, temperature difference, molar gas constant^-1, temperature^-2",),
        "Law 2006, Combustion Physics, ch. 7",
    ),
    _entry(
        "Prater number",
        r"\beta_\mathrm{P}",
        (
            (
                "molar reaction enthalpy, effective diffusivity, concentration, "
                "any conductivity^-1, temperature^-1"
            ),
        ),
        "Prater 1958, Chem. Eng. Sci. 8, 284-286",
    ),
    _entry(
        "Karlovitz number",
        r"\mathrm{Ka}_\mathrm{F}",
        ("any rate of strain, thickness, flame speed^-1",),
        "Law 2006, Combustion Physics, ch. 10",
    ),
)
