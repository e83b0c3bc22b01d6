"""Maps of the runs."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.report.figures import style
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# share of the variance: the runs lie on a line, and a second axis shows rounding
_FLAT = 1e-6


@style.styled
def principal_map(
    coordinates: ArrayLike,
    axes: "Axes",
    shares: ArrayLike | None = None,
    colour: ArrayLike | None = None,
    label: str = "",
) -> None:
    """Runs in the plane of their first two principal components or coordinates.

    Parameters
    ----------
    coordinates : array-like of shape (n_runs, n_axes)
        Scores of a PCA, or coordinates of a PCoA; a single axis is drawn as a line.
    axes : Axes
    shares : array-like of shape (n_axes,), optional
        Share of each axis, for the labels.
    colour : array-like of shape (n_runs,), optional
        Numbers become a colour scale, strings a colour and a marker each.
    label : str
        What the colour is.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no axis, or `colour` has another length.

    Examples
    --------
    >>> from dimgs.report.figures import new_axes, principal_map
    >>> axes = new_axes()
    >>> _ = principal_map([[0, 1], [1, 0], [2, 1]], axes, shares=[0.8, 0.2], colour=["a", "b", "a"])
    >>> print(axes.get_xlabel())
    axis 1 (80 %)
    """
    places = np.asarray(coordinates, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] == 0 or len(places) == 0:
        raise InputError("A map needs coordinates of shape (n_runs, n_axes) with an axis or two.")
    if places.shape[1] == 1:
        places = np.column_stack([places[:, 0], np.zeros(len(places))])
    shown = style.drawn(len(places))
    axes.axhline(0.0, color=style.RULE, linewidth=0.7, zorder=0)
    axes.axvline(0.0, color=style.RULE, linewidth=0.7, zorder=0)
    _points(axes, places[shown], None if colour is None else np.asarray(colour), shown, label)
    parts = [] if shares is None else np.asarray(shares, dtype=np.float64).tolist()
    for k, name in enumerate(("x", "y")):
        share = f" ({parts[k]:.0%})".replace("%", " %") if k < len(parts) else ""
        getattr(axes, f"set_{name}label")(f"axis {k + 1}{share}")
    axes.set_aspect("equal", adjustable="datalim")


def _points(
    axes: "Axes", places: Array, colour: NDArray[np.generic] | None, shown: IntArray, label: str
) -> None:
    if colour is None:
        axes.plot(*places.T, "o", color=style.PALETTE[0], alpha=0.8, markeredgewidth=0)
        return
    if colour.ndim != 1 or colour.size < int(shown[-1]) + 1:
        raise InputError("The colours of a map need one value for each run.")
    colours = colour[shown]
    if colours.dtype.kind in "fiu":
        (x, y), values = places.T, colours.astype(np.float64)
        # an edge, so that the ends of the scale are seen on paper and on black
        dots = axes.scatter(
            x, y, c=values, cmap="cividis", s=18, linewidths=0.6, edgecolors=style.MUTED
        )
        figure = axes.get_figure()
        if figure is not None:
            bar = figure.colorbar(dots, ax=axes, label=label, shrink=0.9)
            bar.outline.set_visible(False)
        return
    texts = colours.astype(str)
    names = sorted(set(texts))
    sets = [(style.plot_text(name, style.LABEL_LETTERS), texts == name) for name in names]
    style.plot_sets(axes, places[:, 0], places[:, 1], sets, alpha=0.85, markeredgewidth=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)


@style.listed("runs")
def principal_axes(report: Findings, axes: "Axes") -> None:
    """Runs on the principal axes of their log-ratios, coloured by the target.

    The axes do not depend on the basis of the groups; see
    :func:`dimgs.fits.geometry.log_ratio_pca`.

    Parameters
    ----------
    report : Report
    axes : Axes

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If fewer than two groups varied.

    Examples
    --------
    >>> import numpy as np
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes, principal_axes
    >>> a, b, c = np.exp(np.random.default_rng(0).normal(size=(3, 20)))
    >>> data = dimgs.Dataset.from_columns(
    ...     {"a [m]": a, "b [m]": b, "c [m]": c, "y [m]": a**2 * b / c**2})
    >>> axes = new_axes()
    >>> _ = principal_axes(dimgs.discover(data, "y", engine="power_law"), axes)
    >>> len(axes.collections[0].get_offsets())
    20
    """
    from dimgs.fits.geometry import log_ratio_pca

    runs = ReportRuns.of(report)
    names = [n for n in runs.varied if n in runs.law.logged]
    if len(names) < 2:
        raise InputError("A map of the runs needs at least two groups that varied.")
    logs = np.log(np.column_stack([runs.values[n] for n in names]))
    variables = sorted({v for n in names for v, _ in runs.groups[n].exponents})
    powers = [[float(runs.groups[n].get(v)) for n in names] for v in variables]
    pca = log_ratio_pca(logs, np.asarray(powers))
    if pca.shares[1] < _FLAT:
        raise InputError(
            "The varied groups are proportional to each other, so their map is a line."
        )
    column = runs.label_column
    if column is not None:
        colour: NDArray[np.generic] = np.array([str(x) for x in runs.data[column]])
        label = style.plot_text(column)
    else:
        target = np.asarray(report.measured, dtype=np.float64)
        log = runs.is_log and bool(np.all(target > 0))
        colour = np.log10(target) if log else target
        label = ("log₁₀ " if log else "") + style.target_label(runs)
    principal_map(pca.scores[:, :2], axes, pca.shares, colour, label)
