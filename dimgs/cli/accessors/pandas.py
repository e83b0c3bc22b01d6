"""Adds ``.dimgs`` to data frames of pandas.

Examples
--------
>>> import pandas as pd
>>> import dimgs.pandas
>>> frame = pd.read_csv("docs/planets.csv", comment="#")
>>> print(frame.dimgs.fit("T", constants=["G"]).law)
T = C*a**(3/2)/sqrt(G*M)
"""

import pandas as pd

from dimgs.cli.accessors.accessor import Accessor

__all__ = ["Accessor"]
pd.api.extensions.register_dataframe_accessor("dimgs")(Accessor)
