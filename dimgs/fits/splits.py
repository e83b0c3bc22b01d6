"""Validation splits by run or by group of runs, never by pair; scikit-learn splitters."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator, GroupKFold, KFold, LeaveOneGroupOut

from dimgs.common.arrays import IntArray
from dimgs.common.errors import InputError

__all__ = ["LeaveOneGroupOut", "RunKFold"]


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
