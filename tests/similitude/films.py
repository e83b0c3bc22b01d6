"""A small kernel of two groups and a label, and hubs of its runs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dimgs.hub import Hub
from dimgs.hub.cards import check_card
from dimgs.kernels import BaseKernel, Port, Tier


class Cooling(BaseKernel):
    """Temperature drop of a sphere; a label changes its prefactor."""

    name, version = "cooling", "1"
    inputs: tuple[Port, ...] = (
        Port("a", "mm^2/s", low=1e-6, high=1e6),
        Port("r", "mm", low=1e-6, high=1e6),
        Port("t", "s", low=0.0, high=1e12),
        Port("dT", "K", low=1e-9, high=1e9, default=10.0),
        Port("kind", "label", default="steel"),
    )
    outputs = (Port("drop", "K"), Port("flux", "mm*K/s"))
    tiers = (Tier("coarse", 0.001, {"error": 0.03}), Tier("fine", 0.01, {"error": 0.0}))
    factor = 1.0

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any]:
        fo = values["a"] * values["t"] / values["r"] ** 2
        kind = 1.0 if values["kind"] == "steel" else 0.5
        drop = kind * self.factor * fo / (1.0 + fo) * (1.0 + settings["error"])
        flux = values["a"] / values["r"] * values["dT"]
        return {"drop": values["dT"] * drop, "flux": flux * drop}


class Changed(Cooling):
    """Another program under the same name."""

    version = "2"
    factor = 3.0


def inputs(rng: np.random.Generator, low: float = -1.0, high: float = 1.0) -> dict[str, Any]:
    """Inputs with the Fourier number over some decades."""
    a, r = 10.0 ** rng.uniform(-1, 1, 2)
    t = 10.0 ** rng.uniform(low, high) * r**2 / a
    return {"a": float(a), "r": float(r), "t": float(t), "dT": float(rng.uniform(1, 50))}


def filled(hub: Hub, n: int, seed: int = 0, kernel: BaseKernel | None = None, **fixed: Any) -> None:
    """Runs of a kernel, and its card, checked."""
    known = kernel or Cooling()
    rng = np.random.default_rng(seed)
    hub.add_runs([known.run({**inputs(rng), **fixed}) for _ in range(n)])
    assert check_card(hub, known)["complete"]
