"""
A campaign of a simulator
=========================

A simulator is wrapped as a kernel, and a campaign makes the fewest runs that answer a question.
"""

from concurrent.futures import ThreadPoolExecutor

import matplotlib.pyplot as plt

from dimgs.campaign import Budget, Plan, Range, Tolerance, run_campaign
from dimgs.kernels import kernel

# %%
# In place of a solver that takes hours, uptake of a substance that saturates. What counts is that
# inputs and outputs have units.


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
# The campaign is told of each decision; in a notebook of yours a bar shows it.

runs, widest = [], []


def listen(told):
    """Keep how wide the widest interval is."""
    if told.worst < float("inf") and (not runs or sum(told.runs.values()) > runs[-1]):
        runs.append(sum(told.runs.values()))
        widest.append(told.worst)


with ThreadPoolExecutor(2) as executor:
    result = run_campaign(plan, executor=executor, progress=listen)
print(result.outcome, result.runs)
for regime in result.regimes:
    print(regime.where, {e.name: str(e.rational) for e in regime.exponents})

# %%
# It needed one group, found two regimes and their border, and left the concentration alone, since
# dimensions say how it enters.

print(result.essential, result.not_varied)
for boundary in result.boundaries:
    print(f"{boundary.physical}: {boundary.low:.3g} to {boundary.high:.3g}")

# %%
# How the answer became good enough:

_, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.semilogy(runs, widest, "o-")
axes.axhline(1.0, color="0.5", linestyle="--")
axes.set_xlabel("runs")
axes.set_ylabel("widest interval / asked for")
plt.show()
