"""Runs of a potential: the means of their labels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dimgs.fits.potential.potential_runs import about_prefactors


@given(
    st.lists(st.floats(0.01, 3.0), min_size=4, max_size=12),
    st.integers(0, 1000),
    st.booleans(),
)
def test_values_about_the_mean_of_their_label_have_no_mean(
    weights: list[float], seed: int, labelled: bool
) -> None:
    rng, n = np.random.default_rng(seed), len(weights)
    w, values = np.array(weights), rng.normal(5.0, 2.0, (n, 2))
    labels = rng.integers(0, 3, n) if labelled else np.zeros(n, dtype=np.intp)
    centred = about_prefactors(values, labels.astype(np.intp), w)
    for label in set(labels.tolist()):
        members = labels == label
        np.testing.assert_allclose(w[members] @ centred[members], 0.0, atol=1e-9)
        # differences within a label stay
        np.testing.assert_allclose(
            centred[members] - centred[members][0], values[members] - values[members][0], atol=1e-9
        )
