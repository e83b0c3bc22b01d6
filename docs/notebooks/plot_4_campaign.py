"""
A campaign of a simulator
=========================

A simulator becomes a kernel. A campaign answers a question about it with few runs.
"""

from concurrent.futures import ThreadPoolExecutor

import matplotlib.pyplot as plt

from dimgs.campaign import Budget, Plan, Range, Tolerance, run_campaign
from dimgs.kernels import kernel

# %%
# The example replaces a solver that takes hours: a substance is taken up until saturation. A
# kernel declares its inputs and outputs with units.


@kernel(inputs={"k": "1/s", "t": "s", "c": "kg/m^3"}, outputs={"m": "kg/m^3"})
def uptake(k, t, c):
    """Mass taken up until a time."""
    return c * k * t / (1 + k * t)


# %%
# The question: how does m depend on rate, time and concentration, to ±0.02 in every exponent?

plan = Plan(
    kernel=uptake,
    target="m",
    ranges={"k": Range(1e-6, 1.0, "1/s"), "t": Range(1, 1e6, "s"), "c": Range(1, 2, "g/L")},
    budget=Budget(runs=80),
    tolerance=Tolerance(exponents=0.02),
)

# %%
# A function receives each progress event of the campaign. In an interactive notebook, a bar shows
# the progress.

runs, widest = [], []


def listen(event):
    """Keep the relative width of the widest interval."""
    if event.worst < float("inf") and (not runs or sum(event.runs.values()) > runs[-1]):
        runs.append(sum(event.runs.values()))
        widest.append(event.worst)


with ThreadPoolExecutor(2) as executor:
    result = run_campaign(plan, executor=executor, progress=listen)
print(result.outcome, result.runs)
for regime in result.regimes:
    print(regime.where, {e.name: str(e.rational) for e in regime.exponents})

# %%
# The campaign varied one group, and found two regimes and their border. It did not vary the
# concentration, because the dimensions determine its exponent.

print(result.essential, result.not_varied)
for boundary in result.boundaries:
    print(f"{boundary.physical}: {boundary.low:.3g} to {boundary.high:.3g}")

# %%
# The width of the widest interval, relative to the tolerance, over the number of runs:

_, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.semilogy(runs, widest, "o-")
axes.axhline(1.0, color="0.5", linestyle="--")
axes.set_xlabel("runs")
axes.set_ylabel("widest interval / tolerance")
plt.show()
