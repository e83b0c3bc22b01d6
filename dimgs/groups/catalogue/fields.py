"""Named numbers of electric and magnetic fields, plasmas, optics and solids."""

import functools

from dimgs.groups.catalogue.entry import NamedNumber, number

_mhd = functools.partial(number, field="electromagnetism and plasmas")
_solid = functools.partial(number, field="solids")
_optics = functools.partial(number, field="optics")
_DAVIDSON = "Davidson 2001, An Introduction to Magnetohydrodynamics"

NUMBERS: tuple[NamedNumber, ...] = (
    _mhd(
        "Hartmann number",
        r"\mathrm{Ha}",
        (
            (
                "magnetic flux density, any length, electrical conductivity^1/2, "
                "dynamic viscosity^-1/2"
            ),
            (
                "magnetic flux density, any length, electrical conductivity^1/2, density^-1/2, "
                "kinematic viscosity^-1/2"
            ),
        ),
        "Hartmann 1937, Mat.-Fys. Medd. 15(6)",
    ),
    _mhd(
        "Chandrasekhar number",
        r"Q_\mathrm{C}",
        (
            "magnetic flux density^2, any length^2, electrical conductivity, dynamic viscosity^-1",
            (
                "magnetic flux density^2, any length^2, electrical conductivity, density^-1, "
                "kinematic viscosity^-1"
            ),
        ),
        "Chandrasekhar 1961, Hydrodynamic and Hydromagnetic Stability, ch. IV",
        note="The square of the Hartmann number.",
    ),
    _mhd(
        "Stuart number",
        r"N_\mathrm{S}",
        (
            (
                "electrical conductivity, magnetic flux density^2, any length, density^-1, "
                "flow velocity^-1"
            ),
        ),
        _DAVIDSON,
        aliases=("interaction parameter",),
    ),
    _mhd(
        "magnetic Reynolds number",
        r"\mathrm{Rm}",
        (
            "flow velocity, any length, magnetic diffusivity^-1",
            "magnetic permeability, electrical conductivity, flow velocity, any length",
        ),
        _DAVIDSON,
    ),
    _mhd(
        "magnetic Prandtl number",
        r"\mathrm{Pm}",
        (
            "kinematic viscosity, magnetic diffusivity^-1",
            "magnetic permeability, electrical conductivity, kinematic viscosity",
        ),
        _DAVIDSON,
    ),
    _mhd(
        "Roberts number",
        r"q_\mathrm{R}",
        ("thermal diffusivity, magnetic diffusivity^-1",),
        "Jones 2011, Annu. Rev. Fluid Mech. 43, 583-614",
    ),
    _mhd(
        "Lundquist number",
        r"\mathrm{Lu}",
        (
            "Alfvén speed, any length, magnetic diffusivity^-1",
            "magnetic permeability, electrical conductivity, Alfvén speed, any length",
            (
                "magnetic flux density, any length, electrical conductivity, "
                "magnetic permeability^1/2, density^-1/2"
            ),
        ),
        "Lundquist 1952, Ark. Fys. 5, 297-347",
    ),
    _mhd(
        "Alfvén number",
        r"\mathrm{Al}",
        (
            "velocity, Alfvén speed^-1",
            "velocity, magnetic permeability^1/2, density^1/2, magnetic flux density^-1",
        ),
        "Alfvén 1942, Nature 150, 405-406",
        aliases=("Alfvén Mach number",),
    ),
    _mhd(
        "Cowling number",
        r"\mathrm{Cg}",
        (
            "magnetic flux density^2, magnetic permeability^-1, density^-1, velocity^-2",
            "Alfvén speed^2, velocity^-2",
        ),
        "Catchpole and Fulford 1966, Ind. Eng. Chem. 58(3), 46-60",
        note="The inverse square of the Alfvén number.",
    ),
    _mhd(
        "Elsasser number",
        r"\Lambda",
        (
            "electrical conductivity, magnetic flux density^2, density^-1, angular velocity^-1",
            (
                "magnetic flux density^2, density^-1, magnetic permeability^-1, "
                "magnetic diffusivity^-1, angular velocity^-1"
            ),
        ),
        "Jones 2011, Annu. Rev. Fluid Mech. 43, 583-614",
    ),
    _mhd(
        "plasma beta",
        r"\beta_\mathrm{p}",
        ("pressure, magnetic permeability, magnetic flux density^-2",),
        "Freidberg 2007, Plasma Physics and Fusion Energy, ch. 5",
        note="A factor 2 is usual.",
    ),
    _mhd(
        "Coulomb coupling parameter",
        r"\Gamma_\mathrm{C}",
        ("charge^2, permittivity^-1, any length^-1, Boltzmann constant^-1, temperature^-1",),
        "Ichimaru 1982, Rev. Mod. Phys. 54, 1017-1059",
        note="A factor 1/(4 pi) is usual.",
    ),
    _mhd(
        "electric Bond number",
        r"\mathrm{Bo}_E",
        ("permittivity, electric field^2, any length, surface tension^-1",),
        "Taylor and McEwan 1965, J. Fluid Mech. 22, 1-15",
    ),
    _mhd(
        "Mason number",
        r"\mathrm{Mn}",
        (
            "dynamic viscosity, shear rate, permittivity^-1, electric field^-2",
            "dynamic viscosity, shear rate, magnetic permeability^-1, magnetic field strength^-2",
        ),
        "Klingenberg, Ulicny and Golden 2007, J. Rheol. 51, 883-893",
    ),
    _solid(
        "brittleness number",
        r"s_\mathrm{C}",
        ("fracture toughness, yield stress^-1, any length^-1/2",),
        "Carpinteri 1982, Eng. Fract. Mech. 16, 467-481",
    ),
    _solid(
        "Johnson damage number",
        r"D_\mathrm{n}",
        ("density, velocity^2, yield stress^-1",),
        "Johnson 1972, Impact Strength of Materials",
    ),
    _optics(
        "Fresnel number",
        r"N_\mathrm{F}",
        ("radius^2, length^-1, wavelength^-1",),
        "Born and Wolf 1999, Principles of Optics, 7th ed., ch. 8",
    ),
    _optics(
        "size parameter",
        r"x_\mathrm{s}",
        ("size, wavelength^-1",),
        "Bohren and Huffman 1983, Absorption and Scattering of Light by Small Particles, ch. 4",
        note="A factor pi with the diameter, 2 pi with the radius.",
    ),
)
