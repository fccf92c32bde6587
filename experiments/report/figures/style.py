"""One look for every figure: sizes in the paper's own units, a colour-blind safe palette, vector output."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")  # before pyplot: no display is needed, and none is looked for

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hrssm.records.record import write_bytes

TEXT_WIDTH = 6.3  # inches; the type area of the paper
PANEL_HEIGHT = 2.1

# Okabe and Ito's palette. What stands for one thing keeps its colour and marker over all figures: the latent families,
# by their labels; anything else is given the colours in turn. Markers differ too, so that figures also read in grey.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SHAPES = ("o", "s", "v", "P", "^", "D", "X")
FIXED: dict[str, tuple[str, str]] = {
    "HG": ("#0072B2", "o"),
    "HG, diagonal fibre": ("#56B4E9", "D"),
    "HG, coupling 1/2": ("#009E73", "h"),
    "HG, coupling 0": ("#CC79A7", "<"),
    "Gaussian": ("#D55E00", "s"),
    "Gaussian, two scales": ("#E69F00", "^"),
    "Riemannian normal": ("#009E73", "v"),
    "wrapped normal": ("#CC79A7", "P"),
    "Gaussian manifold normal": ("#000000", "X"),
}
CONTROL_STYLES: dict[str, dict[str, object]] = {
    "blind-clock": {"color": "#000000", "linestyle": (0, (4, 2)), "linewidth": 0.9},
    "untrained": {"color": "#7f7f7f", "linestyle": (0, (1, 1.5)), "linewidth": 1.1},
}
OTHER_CONTROL: dict[str, object] = {"color": "#b0b0b0", "linestyle": (0, (3, 1, 1, 1)), "linewidth": 0.9}
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


def control_style(control: str) -> dict[str, Any]:
    """How the line of a control looks."""
    return dict(CONTROL_STYLES.get(control, OTHER_CONTROL))


def looks(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each name: its own where it has one, else the next that is free."""
    ordered = list(dict.fromkeys(names))
    taken = {FIXED[name][0] for name in ordered if name in FIXED}
    free = [pair for pair in zip(PALETTE, SHAPES, strict=True) if pair[0] not in taken] or list(
        zip(PALETTE, SHAPES, strict=True)
    )
    rest = [name for name in ordered if name not in FIXED]
    return {name: FIXED[name] for name in ordered if name in FIXED} | {
        name: free[place % len(free)] for place, name in enumerate(rest)
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
    """Write `figure` as SVG without a date or a random name in it, so that the same data give the same bytes, and close
    it."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    write_bytes(path, buffer.getvalue())
    plt.close(figure)
