"""The methods that `import dimgs.pandas` and `import dimgs.xarray` add to tables."""

from typing import TYPE_CHECKING, Any, Unpack

from dimgs.discovery.options import DiscoverKeywords, FitKeywords

if TYPE_CHECKING:
    from dimgs.dataset.dataset import Dataset
    from dimgs.groups.group import PiBasis
    from dimgs.law.law import Law
    from dimgs.report.results import FitResult, Report


class Accessor:
    """The functions of dimgs as methods of a table, ``table.dimgs``.

    Parameters
    ----------
    table : DataFrame or xarray.Dataset
        Its columns have units, in whatever way :func:`dimgs.read_table` finds them.

    Examples
    --------
    >>> import pandas as pd
    >>> import dimgs.pandas
    >>> table = pd.read_csv("docs/planets.csv", comment="#")
    >>> print(table.dimgs.fit("T", constants=["G"]).law)
    T = C*a**(3/2)/sqrt(G*M)
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def dataset(self, **keywords: Any) -> "Dataset":
        """The table with its units; see :func:`dimgs.read_table`."""
        from dimgs.dataset import read_table

        return read_table(self._table, **keywords)

    def pi_basis(self, target: str | None = None, **keywords: Any) -> "PiBasis":
        """Pi groups of its columns; see :func:`dimgs.pi_basis`."""
        from dimgs.groups.derive import pi_basis

        return pi_basis(self.dataset(), target, **keywords)

    def fit(self, target: str, **keywords: Unpack[FitKeywords]) -> "FitResult":
        """Power law of its runs; see :func:`dimgs.fit`."""
        from dimgs.discovery.discover import fit

        return fit(self._table, target, **keywords)

    def discover(self, target: str, **keywords: Unpack[DiscoverKeywords]) -> "Report":
        """Law of its runs; see :func:`dimgs.discover`."""
        from dimgs.discovery.discover import discover

        return discover(self._table, target, **keywords)

    def predict(self, law: "Law", level: float | None = None) -> Any:
        """Predictions of a law for the rows; see :meth:`dimgs.Law.predict`."""
        from dimgs.law.prediction import predict

        return predict(law, self._table, level, "run")
