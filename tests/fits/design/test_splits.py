import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from dimgs.common.errors import DimgsWarning, InputError
from dimgs.fits.design import LeaveOneGroupOut, RunKFold, check_pair_leak


@given(
    groups=st.lists(st.sampled_from("abcdefgh"), min_size=8, max_size=40),
    seed=st.integers(0, 100),
    shuffle=st.booleans(),
)
def test_no_run_is_on_both_sides_and_each_is_tested_once(
    groups: list[str], seed: int, shuffle: bool
) -> None:
    labels = np.array(groups)
    n_splits = min(3, len(set(groups)))
    if n_splits < 2:
        return
    splitter = RunKFold(n_splits, shuffle=shuffle, random_state=seed)
    X = np.zeros((len(groups), 1))
    folds = list(splitter.split(X, groups=labels))
    for train, test in folds:
        assert not set(labels[train]) & set(labels[test])
        assert sorted([*train, *test]) == list(range(len(groups)))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(groups)))
    again = list(splitter.split(X, groups=labels))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))


def test_seeds_shuffle_and_scikit_learn_accepts_the_splitter() -> None:
    X = np.arange(20.0)[:, None]
    first = [test.tolist() for _, test in RunKFold(4, random_state=0).split(X)]
    other = [test.tolist() for _, test in RunKFold(4, random_state=1).split(X)]
    assert first != other
    scores = cross_val_score(LinearRegression(), X, X[:, 0], cv=RunKFold(4))
    np.testing.assert_allclose(scores, 1.0)
    assert RunKFold(4).get_n_splits() == 4
    assert LeaveOneGroupOut().get_n_splits(groups=["a", "b", "b"]) == 2


def test_more_folds_than_runs_are_refused() -> None:
    with pytest.raises(InputError, match="at most 2"):
        next(RunKFold(3).split(np.zeros((6, 1)), groups=["a"] * 3 + ["b"] * 3))


def test_a_random_split_of_pairs_is_noticed() -> None:
    pairs = np.column_stack(np.triu_indices(10, 1))
    order = np.random.default_rng(0).permutation(len(pairs))
    with pytest.warns(DimgsWarning, match="split the runs, then form the pairs"):
        shared = check_pair_leak(pairs[order[:30]], pairs[order[30:]])
    assert len(shared) == 10


def test_disjoint_pairs_pass_silently_and_bad_shapes_do_not() -> None:
    assert len(check_pair_leak([[0, 1]], [[2, 3]])) == 0
    with pytest.raises(InputError, match="two runs a row"):
        check_pair_leak([0, 1], [[2, 3]])
