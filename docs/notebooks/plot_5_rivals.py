"""
Rivals and the next run
=======================

Several laws fit a few runs over a short range. dimgs lists these rivals, and proposes the runs that
would distinguish them.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import dimgs
from dimgs.report import figures

warnings.simplefilter("ignore", dimgs.DimgsWarning)  # the report says the same

# %%
# Two resistors in parallel, R = R₁ R₂ / (R₁ + R₂), in twelve simulated measurements with 5 % of
# noise:

rng = np.random.default_rng(1)


def measured(first, second):
    """Resistance of both in parallel."""
    return first * second / (first + second) * np.exp(0.05 * rng.standard_normal(len(first)))


def table(first, second, both):
    """The measurements with their units."""
    return dimgs.Dataset.from_columns({"R_1 [ohm]": first, "R_2 [ohm]": second, "R [ohm]": both})


first, second = np.exp(rng.uniform(-0.6, 0.9, (2, 12)))
both = measured(first, second)
report = dimgs.discover(table(first, second, both), "R", effort="quick")
print(f"{report.probability:.0%}: {report.result}")
for rival in report.rivals:
    print(f"{rival.probability:.0%}: {rival.law}")

# %%
# The most probable law is wrong, and is not confirmed. Twelve runs within a factor of five do not
# distinguish it from the true law. ``next_runs`` proposes runs that would:

proposed = report.next_runs(3, {"R_1": "0.05..50 ohm", "R_2": "0.05..50 ohm"})
for run in proposed.runs:
    print({name: f"{value:.3g} {unit}" for name, (value, unit) in run.inputs.items()})

# %%
# With these three runs, one law remains:

new_first, new_second = (
    np.array([run.inputs[name][0] for run in proposed.runs]) for name in ("R_1", "R_2")
)
more = measured(new_first, new_second)
every = (np.append(first, new_first), np.append(second, new_second), np.append(both, more))
again = dimgs.discover(table(*every), "R", effort="quick")
print(f"{again.probability:.0%}: {again.result}, {len(again.rivals)} rivals")

# %%

_, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
figures.collapse(again, axes)
plt.show()
