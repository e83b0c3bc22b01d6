"""Named numbers of fluid flow: inertia, viscosity, pressure, sound, bodies, porous beds."""

import functools

from dimgs.groups.catalogue.entry import NamedNumber, number

_entry = functools.partial(number, field="fluid mechanics")

NUMBERS: tuple[NamedNumber, ...] = (
    _entry(
        "Reynolds number",
        r"\mathrm{Re}",
        (
            "density, flow velocity, any length, any viscosity^-1",
            "flow velocity, any length, kinematic viscosity^-1",
            "mass flux, any length, any viscosity^-1",
            "density, rotation rate, any length^2, any viscosity^-1",
            "rotation rate, any length^2, kinematic viscosity^-1",
        ),
        "Reynolds 1883, Phil. Trans. R. Soc. 174, 935-982",
    ),
    _entry(
        "friction Reynolds number",
        r"\mathrm{Re}_\tau",
        (
            "friction velocity, smooth length, kinematic viscosity^-1",
            "density, friction velocity, smooth length, dynamic viscosity^-1",
        ),
        "Pope 2000, Turbulent Flows, sec. 7.1",
        broader="Reynolds number",
    ),
    _entry(
        "roughness Reynolds number",
        r"\mathrm{Re}_*",
        (
            "friction velocity, roughness, kinematic viscosity^-1",
            "density, friction velocity, roughness, dynamic viscosity^-1",
        ),
        "Nikuradse 1933, VDI-Forschungsheft 361",
        broader="Reynolds number",
    ),
    _entry(
        "relative roughness",
        r"\varepsilon/D",
        ("roughness, size^-1",),
        "Colebrook 1939, J. Inst. Civ. Eng. 11, 133-156",
    ),
    _entry(
        "Euler number",
        r"\mathrm{Eu}",
        ("any pressure, density^-1, flow velocity^-2",),
        "White 2011, Fluid Mechanics, 7th ed., table 5.2",
        note="The pressure coefficient is twice this.",
    ),
    _entry(
        "cavitation number",
        r"\mathrm{Ca}_\mathrm{v}",
        ("pressure above vapour pressure, density^-1, flow velocity^-2",),
        "Brennen 1995, Cavitation and Bubble Dynamics, ch. 1",
        note="A factor 2 is usual.",
    ),
    _entry(
        "Mach number",
        r"\mathrm{Ma}",
        ("flow velocity, sound speed^-1",),
        "Anderson 2003, Modern Compressible Flow, 3rd ed., ch. 3",
    ),
    _entry(
        "Cauchy number",
        r"\mathrm{Cy}",
        ("density, flow velocity^2, modulus^-1",),
        "Catchpole and Fulford 1966, Ind. Eng. Chem. 58(3), 46-60",
    ),
    _entry(
        "Joukowsky number",
        r"\mathrm{Jo}",
        ("pressure difference, density^-1, sound speed^-1, flow velocity^-1",),
        "Joukowsky 1900, Mém. Acad. Imp. Sci. St.-Pétersbourg, ser. 8, 9(5)",
        note="Water hammer: one for a sudden full stop.",
        aliases=("Zhukovsky number", "water-hammer number"),
    ),
    _entry(
        "Helmholtz number",
        r"\mathrm{He}",
        ("frequency, size, sound speed^-1",),
        "Howe 1998, Acoustics of Fluid-Structure Interactions, ch. 1",
    ),
    _entry(
        "Knudsen number",
        r"\mathrm{Kn}",
        ("mean free path, size^-1",),
        "Knudsen 1909, Ann. Phys. 333, 75-130",
    ),
    _entry(
        "Strouhal number",
        r"\mathrm{Sr}",
        ("frequency, any length, flow velocity^-1",),
        "Strouhal 1878, Ann. Phys. 241, 216-251",
    ),
    _entry(
        "reduced frequency",
        r"k_\omega",
        ("angular frequency, any length, flow velocity^-1",),
        "Theodorsen 1935, NACA Report 496",
        note="With half the chord as length.",
    ),
    _entry(
        "Roshko number",
        r"\mathrm{Ro}_f",
        (
            "frequency, any length^2, kinematic viscosity^-1",
            "density, frequency, any length^2, dynamic viscosity^-1",
        ),
        "Roshko 1954, NACA Report 1191",
        aliases=("frequency parameter",),
    ),
    _entry(
        "Womersley number",
        r"\mathrm{Wo}",
        (
            "any length, angular frequency^1/2, kinematic viscosity^-1/2",
            "any length, angular frequency^1/2, density^1/2, dynamic viscosity^-1/2",
        ),
        "Womersley 1955, J. Physiol. 127, 553-563",
    ),
    _entry(
        "Keulegan-Carpenter number",
        r"\mathrm{KC}",
        ("flow velocity, period, size^-1", "amplitude, size^-1"),
        "Keulegan and Carpenter 1958, J. Res. Natl. Bur. Stand. 60, 423-440",
        note="A factor 2 pi with the amplitude.",
    ),
    _entry(
        "drag coefficient",
        r"C_\mathrm{D}",
        (
            "drag force, density^-1, flow velocity^-2, area^-1",
            "drag force, density^-1, flow velocity^-2, any length^-2",
        ),
        "White 2011, Fluid Mechanics, 7th ed., sec. 7.6",
        note="A factor 2, and the factor of the area, are usual.",
    ),
    _entry(
        "lift coefficient",
        r"C_\mathrm{L}",
        (
            "lift force, density^-1, flow velocity^-2, area^-1",
            "lift force, density^-1, flow velocity^-2, any length^-2",
        ),
        "White 2011, Fluid Mechanics, 7th ed., sec. 7.6",
        note="A factor 2 is usual.",
    ),
    _entry(
        "Newton number",
        r"\mathrm{Ne}",
        (
            "force, density^-1, flow velocity^-2, any length^-2",
            "force, density^-1, flow velocity^-2, area^-1",
        ),
        "Catchpole and Fulford 1966, Ind. Eng. Chem. 58(3), 46-60",
        aliases=("force coefficient",),
    ),
    _entry(
        "Darcy friction factor",
        r"f_\mathrm{D}",
        (
            "pressure difference, diameter, length^-1, density^-1, flow velocity^-2",
            "pressure gradient, diameter, density^-1, flow velocity^-2",
        ),
        "White 2011, Fluid Mechanics, 7th ed., sec. 6.3",
        note="A factor 2 is usual.",
    ),
    _entry(
        "skin friction coefficient",
        r"C_\mathrm{f}",
        ("wall shear stress, density^-1, flow velocity^-2",),
        "White 2011, Fluid Mechanics, 7th ed., sec. 6.3 and 7.4",
        note="A factor 2 is usual.",
        aliases=("Fanning friction factor",),
    ),
    _entry(
        "Poiseuille number",
        r"\mathrm{Po}",
        (
            "wall shear stress, any length, any viscosity^-1, flow velocity^-1",
            "pressure gradient, any length^2, any viscosity^-1, flow velocity^-1",
        ),
        "White 2011, Fluid Mechanics, 7th ed., sec. 6.8",
    ),
    _entry(
        "Lagrange number",
        r"\mathrm{La}_p",
        ("pressure difference, any length, any viscosity^-1, flow velocity^-1",),
        "Catchpole and Fulford 1966, Ind. Eng. Chem. 58(3), 46-60",
    ),
    _entry(
        "Hagen number",
        r"\mathrm{Hg}",
        (
            "pressure gradient, density, any length^3, dynamic viscosity^-2",
            "pressure gradient, any length^3, density^-1, kinematic viscosity^-2",
        ),
        "Martin 2002, Chem. Eng. Sci. 57, 3217-3223",
    ),
    _entry(
        "Dean number",
        r"\mathrm{Dn}",
        (
            "density, flow velocity, size^3/2, radius of curvature^-1/2, dynamic viscosity^-1",
            "flow velocity, size^3/2, radius of curvature^-1/2, kinematic viscosity^-1",
        ),
        "Dean 1927, Phil. Mag. 4, 208-223",
        note="Factors under the root vary.",
    ),
    _entry(
        "Stokes number",
        r"\mathrm{Stk}",
        (
            "particle density, diameter^2, flow velocity, any viscosity^-1, length^-1",
            "particle response time, flow velocity, size^-1",
        ),
        "Crowe et al. 2011, Multiphase Flows with Droplets and Particles, 2nd ed., ch. 2",
        note="A factor 1/18 with the particle density.",
    ),
    _entry(
        "Darcy number",
        r"\mathrm{Da}_K",
        ("permeability, any length^-2",),
        "Nield and Bejan 2013, Convection in Porous Media, 4th ed., sec. 1.5",
    ),
    _entry(
        "permeability Reynolds number",
        r"\mathrm{Re}_K",
        (
            "density, flow velocity, permeability^1/2, dynamic viscosity^-1",
            "flow velocity, permeability^1/2, kinematic viscosity^-1",
        ),
        "Ward 1964, J. Hydraul. Div. ASCE 90(HY5), 1-12",
    ),
    _entry(
        "Courant number",
        r"\mathrm{Co}",
        ("wave speed, time step, grid spacing^-1",),
        "Courant, Friedrichs and Lewy 1928, Math. Ann. 100, 32-74",
    ),
)
