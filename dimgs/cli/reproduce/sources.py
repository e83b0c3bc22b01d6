"""Tables of case studies: a local copy where there is one, else the original at a fixed commit.

Nothing is downloaded where the environment variable DIMGS_DATA names a folder of local copies.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.cli.reproduce.published_checks import DataUnavailable

if TYPE_CHECKING:
    from pandas import DataFrame

    from dimgs.dataset import Dataset

VARIABLE = "DIMGS_DATA"
_TIMEOUT = 20.0  # seconds without an answer


@dataclass(frozen=True)
class Source:
    """A published table.

    Parameters
    ----------
    name : str
        A local copy is called ``NAME.csv`` and has the columns that the study names; a copy of
        the original under its own file name serves too.
    repository, commit, path : str
        Where the original is: ``owner/name`` on GitHub, the commit, the file in it.
    facts : mapping of str to float
        Medians of columns (of the values that are there), by which the table is recognised.
    rows : int
        How many there are.
    columns : mapping of str to str
        Names in the original, and what the study calls them.
    options : mapping
        How the original is read, for `pandas.read_csv`.
    prepare : callable, optional
        Makes what else the study needs out of the original.
    share : float
        How far medians and number of rows may be off, as a fraction: copies are rounded, and
        catalogues grow.
    """

    name: str
    repository: str
    commit: str
    path: str
    facts: Mapping[str, float]
    rows: int
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    prepare: "Callable[[DataFrame], DataFrame] | None" = None
    share: float = 1e-3

    @property
    def url(self) -> str:
        """Address of the original, which its commit fixes."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}"

    def dataset(self, units: Mapping[str, str], *, drop_bad: bool = False) -> "Dataset":
        """Runs with the named columns.

        Parameters
        ----------
        units : mapping of str to str
            Unit of every column wanted.
        drop_bad : bool
            Leave out rows that cannot be used.

        Returns
        -------
        Dataset

        Raises
        ------
        DataUnavailable
            If the table cannot be reached, or is not the one that was studied.
        """
        from dimgs.dataset import read_table

        return read_table(self.frame(), units=units, columns=list(units), drop_bad=drop_bad)

    def frame(self) -> "DataFrame":
        """The table with the study's column names, from a local copy or the original.

        Raises
        ------
        DataUnavailable
            If the table cannot be reached, or is not the one that was studied.
        """
        import pandas as pd

        path, original = self._file()
        try:
            if original:
                frame: DataFrame = pd.read_csv(path, **self.options)
                frame = frame.rename(columns=dict(self.columns))
                frame = frame if self.prepare is None else self.prepare(frame)
            else:
                frame = pd.read_csv(path)
        except (OSError, ValueError, KeyError) as error:
            raise DataUnavailable(
                f"'{path}' cannot be read as the table {self.name} ({error}); get it again from "
                f"{self.url}."
            ) from error
        self._recognise(frame, path)
        return frame

    def _file(self) -> tuple[Path, bool]:
        """A file, and whether it is the original."""
        folder = os.environ.get(VARIABLE)
        if not folder:
            return self._download(), True
        original = Path(self.path).name
        for name in (f"{self.name}.csv", original):
            path = Path(folder) / name
            if path.is_file():
                return path, name == original and name != f"{self.name}.csv"
        raise DataUnavailable(
            f"the folder {VARIABLE} names ('{folder}') holds neither {self.name}.csv nor "
            f"{original}; put {self.url} there, or unset {VARIABLE} to have it downloaded."
        )

    def _download(self) -> Path:
        try:
            import pooch
            from requests import RequestException
        except ImportError as error:
            raise DataUnavailable(
                "the package 'pooch', which downloads the table, is not installed; install it "
                f'with: pip install "dimgs[studies]", or name a folder that holds '
                f"{self.name}.csv by {VARIABLE}."
            ) from error
        pooch.get_logger().setLevel("ERROR")
        downloader = pooch.HTTPDownloader(timeout=_TIMEOUT, progressbar=False)
        try:
            file = pooch.retrieve(
                self.url,
                known_hash=None,  # the commit fixes the content, which is recognised once read
                fname=f"{self.name}-{self.commit[:12]}{Path(self.path).suffix}",
                path=pooch.os_cache("dimgs"),
                downloader=downloader,
            )
        except (RequestException, OSError, ValueError) as error:
            raise DataUnavailable(
                f"{self.url} cannot be downloaded ({type(error).__name__}); name a folder that "
                f"holds {self.name}.csv or {Path(self.path).name} by {VARIABLE}."
            ) from error
        return Path(file)

    def _recognise(self, frame: "DataFrame", path: Path) -> None:
        import pandas as pd

        absent = [c for c in self.facts if c not in frame.columns]
        if absent:
            raise DataUnavailable(
                f"'{path}' has no column '{absent[0]}', so that it is not the table {self.name}; "
                f"get it from {self.url}."
            )
        medians = {c: float(pd.to_numeric(frame[c], errors="coerce").median()) for c in self.facts}
        expected = {**self.facts, "number of rows": float(self.rows)}
        for what, value in {**medians, "number of rows": float(len(frame))}.items():
            if not abs(value - expected[what]) <= self.share * abs(expected[what]):
                raise DataUnavailable(
                    f"'{path}' is not the table {self.name} that was studied: {what} has the "
                    f"median {value:.6g}, not {expected[what]:.6g}; get it from {self.url}."
                    if what in medians
                    else f"'{path}' is not the table {self.name} that was studied: it has "
                    f"{value:.0f} rows, not {self.rows}; get it from {self.url}."
                )
