"""Hydraulic jump: thirty bores on four worlds give Bélanger's square root.

Story
    A stream of shallow water hits a closed gate; a bore runs back upstream and leaves deep water at
    rest behind it. Seen from the bore it is a hydraulic jump. Thirty runs on four worlds, from
    weak to strong, are simulated by nothing but conservation of volume and momentum. Mass takes no
    part, so that depths, speed and gravity make a single group, the square of the Froude number,
    and the whole law is one curve. The form is neither a power law nor a sum of powers: a constant
    stands beside a root with a constant of its own. The search fits both, and recognises 8, 1/2
    and 1/2. What the law predicts is judged; its form is told beside Bélanger's.

Data
    Runs of this module: the shallow-water equations in a channel of 200 cells, finite volumes with
    the flux of A. Harten, P. D. Lax, B. van Leer, SIAM Rev. 25 (1983) 35. Gravity of the Moon,
    Mars, Earth and Jupiter from NASA's planetary fact sheet. Depths are read with an error of
    0.2 %, as a good gauge has, from a fixed seed.

Published
    J.-B. Bélanger, Notes sur le cours d'hydraulique (1841): h2/h1 = ((1 + 8 Fr²)^(1/2) - 1)/2 with
    Fr the Froude number of the stream that enters the jump.
"""

from math import log, sqrt

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, GREY, Check, Findings, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover
from dimgs.law.law import Law

RUNS, CELLS = 30, 200
GRAVITY = (1.62, 3.73, 9.82, 24.79)
COURANT = 0.45
GAUGE = 0.002

SHARP = "the gauge errs by 0.2 %, and a bore spread over a few cells by up to 0.05 %"
FORM = "a search that a busy machine cuts short may bring back a shorter form that fits as well"


def bore(depth: float, speed: float, gravity: float) -> tuple[float, float]:
    """Depth behind the bore, and its speed, once a stream has run against a wall at the left."""
    h, q = np.full(CELLS, depth), np.full(CELLS, -depth * speed)
    while h[CELLS // 2] < 1.05 * depth:
        height = np.concatenate([h[:1], h, h[-1:]])
        flow = np.concatenate([-q[:1], q, q[-1:]])
        velocity, wave = flow / height, np.sqrt(gravity * height)
        state = np.array([height, flow])
        flux = np.array([flow, flow * velocity + gravity * height**2 / 2])
        slow = np.minimum((velocity - wave)[:-1], (velocity - wave)[1:]).clip(max=0.0)
        fast = np.maximum((velocity + wave)[:-1], (velocity + wave)[1:]).clip(min=0.0)
        between = fast * flux[:, :-1] - slow * flux[:, 1:]
        between = (between + slow * fast * (state[:, 1:] - state[:, :-1])) / (fast - slow)
        step = COURANT / float(np.max(np.abs(velocity) + wave))
        h = h - step * np.diff(between[0])
        q = q - step * np.diff(between[1])
    behind = float(h[int(0.3 * CELLS)])
    return behind, speed * depth / (behind - depth)


def belanger(froude_squared: Array) -> Array:
    return np.asarray((np.sqrt(1 + 8 * froude_squared) - 1) / 2)


def table() -> Dataset:
    rng = np.random.default_rng(1841)
    depth = np.exp(rng.uniform(log(0.02), log(0.5), RUNS))
    gravity = np.resize(GRAVITY, RUNS)
    speed = np.exp(rng.uniform(log(0.4), log(8.0), RUNS)) * np.sqrt(gravity * depth)
    behind, back = np.array(
        [bore(*map(float, run)) for run in zip(depth, speed, gravity, strict=True)]
    ).T
    read = behind * np.exp(GAUGE * rng.standard_normal(RUNS))
    return Dataset.from_columns(
        {"h_1 [m]": depth, "V_1 [m/s]": speed + back, "g [m/s^2]": gravity, "h_2 [m]": read}
    )


def run() -> Findings:
    data = table()
    # the search ends by evaluations on any machine, within a minute on most
    report = discover(data, "h_2", evaluations=3000, time_limit=3600.0)
    law = report.law
    assert law is not None
    squared = np.asarray(data["V_1"] ** 2 / (data["g"] * data["h_1"]))
    lowest, highest = sqrt(squared.min()), sqrt(squared.max())
    froude = np.geomspace(lowest, highest, 50)
    ratio = _ratio(law, froude)[0]
    worst = float(np.max(np.abs(ratio / belanger(froude**2) - 1)))
    checks: list[Check | Statement] = [
        Statement("inputs of the law", ", ".join(str(g) for g in law.groups), "V_1²·g⁻¹·h_1⁻¹"),
        Check("largest departure from Bélanger", worst, None, None, 0.0, 0.01, why=SHARP),
        _at(law, 2.0),
        _at(law, 6.0),
        Statement("form", str(law.pi_expression), "sqrt(8*pi_1 + 1)/2 - 1/2", FORM, judged=False),
    ]
    caption = "Depth ratio across the jump against the Froude number, and Bélanger's curve."
    return Findings(checks, report, lambda axes: draw(axes, data, law), caption)


def _ratio(law: Law, froude: Array) -> tuple[Array, Array, Array]:
    speed = np.asarray(froude) * np.sqrt(9.82 * 0.1)
    columns = {"V_1": speed, "g": np.full(len(speed), 9.82), "h_1": np.full(len(speed), 0.1)}
    value, low, high = law.predict(columns, level=0.9)
    return value / 0.1, low / 0.1, high / 0.1


def _at(law: Law, froude: float) -> Check:
    value, low, high = (float(x[0]) for x in _ratio(law, np.array([froude])))
    published = float(belanger(np.array([froude**2]))[0])
    name = f"depth ratio at Fr = {froude:g}"
    return Check(name, value, low, high, published, 0.005, relative=True, why=SHARP)


def draw(axes: Axes, data: Dataset, law: Law) -> None:
    froude = np.asarray(data["V_1"] / np.sqrt(data["g"] * data["h_1"]))
    x = np.linspace(1.0, froude.max(), 100)
    axes.plot(x, belanger(x**2), color=GREY, label="Bélanger")
    axes.plot(x, _ratio(law, x)[0], "--", color=COLOURS[1], label="law found")
    axes.plot(froude, data["h_2"] / data["h_1"], "o", color=COLOURS[0], markersize=4, label="runs")
    axes.set_xlabel("Froude number of the stream that enters")
    axes.set_ylabel("depth behind over depth before")
    axes.legend(frameon=False)
