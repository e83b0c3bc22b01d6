"""
Regimes
=======

The exponents of pipe friction change where the flow becomes turbulent. dimgs finds the regimes and
their border from the runs alone.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import dimgs
from dimgs.report import figures

warnings.simplefilter("ignore", dimgs.DimgsWarning)  # that the density never varied

# %%
# The runs follow 64/Re below Re = 2300 and Blasius' 0.3164 Re^(-1/4) above, with 3 % of noise.

rng = np.random.default_rng(1)
n = 50
U, D, reynolds = rng.uniform(0.5, 3, n), rng.uniform(0.01, 0.1, n), 10 ** rng.uniform(2.3, 5, n)
friction = np.where(reynolds < 2300, 64 / reynolds, 0.3164 * reynolds**-0.25)
stress = friction * np.exp(0.03 * rng.standard_normal(n)) * 1000 * U**2 / 8
table = dimgs.Dataset.from_columns(
    {
        "rho [kg/m^3]": 1000.0,
        "U [m/s]": U,
        "D [m]": D,
        "mu [Pa*s]": 1000 * U * D / reynolds,
        "tau [Pa]": stress,
    }
)
basis = dimgs.pi_basis(table, target="tau")
basis.to_frame()

# %%
# One power law does not describe all runs. With ``regimes``, each regime has its own power law:

report = dimgs.discover(table, "tau", engine="power_law", regimes=True)
for regime in report.regimes:
    exponents = {e["name"]: round(e["value"], 3) for e in regime["exponents"]}
    print(regime["where"], regime["n"], exponents)

# %%
# The slopes of both regimes, and the map of the regimes:

_, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
figures.slopes(report, axes[0])
figures.regime_map(report, axes[1])
plt.show()
