"""The reference tables beside the checkout, with the units of their descriptions."""

import json
from pathlib import Path

import numpy as np

from dimgs.dataset import iter_chunks, read_table

MENDED = {"Mrate": "1", "soil": "label"}


def test_reference_tables_are_read(shared_data: Path) -> None:
    described = 0
    for path in sorted(shared_data.glob("*.csv")):
        description = path.with_suffix(".json")
        if not description.is_file():
            continue
        about = json.loads(description.read_text(encoding="utf-8"))
        # two descriptions say more than a unit
        units = about["units"] | {k: u for k, u in MENDED.items() if k in about["units"]}
        data = read_table(path, units=units)
        described += 1
        assert len(data) == about["n_rows"], path.name
        assert set(data.names) == set(about["columns"]), path.name
        again = read_table(data.to_pandas())
        assert again == data, path.name
        chunks = list(iter_chunks(path, 100, units=units))
        for name in data.numeric_names:
            together = np.concatenate([c[name] for c in chunks])
            np.testing.assert_array_equal(together, data[name])
    assert described >= 20
