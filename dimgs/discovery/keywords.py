"""Keywords of `dimgs.fit`, `dimgs.discover` and their streamed forms, with their types.

Defaults and help are those of :class:`dimgs.discovery.options.Options`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dimgs.dataset.raw import TableKeywords as TableKeywords


class StreamKeywords(TableKeywords, total=False):
    """Keywords of `fit_stream` and `fit_dask`."""

    constants: Sequence[str]
    scales: Sequence[str] | str
    within: str | None
    split_by: str | None
    arrhenius: Sequence[str] | str | None
    arrhenius_power: bool
    level: float
    seed: int


class FitKeywords(StreamKeywords, total=False):
    """Keywords of `fit`."""

    by: Sequence[str] | str
    rounded: Sequence[str] | str
    limits: Mapping[str, Any] | Sequence[Any] | str
    robust: bool
    errors_in_variables: bool
    regimes: bool
    local: bool
    along: str | None
    curve: str | None
    additive: bool
    noise: str


class DiscoverKeywords(FitKeywords, total=False):
    """Keywords of `discover`."""

    engine: str
    model: str
    effort: str
    evaluations: int | None
    time_limit: float | None
    form: str | None
    symmetric: Sequence[str]
    must_use: Sequence[str]
    at_most_constants: int | None
    complete: int | None
