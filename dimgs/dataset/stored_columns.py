"""Columns of a Dataset as they are stored, and the hash of what they hold."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array
from dimgs.errors import InputError
from dimgs.variables import Variable


def content_hash(
    variables: tuple[Variable, ...],
    values: Mapping[str, NDArray[Any]],
    errors: Mapping[str, Array],
) -> str:
    """SHA-256 of names, units, values and errors, whatever the order of the columns."""
    digest = hashlib.sha256()
    for v in sorted(variables, key=lambda v: v.name):
        digest.update(json.dumps([v.name, v.unit.text, v.kind, len(values[v.name])]).encode())
        digest.update(_bytes(values[v.name]))
        if v.name in errors:
            digest.update(b"err" + _bytes(errors[v.name]))
    return digest.hexdigest()


def stored(variable: Variable, values: NDArray[Any], source: str) -> NDArray[Any]:
    """Read-only column of shape (n_runs,): float64 numbers, or str objects for labels."""
    if variable.is_label:
        return read_only(np.asarray(values, dtype=object))
    try:
        return read_only(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Column '{variable.name}' of {source} does not hold numbers ({error}); "
            f"give numbers, or the unit 'label' for categories."
        ) from error


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The array itself where it is read-only already, otherwise a read-only copy."""
    if array.flags.writeable or not array.flags.c_contiguous:
        array = array.copy()
        array.flags.writeable = False
    return array


def _bytes(column: NDArray[Any]) -> bytes:
    if column.dtype == object:
        return json.dumps(column.tolist()).encode()
    plain = np.where(np.isnan(column), np.nan, column + 0.0)
    return plain.astype("<f8").tobytes()
