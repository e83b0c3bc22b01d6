"""Units in, logarithms of pi groups out: a transformer for pipelines of scikit-learn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.common.formats import attributes
from dimgs.variables import split_header

if TYPE_CHECKING:
    from dimgs.dataset.dataset import Dataset
    from dimgs.groups.group import PiBasis, PiGroup


@dataclass(eq=False, repr=False)
class PiGroups(TransformerMixin, BaseEstimator):
    """Logarithms of the pi groups of the columns of a table.

    Parameters
    ----------
    units : mapping of str to str, optional
        Unit of each column; of an array the names and units of its columns, in their order. An
        array without units holds pure numbers.
    target : str, optional
        Column that is the response: no group of the inputs holds it, and :meth:`response` gives
        its logarithm, made dimensionless.
    constants, scales : sequence of str
        As :func:`dimgs.pi_basis` takes them.
    repeating : sequence of str, optional
        Repeating variables.

    Attributes
    ----------
    basis_ : PiBasis
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where `X` has names.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from dimgs.fits import PowerLaw
    >>> runs = pd.DataFrame({"U [m/s]": [1.0, 2.0, 4.0, 8.0], "D [m]": [0.1, 0.2, 0.1, 0.2],
    ...     "nu [m^2/s]": 1e-6, "tau [Pa]": [1.8, 5.2, 20.0, 60.0], "rho [kg/m^3]": 1000.0})
    >>> groups = PiGroups(target="tau").fit(runs)
    >>> groups.get_feature_names_out().tolist()
    ['D·U·nu⁻¹']
    >>> law = make_pipeline(groups, PowerLaw()).fit(runs, groups.response(runs))
    >>> law[-1].exponents_.round(2)
    array([-0.24])
    >>> law.predict(runs.drop(columns="tau [Pa]")).shape
    (4,)
    """

    units: Mapping[str, str] | None = None
    target: str | None = None
    constants: Sequence[str] = ()
    scales: Sequence[str] = ()
    repeating: Sequence[str] | None = None

    def fit(self, X: Any, y: object = None) -> Self:
        """Derive the groups from the units.

        Parameters
        ----------
        X : DataFrame, Dataset or array of shape (n_runs, n_columns)
            Positive.
        y : ignored

        Raises
        ------
        InputError, DimensionError
            If a column has no unit, a value is not positive, or there is no group.
        """
        from dimgs.groups.derive import pi_basis

        data = self._table(X, reset=True)
        options = attributes(self, "constants scales repeating")
        self.basis_: PiBasis = pi_basis(data, self.target, **options)
        if not self.basis_.groups:
            raise InputError(
                "No group of these columns is free; add a column, a constant or a scale."
            )
        self._logs(data, self.basis_.groups)
        return self

    def transform(self, X: Any) -> Array:
        """Natural logarithms of the groups.

        Parameters
        ----------
        X : as in :meth:`fit`
            Positive.

        Returns
        -------
        ndarray of shape (n_runs, n_groups)

        Raises
        ------
        InputError
            If a value is not positive, with its row and column.
        """
        check_is_fitted(self)
        return self._logs(self._table(X, reset=False), self.basis_.groups)

    def response(self, X: Any) -> Array:
        """Natural logarithm of the response group of each run, shape (n_runs,).

        Raises
        ------
        InputError
            If there is no target, or a value is not positive.
        """
        check_is_fitted(self)
        if self.basis_.response is None:
            raise InputError("There is no response; name its column with target='...'.")
        group = self.basis_.response
        return np.asarray(self._logs(self._table(X, reset=False), (group,))[:, 0])

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """The groups as text, whose logarithms the columns are."""
        check_is_fitted(self)
        return np.array([str(group) for group in self.basis_.groups], dtype=object)

    def _logs(self, data: "Dataset", groups: "Iterable[PiGroup]") -> Array:
        from dimgs.dataset.checks import check_loggable, require_finite
        from dimgs.fits.design import log_groups

        listed = tuple(groups)
        used = {n for group in listed for n, _ in group.exponents if n in data.names}
        ordered = [n for n in data.names if n in used]
        require_finite(data, ordered)
        check_loggable(data, ordered)
        return log_groups(data, self.basis_, listed)

    def _table(self, X: Any, *, reset: bool) -> "Dataset":
        from dimgs.dataset import Dataset, read_table

        if isinstance(X, Dataset):
            return X
        if hasattr(X, "columns"):
            X = X if reset else self._with_target(X)
            validate_data(self, X, reset=reset, skip_check_array=True)
            return read_table(X, units=self.units or {})
        rows = validate_data(self, X, reset=reset, dtype=np.float64)
        columns = rows.shape[1]
        units = dict(self.units or {f"x{j}": "1" for j in range(columns)})
        if len(units) != columns:
            raise InputError(f"There are {len(units)} units for {columns} columns; give one each.")
        named = {f"{n} [{u}]": rows[:, j] for j, (n, u) in enumerate(units.items())}
        return Dataset.from_columns(named)

    def _with_target(self, X: Any) -> Any:
        """The table with a blank column for the target where it has none, as new runs have none."""
        names = [split_header(str(n))[0] for n in self.feature_names_in_]
        if self.target not in names or self.target in [split_header(str(n))[0] for n in X.columns]:
            return X
        X, place = X.copy(), names.index(self.target)
        X.insert(min(place, X.shape[1]), self.feature_names_in_[place], np.nan)
        return X

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
