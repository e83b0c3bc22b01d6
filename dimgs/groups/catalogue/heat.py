"""Named numbers of heat transfer: convection, conduction, phase change, radiation."""

import functools

from dimgs.groups.catalogue.entry import NamedNumber, number

_entry = functools.partial(number, field="heat transfer")
_INCROPERA = "Incropera et al. 2007, Fundamentals of Heat and Mass Transfer, 6th ed., table 6.2"
_CATCHPOLE = "Catchpole and Fulford 1966, Ind. Eng. Chem. 58(3), 46-60"
_MODEST = "Modest 2013, Radiative Heat Transfer, 3rd ed."

NUMBERS: tuple[NamedNumber, ...] = (
    _entry(
        "Prandtl number",
        r"\mathrm{Pr}",
        (
            "kinematic viscosity, thermal diffusivity^-1",
            "dynamic viscosity, specific heat, fluid conductivity^-1",
            "kinematic viscosity, density, specific heat, fluid conductivity^-1",
            "dynamic viscosity, density^-1, thermal diffusivity^-1",
        ),
        _INCROPERA,
    ),
    _entry(
        "Nusselt or Biot number",
        r"(\mathrm{Nu}\ \mathrm{or}\ \mathrm{Bi})",
        ("heat transfer coefficient, any length, thermal conductivity^-1",),
        _INCROPERA,
        note="Nusselt's with the conductivity of the fluid, Biot's with that of the solid.",
    ),
    _entry(
        "Nusselt number",
        r"\mathrm{Nu}",
        (
            "heat transfer coefficient, any length, thermal conductivity of the fluid^-1",
            "heat flux, any length, fluid conductivity^-1, temperature difference^-1",
        ),
        "Nusselt 1915, Gesundheits-Ingenieur 38, 477-482",
        broader="Nusselt or Biot number",
    ),
    _entry(
        "Biot number",
        r"\mathrm{Bi}",
        ("heat transfer coefficient, any length, thermal conductivity of the solid^-1",),
        _INCROPERA,
        broader="Nusselt or Biot number",
    ),
    _entry(
        "Grashof number",
        r"\mathrm{Gr}",
        (
            (
                "gravity, thermal expansion coefficient, temperature difference, any length^3, "
                "kinematic viscosity^-2"
            ),
            (
                "gravity, thermal expansion coefficient, temperature difference, any length^3, "
                "density^2, dynamic viscosity^-2"
            ),
        ),
        _INCROPERA,
    ),
    _entry(
        "Rayleigh number",
        r"\mathrm{Ra}",
        (
            (
                "gravity, thermal expansion coefficient, temperature difference, any length^3, "
                "kinematic viscosity^-1, thermal diffusivity^-1"
            ),
            (
                "gravity, thermal expansion coefficient, temperature difference, any length^3, "
                "density, dynamic viscosity^-1, thermal diffusivity^-1"
            ),
            (
                "gravity, thermal expansion coefficient, temperature difference, any length^3, "
                "density^2, specific heat, dynamic viscosity^-1, fluid conductivity^-1"
            ),
            (
                "gravity, thermal expansion coefficient, temperature difference, any length^3, "
                "density, specific heat, kinematic viscosity^-1, fluid conductivity^-1"
            ),
        ),
        "Rayleigh 1916, Phil. Mag. 32, 529-546",
    ),
    _entry(
        "flux Grashof number",
        r"\mathrm{Gr}^*",
        (
            (
                "gravity, thermal expansion coefficient, heat flux, any length^4, "
                "fluid conductivity^-1, kinematic viscosity^-2"
            ),
        ),
        "Incropera et al. 2007, Fundamentals of Heat and Mass Transfer, 6th ed., ch. 9",
        aliases=("modified Grashof number",),
    ),
    _entry(
        "flux Rayleigh number",
        r"\mathrm{Ra}^*",
        (
            (
                "gravity, thermal expansion coefficient, heat flux, any length^4, "
                "fluid conductivity^-1, kinematic viscosity^-1, thermal diffusivity^-1"
            ),
        ),
        "Incropera et al. 2007, Fundamentals of Heat and Mass Transfer, 6th ed., ch. 9",
        aliases=("modified Rayleigh number",),
    ),
    _entry(
        "Darcy-Rayleigh number",
        r"\mathrm{Ra}_K",
        (
            (
                "gravity, thermal expansion coefficient, temperature difference, permeability, "
                "any length, kinematic viscosity^-1, thermal diffusivity^-1"
            ),
            (
                "density, gravity, thermal expansion coefficient, temperature difference, "
                "permeability, any length, dynamic viscosity^-1, thermal diffusivity^-1"
            ),
        ),
        "Horton and Rogers 1945, J. Appl. Phys. 16, 367-370",
    ),
    _entry(
        "Péclet number",
        r"\mathrm{Pe}",
        (
            "flow velocity, any length, thermal diffusivity^-1",
            "density, specific heat, flow velocity, any length, fluid conductivity^-1",
        ),
        _INCROPERA,
    ),
    _entry(
        "Stanton number",
        r"\mathrm{St}",
        (
            "heat transfer coefficient, density^-1, flow velocity^-1, specific heat^-1",
            "heat transfer coefficient, mass flux^-1, specific heat^-1",
        ),
        _INCROPERA,
    ),
    _entry(
        "Fourier number",
        r"\mathrm{Fo}",
        (
            "thermal diffusivity, any time, any length^-2",
            "any conductivity, any time, density^-1, specific heat^-1, any length^-2",
        ),
        _INCROPERA,
    ),
    _entry(
        "Graetz number",
        r"\mathrm{Gz}",
        (
            "flow velocity, diameter^2, thermal diffusivity^-1, length^-1",
            "density, specific heat, flow velocity, diameter^2, fluid conductivity^-1, length^-1",
            "mass flow rate, specific heat, fluid conductivity^-1, any length^-1",
        ),
        "Graetz 1885, Ann. Phys. 261, 337-357",
        note="A factor pi/4 separates the two forms.",
    ),
    _entry(
        "Eckert number",
        r"\mathrm{Ec}",
        ("flow velocity^2, specific heat^-1, temperature difference^-1",),
        _INCROPERA,
    ),
    _entry(
        "Brinkman number",
        r"\mathrm{Br}",
        ("any viscosity, flow velocity^2, fluid conductivity^-1, temperature difference^-1",),
        "Brinkman 1951, Appl. Sci. Res. A 2, 120-124",
    ),
    _entry(
        "Nahme number",
        r"\mathrm{Na}",
        (
            (
                "viscosity temperature coefficient, any viscosity, flow velocity^2, "
                "fluid conductivity^-1"
            ),
        ),
        "Nahme 1940, Ing.-Arch. 11, 191-209",
        aliases=("Nahme-Griffith number",),
    ),
    _entry(
        "Gay-Lussac number",
        r"\mathrm{GL}",
        ("thermal expansion coefficient^-1, temperature difference^-1",),
        _CATCHPOLE,
    ),
    _entry(
        "Bejan number",
        r"\mathrm{Be}",
        (
            "pressure difference, any length^2, dynamic viscosity^-1, thermal diffusivity^-1",
            (
                "pressure difference, any length^2, density^-1, kinematic viscosity^-1, "
                "thermal diffusivity^-1"
            ),
            "pressure difference, permeability, dynamic viscosity^-1, thermal diffusivity^-1",
        ),
        "Petrescu 1994, Int. J. Heat Mass Transf. 37, 1283",
    ),
    _entry(
        "Pomerantsev number",
        r"\mathrm{Pov}",
        ("volumetric heating rate, any length^2, any conductivity^-1, temperature difference^-1",),
        _CATCHPOLE,
        aliases=("Ostrogradsky number",),
    ),
    _entry(
        "Jakob number",
        r"\mathrm{Ja}",
        ("specific heat, temperature difference, latent heat^-1",),
        _INCROPERA,
    ),
    _entry(
        "Stefan number",
        r"\mathrm{Ste}",
        ("specific heat, temperature difference, latent heat of fusion^-1",),
        "Alexiades and Solomon 1993, Mathematical Modeling of Melting and Freezing, ch. 2",
    ),
    _entry(
        "boiling number",
        r"\mathrm{Bo}_q",
        (
            "heat flux, mass flux^-1, latent heat^-1",
            "heat flux, density^-1, flow velocity^-1, latent heat^-1",
        ),
        "Collier and Thome 1994, Convective Boiling and Condensation, 3rd ed.",
    ),
    _entry(
        "Kutateladze number",
        r"\mathrm{Ku}",
        (
            (
                "heat flux, latent heat^-1, density^-1/2, surface tension^-1/4, gravity^-1/4, "
                "density difference^-1/4"
            ),
        ),
        "Lienhard and Lienhard 2019, A Heat Transfer Textbook, 5th ed., ch. 9",
        note="With the density of the vapour.",
    ),
    _entry(
        "condensation number",
        r"\mathrm{Co}_h",
        (
            (
                "heat transfer coefficient, dynamic viscosity^2/3, fluid conductivity^-1, "
                "density^-2/3, gravity^-1/3"
            ),
            (
                "heat transfer coefficient, kinematic viscosity^2/3, fluid conductivity^-1, "
                "gravity^-1/3"
            ),
        ),
        _CATCHPOLE,
    ),
    _entry(
        "Planck number",
        r"N_\mathrm{Pl}",
        ("any conductivity, absorption coefficient, Stefan-Boltzmann constant^-1, temperature^-3",),
        _MODEST,
        note="A factor 1/4 is usual.",
        aliases=("conduction-to-radiation parameter",),
    ),
    _entry(
        "Stark number",
        r"\mathrm{Sk}",
        ("Stefan-Boltzmann constant, temperature^3, any length, any conductivity^-1",),
        _CATCHPOLE,
        note="The emissivity may multiply it.",
    ),
    _entry(
        "Boltzmann number",
        r"\mathrm{Bo}_\mathrm{r}",
        ("density, specific heat, flow velocity, Stefan-Boltzmann constant^-1, temperature^-3",),
        _MODEST,
    ),
    _entry(
        "keyhole number",
        r"\mathrm{Ke}",
        (
            (
                "power, temperature difference^-1, density^-1, specific heat^-1, "
                "thermal diffusivity^-1/2, flow velocity^-1/2, radius^-3/2"
            ),
        ),
        "Gan et al. 2021, Nat. Commun. 12, 2379",
        note="The absorptivity multiplies it, pi divides it.",
    ),
)
