"""Adds ``.dimgs`` to data sets of xarray.

Examples
--------
>>> import xarray as xr
>>> import dimgs.xarray
>>> runs = xr.Dataset(
...     {"L": ("run", [0.2, 0.4, 0.8, 1.6], {"units": "m"}),
...      "T": ("run", [0.897, 1.269, 1.794, 2.537], {"units": "s"})})
>>> print(runs.dimgs.discover("T", constants=["g"], engine="power_law").law)
T = C*sqrt(L/g)
"""

import xarray as xr

from dimgs.cli.accessors.accessor import Accessor

__all__ = ["Accessor"]
xr.register_dataset_accessor("dimgs")(Accessor)  # type: ignore[no-untyped-call]
