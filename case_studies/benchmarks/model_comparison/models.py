"""The models that are compared: each learns from the same log groups of the same runs."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from dimgs.common.arrays import Array, IntArray


class Model(Protocol):
    """Anything that fits and predicts log responses."""

    def fit(self, X: Array, y: Array) -> Any: ...

    def predict(self, X: Array) -> Array: ...


class PairNetwork:
    """The network on pair differences of contrastive generative simulation, as published.

    Inputs are the differences of the features of two runs, 32 and 32 rectified units, Adam with
    step 0.01, 500 epochs over all pairs of the training runs (at most ``most_pairs`` of them, drawn
    once). A run is predicted by its mean over the training runs as partners.
    """

    def __init__(self, seed: int = 0, epochs: int = 500, most_pairs: int = 10_000) -> None:
        self.seed, self.epochs, self.most_pairs = seed, epochs, most_pairs

    def fit(self, X: Array, y: Array) -> "PairNetwork":
        u, v = np.triu_indices(len(y), 1)
        if len(u) > self.most_pairs:
            kept = np.random.default_rng(self.seed).choice(len(u), self.most_pairs, replace=False)
            u, v = u[kept], v[kept]
        return self.fit_pairs(X, y, u, v)

    def fit_pairs(self, X: Array, y: Array, u: IntArray, v: IntArray) -> "PairNetwork":
        """Learn from the pairs of runs (u, v)."""
        import torch

        torch.manual_seed(self.seed)
        self.X, self.y = X, y
        self.scale = np.where(X.std(0) > 1e-9, X.std(0), 1.0)
        self.spread = float(y.std()) or 1.0
        inputs = torch.tensor((X[u] - X[v]) / self.scale, dtype=torch.float32)
        targets = torch.tensor((y[u] - y[v]) / self.spread, dtype=torch.float32)[:, None]
        layers = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], 32),
            torch.nn.ReLU(),
            torch.nn.Linear(32, 32),
            torch.nn.ReLU(),
            torch.nn.Linear(32, 1),
        )
        optimiser = torch.optim.Adam(layers.parameters(), lr=0.01)
        for _ in range(self.epochs):
            optimiser.zero_grad()
            loss = torch.nn.functional.mse_loss(layers(inputs), targets)
            torch.autograd.backward(loss)
            optimiser.step()
        self.layers = layers.eval()
        return self

    def contrast(self, differences: Array) -> Array:
        """Log-ratios of pairs with these differences of features."""
        import torch

        with torch.no_grad():
            out = self.layers(torch.tensor(differences / self.scale, dtype=torch.float32))
        return np.asarray(out[:, 0], dtype=np.float64) * self.spread

    def predict(self, X: Array) -> Array:
        differences = (X[:, None, :] - self.X[None]).reshape(-1, X.shape[1])
        contrasts = self.contrast(differences).reshape(len(X), -1)
        return np.asarray((contrasts + self.y).mean(axis=1))


def gaussian_process(seed: int) -> Model:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    class Process(GaussianProcessRegressor):  # one length a feature, known only when it is fitted
        def fit(self, X: Array, y: Array) -> Any:
            width = np.ones(X.shape[1])
            self.kernel = ConstantKernel(1.0, (1e-3, 1e4)) * RBF(width, (1e-2, 1e3)) + WhiteKernel(
                1e-3, (1e-10, 1.0)
            )
            return super().fit(X, y)

    process = Process(normalize_y=True, n_restarts_optimizer=2, random_state=seed)
    model: Model = make_pipeline(StandardScaler(), process)
    return model


def boosting(seed: int) -> Model:
    from sklearn.ensemble import GradientBoostingRegressor

    model: Model = GradientBoostingRegressor(
        n_estimators=300, max_depth=3, learning_rate=0.05, subsample=0.8, random_state=seed
    )
    return model


def power_law(seed: int) -> Model:
    from dimgs.fits import PowerLaw

    return PowerLaw()


def potential(seed: int) -> Model:
    from dimgs.fits import ContrastivePotential

    return ContrastivePotential(random_state=seed)


MODELS: dict[str, Callable[[int], Model]] = {
    "network on pairs": PairNetwork,
    "Gaussian process": gaussian_process,
    "gradient boosting": boosting,
    "power law": power_law,
    "dimgs potential": potential,
}
