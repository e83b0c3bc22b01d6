"""
Temperature and materials
=========================

Diffusion of chains in three polymers. Each polymer has its own prefactor. The exponent of the molar
mass and the activation temperature are common.
"""

import matplotlib.pyplot as plt
import numpy as np

import dimgs

# %%
# The data follow D = D₀ (M / 1 kg/mol)⁻² exp(-5200 K / T) with 3 % of noise, so the true law is
# known. The temperatures are in °C.

rng = np.random.default_rng(7)
polymer = np.repeat(["PE", "PP", "PS"], 10)
celsius, mass = rng.uniform(20, 120, 30), rng.uniform(0.1, 2.0, 30)
first = np.repeat([3e-7, 8e-8, 2e-8], 10)
D = first * mass**-2 * np.exp(-5200 / (celsius + 273.15) + 0.03 * rng.standard_normal(30))
table = dimgs.Dataset.from_columns(
    {"polymer": polymer, "T [degC]": celsius, "M [kg/mol]": mass, "D [m^2/s]": D}
)

# %%
# With ``arrhenius``, the temperature enters as 1/T. With ``within``, only runs of the same polymer
# are compared.

fit = dimgs.fit(table, "D", arrhenius="T", within="polymer", scales="auto")
fit.variable_exponents.to_frame()

# %%
# The slope over 1/T is the activation temperature, here also as an energy:

activation = fit.activation["T"]
print(f"{activation.kelvin:.0f} K = {activation.kj_per_mol:.1f} kJ/mol")
print({name: f"{value:.2g}" for name, value in fit.group_prefactors.items()})

# %%
# Divided by the effects of molar mass and polymer, all runs lie on one line over 1/T.

_, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
for name in ("PE", "PP", "PS"):
    own = polymer == name
    left = D[own] * mass[own] ** 2 / fit.group_prefactors[name]
    axes.semilogy(1000 / (celsius[own] + 273.15), left, "o", label=name)
axes.set_xlabel("1000 K / T")
axes.set_ylabel("D M² / prefactor")
axes.legend()
plt.show()
