"""When runs left out prefer one law to another."""

import numpy as np

from dimgs.discovery.judge import clearly_less


def test_a_gain_counts_beyond_its_standard_error_only() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(60)
    bent = noise + 2.0 * np.linspace(-1, 1, 60)
    assert clearly_less(noise, bent, None)
    assert not clearly_less(bent, noise, None)
    assert not clearly_less(noise, noise, None)
    shaken = noise + 0.3 * rng.standard_normal(60)
    found = [clearly_less(own, other, None) for own, other in ((noise, shaken), (shaken, noise))]
    assert not all(found)


def test_groups_count_as_one_run_each() -> None:
    own = np.ones(40)
    other = np.where(np.arange(40) < 20, 1.5, 0.9)
    assert clearly_less(own, other, None)
    assert not clearly_less(own, other, np.repeat([0, 1], 20))
    assert not clearly_less(own, other, np.zeros(40))
