"""Validation splits by run or by group of runs, never by pair; scikit-learn splitters."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator, GroupKFold, KFold, LeaveOneGroupOut

from dimgs.common.arrays import IntArray
from dimgs.common.errors import DimgsWarning, InputError

__all__ = ["LeaveOneGroupOut", "RunKFold", "check_pair_leak", "run_folds"]


class RunKFold(BaseCrossValidator):
    """K folds of runs: the rows of a run, and so all of its pairs, stay on one side.

    Pairs are formed inside an estimator's `fit`, from the training runs alone, so that no test
    run has a pair in training.

    Parameters
    ----------
    n_splits : int, default 5
    shuffle : bool, default True
    random_state : int, default 0
        Seed of the shuffle.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.zeros((4, 1))
    >>> [test.tolist() for _, test in RunKFold(2).split(X, groups=["a", "a", "b", "c"])]
    [[2, 3], [0, 1]]
    """

    def __init__(self, n_splits: int = 5, shuffle: bool = True, random_state: int = 0) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Positions of the training and the test rows of each fold.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        y : ignored
        groups : array-like of shape (n_rows,), optional
            Run, or group of runs, of each row; every row is a run of its own by default.

        Raises
        ------
        InputError
            If there are fewer runs than folds.
        """
        n_rows = len(np.asarray(X))
        n_runs = n_rows if groups is None else len(np.unique(np.asarray(groups)))
        if self.n_splits > n_runs:
            raise InputError(
                f"{self.n_splits} folds of {n_runs} runs or groups: ask for at most {n_runs}."
            )
        seed = self.random_state if self.shuffle else None
        kind = KFold if groups is None else GroupKFold
        splitter = kind(self.n_splits, shuffle=self.shuffle, random_state=seed)
        yield from splitter.split(np.zeros((n_rows, 1)), groups=groups)

    def get_n_splits(
        self, X: object = None, y: object = None, groups: ArrayLike | None = None
    ) -> int:
        """Number of folds."""
        return self.n_splits


def run_folds(
    most: int, n_runs: int, groups: ArrayLike | None = None, random_state: Any = 0
) -> list[tuple[IntArray, IntArray]]:
    """Positions of the training and the test runs of at most so many folds, by run or by group.

    Raises
    ------
    InputError
        If there is a single group.
    """
    n_units = n_runs if groups is None else len(np.unique(np.asarray(groups)))
    if n_units < 2:
        raise InputError("groups holds one label only; give at least two groups, or none")
    n_folds = min(most, n_units)
    splitter: Any = GroupKFold(n_folds)
    if groups is None:
        splitter = KFold(n_folds, shuffle=True, random_state=random_state)
    return list(splitter.split(np.zeros((n_runs, 1)), groups=groups))


def check_pair_leak(train_pairs: ArrayLike, test_pairs: ArrayLike) -> IntArray:
    """Warn when runs occur in both the training and the test pairs of a user's own split.

    Parameters
    ----------
    train_pairs, test_pairs : array-like of shape (n_pairs, 2)
        Positions, or identifiers that are integers, of the two runs of each pair.

    Returns
    -------
    ndarray of shape (n_shared,)
        Runs on both sides, sorted.

    Warns
    -----
    DimgsWarning
        If there is any: the test score would then flatter the model.

    Examples
    --------
    >>> check_pair_leak([[0, 1], [0, 2]], [[3, 4]]).tolist()
    []
    """
    train, test = (np.asarray(pairs) for pairs in (train_pairs, test_pairs))
    for name, pairs in (("train_pairs", train), ("test_pairs", test)):
        if pairs.ndim != 2 or pairs.shape[1] != 2:
            raise InputError(f"{name} has shape {pairs.shape}: give two runs a row.")
    shared = np.intersect1d(train, test)
    if len(shared):
        names = ", ".join(str(run) for run in shared[:5]) + (", ..." if len(shared) > 5 else "")
        in_test = len(np.unique(test))
        warnings.warn(
            f"{len(shared)} of the {in_test} runs in the test pairs also occur in training pairs "
            f"({names}), so that the test score is too good: split the runs, then form the pairs "
            "(RunKFold, LeaveOneGroupOut).",
            DimgsWarning,
            stacklevel=2,
        )
    return shared
