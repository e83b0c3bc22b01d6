"""Named numbers of drops, films, interfaces and complex fluids."""

import functools

from dimgs.groups.catalogue.entry import NamedNumber, number

_entry = functools.partial(number, field="interfaces and rheology")
_CLIFT = "Clift, Grace and Weber 1978, Bubbles, Drops, and Particles, ch. 2"
_POOLE = "Poole 2012, Rheol. Bull. 53(2), 32-39"

NUMBERS: tuple[NamedNumber, ...] = (
    _entry(
        "Weber number",
        r"\mathrm{We}",
        ("density, flow velocity^2, any length, surface tension^-1",),
        "Weber 1919, Jahrb. Schiffbautech. Ges. 20, 355-477",
    ),
    _entry(
        "capillary number",
        r"\mathrm{Ca}",
        (
            "any viscosity, flow velocity, surface tension^-1",
            "density, kinematic viscosity, flow velocity, surface tension^-1",
            "any viscosity, any rate of strain, any length, surface tension^-1",
        ),
        "White 2011, Fluid Mechanics, 7th ed., ch. 5",
    ),
    _entry(
        "Ohnesorge number",
        r"\mathrm{Oh}",
        (
            "any viscosity, density^-1/2, surface tension^-1/2, any length^-1/2",
            "kinematic viscosity, density^1/2, surface tension^-1/2, any length^-1/2",
        ),
        "Ohnesorge 1936, Z. Angew. Math. Mech. 16, 355-358",
    ),
    _entry(
        "Laplace number",
        r"\mathrm{La}",
        (
            "density, surface tension, any length, any viscosity^-2",
            "surface tension, any length, density^-1, kinematic viscosity^-2",
        ),
        _CLIFT,
        note="The inverse square of the Ohnesorge number.",
        aliases=("Suratman number",),
    ),
    _entry(
        "Bond number",
        r"\mathrm{Bo}",
        (
            "density difference, any acceleration, any length^2, surface tension^-1",
            "density, any acceleration, any length^2, surface tension^-1",
        ),
        "Bond and Newton 1928, Phil. Mag. 5, 794-800",
        aliases=("Eötvös number",),
    ),
    _entry(
        "confinement number",
        r"N_\mathrm{co}",
        ("surface tension^1/2, gravity^-1/2, density difference^-1/2, any length^-1",),
        "Kew and Cornwell 1997, Appl. Therm. Eng. 17, 705-715",
    ),
    _entry(
        "Morton number",
        r"\mathrm{Mo}",
        (
            "gravity, dynamic viscosity^4, density^-1, surface tension^-3",
            "gravity, dynamic viscosity^4, density difference, density^-2, surface tension^-3",
            "gravity, kinematic viscosity^4, density^3, surface tension^-3",
        ),
        "Haberman and Morton 1953, David Taylor Model Basin Report 802",
    ),
    _entry(
        "Kapitza number",
        r"\mathrm{Ka}",
        (
            "surface tension, density^-1, gravity^-1/3, kinematic viscosity^-4/3",
            "surface tension, density^1/3, gravity^-1/3, dynamic viscosity^-4/3",
        ),
        "Kapitza 1948, Zh. Eksp. Teor. Fiz. 18, 3-28",
    ),
    _entry(
        "Marangoni number",
        r"\mathrm{Mg}",
        (
            (
                "surface tension temperature coefficient, temperature difference, any length, "
                "dynamic viscosity^-1, thermal diffusivity^-1"
            ),
            "surface tension difference, any length, dynamic viscosity^-1, thermal diffusivity^-1",
            (
                "surface tension temperature coefficient, temperature difference, any length, "
                "density^-1, kinematic viscosity^-1, thermal diffusivity^-1"
            ),
        ),
        "Pearson 1958, J. Fluid Mech. 4, 489-500",
    ),
    _entry(
        "solutal Marangoni number",
        r"\mathrm{Mg}_\mathrm{m}",
        ("surface tension difference, any length, dynamic viscosity^-1, mass diffusivity^-1",),
        "Sternling and Scriven 1959, AIChE J. 5, 514-523",
    ),
    _entry(
        "crispation number",
        r"\mathrm{Cr}",
        ("dynamic viscosity, thermal diffusivity, surface tension^-1, any length^-1",),
        "Scriven and Sternling 1964, J. Fluid Mech. 19, 321-340",
    ),
    _entry(
        "Leverett number",
        r"J_\mathrm{L}",
        ("pressure difference, permeability^1/2, surface tension^-1",),
        "Leverett 1941, Trans. AIME 142, 152-169",
        note="The root of the porosity divides it, the cosine of the contact angle too.",
    ),
    _entry(
        "elastocapillary number",
        r"\mathrm{Ec}_\gamma",
        ("surface tension, elastic modulus^-1, any length^-1",),
        "Style et al. 2017, Annu. Rev. Condens. Matter Phys. 8, 99-118",
    ),
    _entry(
        "Deborah number",
        r"\mathrm{De}",
        ("relaxation time, any time^-1",),
        "Reiner 1964, Phys. Today 17(1), 62",
    ),
    _entry(
        "Weissenberg number",
        r"\mathrm{Wi}",
        (
            "relaxation time, any rate of strain",
            "relaxation time, flow velocity, any length^-1",
        ),
        _POOLE,
    ),
    _entry(
        "elasticity number",
        r"\mathrm{El}",
        (
            "relaxation time, kinematic viscosity, any length^-2",
            "relaxation time, any viscosity, density^-1, any length^-2",
        ),
        _POOLE,
    ),
    _entry(
        "elasto-capillary relaxation number",
        r"\mathrm{Ec}_\lambda",
        ("relaxation time, surface tension, any viscosity^-1, any length^-1",),
        "McKinley 2005, Rheol. Bull. 74(2), 6-9",
    ),
    _entry(
        "Bingham number",
        r"\mathrm{Bm}",
        ("yield stress, any length, any viscosity^-1, flow velocity^-1",),
        "Chhabra and Richardson 2008, Non-Newtonian Flow and Applied Rheology, 2nd ed., ch. 3",
    ),
    _entry(
        "Hedstrom number",
        r"\mathrm{He}_\mathrm{y}",
        ("density, yield stress, any length^2, any viscosity^-2",),
        "Hedström 1952, Ind. Eng. Chem. 44, 651-656",
    ),
)
