"""`read_table`: one function for every kind of table."""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.advice import setting
from dimgs.dataset.build import ReadOptions, build, checked
from dimgs.dataset.dataset import Dataset
from dimgs.dataset.headers import chosen
from dimgs.dataset.raw import RawTable
from dimgs.errors import InputError
from dimgs.formats import json_value, read_text, shown, validated

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
EXCEL_SUFFIXES = frozenset({".xlsx", ".xlsm"})


def read_table(
    source: "str | PathLike[str] | pd.DataFrame | xr.Dataset | Dataset | Mapping[str, Any]",
    *,
    units: Mapping[str, str] | None = None,
    sheet: str | int | None = None,
    drop_bad: bool = False,
    columns: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    logged: Iterable[str] | None = None,
    skip_rows: int | None = None,
    strict_units: bool = False,
) -> Dataset:
    """Dataset from a table with units.

    Units are found in this order: `units`; the header ``name [unit]``; a second row of units;
    the unit that the source attaches (a pint dtype, ``attrs["units"]``, Parquet metadata) or the
    file ``TABLE.units.json`` beside the table. A column whose unit is ``label``, or whose
    cells are text, is categorical; so is a column of truth values, unless its unit is ``1``, which
    makes it 0 and 1. ``name_err [unit]`` holds the standard errors of ``name``. In text, lines
    that start with ``#`` and blank lines are skipped; comma, semicolon and tab separate. Titles
    above the header are passed over, with a warning, where they clearly are no header.

    A unit whose literal reading is improbable (``W/m K``, ``Nm``, ``kg/cm2``) is read literally,
    with a warning that names the other reading.

    Parameters
    ----------
    source : str, path, pandas.DataFrame, xarray.Dataset, Dataset or mapping
        A file (``.csv``, ``.tsv``, ``.tab``, ``.txt``, ``.parquet``, ``.pq``, ``.xlsx``,
        ``.xlsm``) or a table in memory, also a mapping of column to Pint quantities or arrays. An
        unnamed index is ignored; a named one is a column.
    units : mapping of str to str, optional
        Units by column name; ``"1"`` for none, ``"label"`` for categories, ``"m^2/s; thermal
        diffusivity"`` with a kind hint.
    sheet : str or int, optional
        Excel sheet, by name or position from 0; the first by default.
    drop_bad : bool
        Leave out the rows in which a used numeric column is blank, infinite, text or (where
        `logged`) not positive, and rows with a wrong number of fields; all are listed in
        ``dropped``. Without it, blanks are kept as NaN and everything else raises.
    columns : iterable of str, optional
        The only columns to use; their uncertainty columns follow.
    drop : iterable of str, optional
        Columns not to use.
    logged : iterable of str, optional
        Columns that must be positive.
    skip_rows : int, optional
        Lines above the header of a text table or a sheet; by default as many as are clearly titles.
    strict_units : bool
        Refuse a unit whose literal reading is improbable, instead of warning.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        In one sentence: what is wrong, in which row and column, and the remedy.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"U [m/s]": [1.0, 2.0], "D [mm; diameter]": [50, 80]})
    >>> read_table(frame)["D"]
    array([0.05, 0.08])
    """
    options = ReadOptions(
        dict(units or {}),
        columns,
        drop,
        drop_bad,
        logged,
        strict_units=strict_units,
        sheet=sheet,
        skip_rows=skip_rows,
    )
    return dataset_of(source, options)


def dataset_of(source: Any, options: ReadOptions) -> Dataset:
    """Dataset of anything that `read_table` takes."""
    if not isinstance(source, Dataset):
        return build(raw_table(source, options), options)
    if options.units:
        raise InputError("A Dataset has its units already; leave out the mapping of units.")
    kept = chosen(list(source.names), options.columns, options.drop, source.source)
    return checked(source.select(kept), options)


def raw_table(source: Any, options: ReadOptions) -> RawTable:
    """Headers and cells of any source that `read_table` takes, but a Dataset."""
    if isinstance(source, str | PathLike):
        return _raw_file(existing(source), options)
    from dimgs.dataset.data_frames import from_pandas, from_xarray

    given = (("sheet", options.sheet), ("skip_rows", options.skip_rows))
    odd = next((name for name, value in given if value is not None), None)
    if odd is not None:
        raise InputError(
            f"A table in memory has no rows above its header and no sheet; leave out {odd}."
        )
    kinds = {f"{t.__module__.split('.')[0]}.{t.__name__}" for t in type(source).__mro__}
    if "pandas.DataFrame" in kinds:
        return from_pandas(source, "DataFrame")
    if "xarray.Dataset" in kinds or "xarray.DataArray" in kinds:
        return from_xarray(source)
    if isinstance(source, Mapping):
        from dimgs.dataset.data_frames import raw_columns

        return raw_columns(source)
    raise InputError(
        f"A table cannot be read from an object of type '{type(source).__name__}'; give a path, a "
        f"pandas DataFrame, an xarray Dataset or a mapping of column to quantities."
    )


def existing(source: str | PathLike[str]) -> Path:
    """Path of a file that exists and has a supported extension."""
    path = Path(source)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError):
        is_file = is_folder = False
    if is_folder:
        raise InputError(f"'{path}' is a folder; name a table in it.")
    if not is_file:
        raise InputError(f"There is no file '{path}'; check the path (now in '{Path.cwd()}').")
    suffix = path.suffix.lower()
    if suffix not in TEXT_SUFFIXES | PARQUET_SUFFIXES | EXCEL_SUFFIXES:
        raise InputError(
            f"'{path.name}' has the extension '{suffix}', which is not read; save it as .csv, "
            f".tsv, .parquet or .xlsx."
        )
    return path


def _raw_file(path: Path, options: ReadOptions) -> RawTable:
    suffix = path.suffix.lower()
    if options.sheet is not None and suffix not in EXCEL_SUFFIXES:
        raise InputError(f"'{path.name}' has no sheets; leave out the sheet '{options.sheet}'.")
    if options.skip_rows is not None:
        if suffix in PARQUET_SUFFIXES:
            raise InputError(
                f"'{path.name}' has no rows above its header; leave out {setting('skip_rows')}."
            )
        if options.skip_rows < 0:
            raise InputError(
                f"{setting('skip_rows')} is negative; give the number of lines above the header."
            )
    try:
        if suffix in TEXT_SUFFIXES:
            from dimgs.dataset.delimited_text import concatenated, text_tables
            from dimgs.dataset.table_files import check_memory

            check_memory(path.stat().st_size, path.name)
            return concatenated(text_tables(path, options, sidecar_of(path)))
        from dimgs.dataset.table_files import from_excel, from_parquet

        if suffix in PARQUET_SUFFIXES:
            return from_parquet(path, sidecar_of(path), options)
        return from_excel(path, sidecar_of(path), options)
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error}); check its permissions.") from error


def sidecar_of(path: Path) -> tuple[dict[str, str], str]:
    """Units from ``TABLE.units.json`` beside a table, and the name of that file."""
    for beside in (path.with_suffix(".units.json"), path.with_name(path.name + ".units.json")):
        if not beside.is_file():
            continue
        from dimgs.dataset.sidecar import SidecarFile

        remedy = 'write a JSON object such as {"U": "m/s", "material": "label"} in UTF-8'
        where = f"'{shown(beside.name)}'"
        document = json_value(read_text(beside, "sidecar"), where, remedy)
        if not isinstance(document, dict):
            raise InputError(f"{where} is no object of unit strings; {remedy}.")
        units = validated(SidecarFile, document, f"{where} cannot be used: ").root
        return units, beside.name
    return {}, "the sidecar"
