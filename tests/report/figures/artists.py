"""What was drawn, as arrays."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dimgs.common.arrays import Array


def xy(artist: Any) -> tuple[Array, Array]:
    """Data of a line, a patch or an area."""
    if hasattr(artist, "get_xdata"):
        x, y = artist.get_xdata(), artist.get_ydata()
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    corners = artist.get_xy() if hasattr(artist, "get_xy") else artist.get_paths()[0].vertices
    return np.asarray(corners[:, 0]), np.asarray(corners[:, 1])


def points(axes: Axes) -> tuple[Array, Array]:
    """All points that are drawn without a line between them."""
    lines = [xy(line) for line in axes.lines if line.get_linestyle() == "None"]
    return np.concatenate([x for x, _ in lines]), np.concatenate([y for _, y in lines])


def arrows(axes: Axes) -> tuple[Array, Array]:
    """Components of the arrows."""
    quiver: Any = axes.collections[0]
    return np.asarray(quiver.U), np.asarray(quiver.V)


def legend_texts(axes: Axes) -> list[str]:
    """Entries of the legend."""
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]
