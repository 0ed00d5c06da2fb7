"""Colours, fonts and the way to bytes, shared by all pictures."""

import io
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
"""Of the Okabe-Ito palette: told apart by every kind of colour vision, and in grey."""
SEQUENTIAL, DIVERGING = "cividis", "RdBu_r"
RULES: Any = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "savefig.dpi": 120,
}


def named(name: str, unit: str | None) -> str:
    """A quantity for an axis: its name, and its unit unless it has none."""
    return name if unit in (None, "", "1") else f"{name} [{unit}]"


def png(figure: Figure) -> bytes:
    """The picture as PNG; equal pictures give equal bytes."""
    buffer = io.BytesIO()
    with rc_context(RULES):
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
