"""Named numbers with gravity, buoyancy, rotation, waves and sediment."""

import functools

from dimgs.groups.catalogue.entry import NamedNumber, number

_entry = functools.partial(number, field="gravity, rotation and geophysical flow")

NUMBERS: tuple[NamedNumber, ...] = (
    _entry(
        "Froude number",
        r"\mathrm{Fr}",
        ("flow velocity, any acceleration^-1/2, any length^-1/2",),
        "White 2011, Fluid Mechanics, 7th ed., table 5.2",
    ),
    _entry(
        "Richardson number",
        r"\mathrm{Ri}",
        (
            (
                "gravity, thermal expansion coefficient, temperature difference, any length, "
                "flow velocity^-2"
            ),
            "gravity, density difference, any length, density^-1, flow velocity^-2",
            "reduced gravity, any length, flow velocity^-2",
            "buoyancy frequency^2, any rate of strain^-2",
        ),
        "Turner 1973, Buoyancy Effects in Fluids, sec. 1.4",
    ),
    _entry(
        "densimetric Froude number",
        r"\mathrm{Fr}_\mathrm{d}",
        (
            "flow velocity, density^1/2, gravity^-1/2, density difference^-1/2, any length^-1/2",
            "flow velocity, reduced gravity^-1/2, any length^-1/2",
        ),
        "Turner 1973, Buoyancy Effects in Fluids, sec. 3.2",
    ),
    _entry(
        "internal Froude number",
        r"\mathrm{Fr}_\mathrm{i}",
        ("flow velocity, buoyancy frequency^-1, any length^-1",),
        "Turner 1973, Buoyancy Effects in Fluids, sec. 1.4",
    ),
    _entry(
        "Galilei number",
        r"\mathrm{Ga}",
        (
            "gravity, any length^3, kinematic viscosity^-2",
            "gravity, any length^3, density^2, dynamic viscosity^-2",
        ),
        "Catchpole and Fulford 1966, Ind. Eng. Chem. 58(3), 46-60",
    ),
    _entry(
        "Archimedes number",
        r"\mathrm{Ar}",
        (
            "gravity, any length^3, density, density difference, dynamic viscosity^-2",
            "gravity, any length^3, density difference, density^-1, kinematic viscosity^-2",
        ),
        "Clift, Grace and Weber 1978, Bubbles, Drops, and Particles, ch. 5",
        note="Also the Grashof number of a density difference.",
    ),
    _entry(
        "Rossby number",
        r"\mathrm{Ro}",
        (
            "flow velocity, angular velocity^-1, any length^-1",
            "flow velocity, Coriolis parameter^-1, any length^-1",
        ),
        "Pedlosky 1987, Geophysical Fluid Dynamics, 2nd ed., sec. 1.2",
        note="A factor 2 with the angular velocity.",
    ),
    _entry(
        "Ekman number",
        r"\mathrm{Ek}",
        (
            "kinematic viscosity, angular velocity^-1, any length^-2",
            "kinematic viscosity, Coriolis parameter^-1, any length^-2",
            "dynamic viscosity, density^-1, angular velocity^-1, any length^-2",
        ),
        "Ekman 1905, Ark. Mat. Astr. Fys. 2(11), 1-52",
        note="A factor 2 with the angular velocity.",
    ),
    _entry(
        "Taylor number",
        r"\mathrm{Ta}",
        (
            "angular velocity^2, any length^4, kinematic viscosity^-2",
            "angular velocity^2, radius, clearance^3, kinematic viscosity^-2",
            "density^2, angular velocity^2, radius, clearance^3, dynamic viscosity^-2",
        ),
        "Taylor 1923, Phil. Trans. R. Soc. A 223, 289-343",
        note="A factor 4 without walls.",
    ),
    _entry(
        "Ursell number",
        r"\mathrm{Ur}",
        ("wave height, wavelength^2, water depth^-3",),
        "Ursell 1953, Proc. Camb. Phil. Soc. 49, 685-694",
    ),
    _entry(
        "wave steepness",
        r"H/\lambda",
        ("wave height, wavelength^-1",),
        "Dean and Dalrymple 1991, Water Wave Mechanics, ch. 4",
    ),
    _entry(
        "Shields number",
        r"\theta_\mathrm{S}",
        (
            "wall shear stress, density difference^-1, gravity^-1, size^-1",
            "density, friction velocity^2, density difference^-1, gravity^-1, size^-1",
        ),
        "Shields 1936, Mitt. Preuss. Versuchsanst. Wasserbau Schiffbau 26",
    ),
    _entry(
        "Rouse number",
        r"P_\mathrm{R}",
        ("settling velocity, friction velocity^-1",),
        "Rouse 1937, Trans. ASCE 102, 463-543",
        note="The von Karman constant divides it.",
    ),
    _entry(
        "inertial number",
        r"I_\mathrm{g}",
        (
            "shear rate, diameter, density^1/2, pressure^-1/2",
            "shear rate, diameter, particle density^1/2, pressure^-1/2",
        ),
        "GDR MiDi 2004, Eur. Phys. J. E 14, 341-365",
    ),
    _entry(
        "Bagnold number",
        r"\mathrm{Ba}",
        ("particle density, diameter^2, shear rate, dynamic viscosity^-1",),
        "Bagnold 1954, Proc. R. Soc. A 225, 49-63",
        note="The root of the linear concentration multiplies it.",
    ),
    _entry(
        "Toomre parameter",
        r"Q_\mathrm{T}",
        ("sound speed, orbital frequency, gravitational constant^-1, surface density^-1",),
        "Toomre 1964, Astrophys. J. 139, 1217-1238",
        note="A factor 1/pi for gas.",
    ),
    _entry(
        "virial parameter",
        r"\alpha_\mathrm{vir}",
        ("velocity^2, size, gravitational constant^-1, mass^-1",),
        "Bertoldi and McKee 1992, Astrophys. J. 395, 140-157",
        note="A factor 5 is usual.",
    ),
    _entry(
        "compactness",
        r"\mathcal{C}",
        ("gravitational constant, mass, size^-1, speed of light^-2",),
        "Misner, Thorne and Wheeler 1973, Gravitation, ch. 23",
        note="A factor 2 in some texts.",
    ),
)
