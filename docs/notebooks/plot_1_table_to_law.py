"""
From a table to a law
=====================

The periods of planets and moons, in the units that their tables have, become Kepler's third law.
"""

from io import StringIO

import matplotlib.pyplot as plt
import pandas as pd

import dimgs
from dimgs.report import figures

# %%
# The header of a column gives its unit, in a file, a pandas frame (as here) or an xarray Dataset.

text = """
body [label],T [day],a [AU],M [Msun]
Mercury,87.969,0.38709927,1
Venus,224.701,0.72333566,1
Earth,365.256,1.00000261,1
Mars,686.98,1.52371034,1
Jupiter,4332.589,5.202887,1
Saturn,10759.22,9.53667594,1
Uranus,30685.4,19.18916464,1
Neptune,60189.0,30.06992276,1
Io,1.769138,0.00281956,0.000954792
Europa,3.551181,0.00448603,0.000954792
Ganymede,7.154553,0.00715518,0.000954792
Callisto,16.689017,0.0125851,0.000954792
"""
table = dimgs.read_table(pd.read_csv(StringIO(text)))
table.to_pandas()

# %%
# With the constant of gravitation, there is no free group. The units determine the law up to one
# constant.

dimgs.pi_basis(table, target="T", constants=["G"]).to_frame()

# %%
# Without the constant of gravitation, an unknown scale replaces it. Contrasts between runs then
# give the exponents, with intervals.

dimgs.fit(table, "T", scales="auto").variable_exponents.to_frame()

# %%
# ``discover`` searches for a law, and judges it on runs that were left out of the fit:

report = dimgs.discover(table, "T", constants=["G"])
print(report.summary())

# %%
# A law takes and returns quantities with units. The Moon was not in the table:

moon = dimgs.Dataset.from_columns({"a [km]": [384400.0], "M [kg]": [5.972e24]})
print(report.result.predict(moon).to("day").round(1))

# %%
# Figures draw on Matplotlib's axes and return them.

_, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
figures.collapse(report, axes[0])
figures.predicted_against_measured(report, axes[1])
plt.show()
