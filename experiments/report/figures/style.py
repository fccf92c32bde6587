"""One look for every figure: sizes in the paper's own units, a colour-blind safe palette, vector output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")  # before pyplot: no display is needed, and none is looked for

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

TEXT_WIDTH = 6.3  # inches; the type area of the paper
PANEL_HEIGHT = 2.1

# Okabe and Ito's palette; family fixes the colour and the marker, so that the figures also read in grey.
COLOURS = {
    "hg": "#0072B2",
    "hg-diagonal": "#56B4E9",
    "gaussian": "#D55E00",
    "gaussian-two-scale": "#E69F00",
    "riemannian-normal": "#009E73",
    "wrapped-normal": "#CC79A7",
    "gaussian-manifold-normal": "#000000",
}
VARIANT_COLOURS = {"action": "#009E73", "action-frozen": "#CC79A7", "aware": "#009E73", "gated": "#CC79A7"}
MARKERS = {
    "hg": "o",
    "hg-diagonal": "D",
    "gaussian": "s",
    "gaussian-two-scale": "^",
    "riemannian-normal": "v",
    "wrapped-normal": "P",
    "gaussian-manifold-normal": "X",
}
CONTROL_STYLES: dict[str, dict[str, object]] = {
    "blind-clock": {"color": "#000000", "linestyle": (0, (4, 2)), "linewidth": 0.9},
    "untrained": {"color": "#7f7f7f", "linestyle": (0, (1, 1.5)), "linewidth": 1.1},
}
RC: dict[Any, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "svg.fonttype": "path",
    "svg.hashsalt": "hrssm",
    "figure.constrained_layout.use": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the paper's settings and leave matplotlib's own as they were."""
    with matplotlib.rc_context(RC):
        yield


def grid(rows: int, columns: int) -> tuple[Figure, list[list[Axes]]]:
    """A figure of the paper's text width with rows of panels, and room for a legend below them."""
    figure, axes = plt.subplots(
        rows, columns, figsize=(TEXT_WIDTH, 0.45 + PANEL_HEIGHT * rows), squeeze=False, sharey="row"
    )
    return figure, [list(line) for line in axes]


def save(figure: Figure, path: Path) -> None:
    """Write `figure` as SVG without a date, so that the same data give the same bytes, and close it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    figure.savefig(draft, format="svg", metadata={"Date": None})
    draft.replace(path)
    plt.close(figure)
