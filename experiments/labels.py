"""How cells, metrics and controls are called in tables and figures; one place, so that both agree."""

from __future__ import annotations

import re

CONTROLS: dict[str, str] = {
    "blind-clock": "clock",
    "untrained": "untrained",
    "other-walk": "other walk",
    "zeros": "zeros",
    "depth-swapped": "swapped",
    "depth-redrawn": "redrawn",
}

# Plain Unicode, because the paper prints it as text and a figure as it stands.
METRICS: dict[str, str] = {
    "mse": "MSE",
    "kl": "KL (nats)",
    "kl_height": "KL, height term",
    "kl_fibre": "KL, fibre term",
    "kl_drift": "KL, drift term",
    "rho_height": "ρ of height with depth",
    "rho_first_pc": "ρ of the first PC",
    "rho_best_pc": "largest |ρ| of eight PCs",
    "rho_given_t": "ρ given t",
    "rho_nodes": "ρ, one value per node",
    "rho_best_pc_given_t": "best PC, ρ given t",
    "rho_best_pc_nodes": "best PC, ρ per node",
    "rho_ceiling": "largest attainable ρ",
    "depth_probe_accuracy": "depth probe",
    "depth_probe_balanced": "depth probe, balanced",
    "depth_majority": "depth, majority class",
    "branch_probe_accuracy": "branch probe",
    "branch_probe_balanced": "branch probe, balanced",
    "branch_majority": "branch, majority class",
    "attenuation": "E[exp τ]",
    "kl_fibre_depth_slope": "fibre term, slope in depth",
    "kl_drift_depth_slope": "drift term, slope in depth",
    "offset_deeper": "learned offset, deeper",
    "offset_shallower": "learned offset, shallower",
}

FAMILIES: dict[str, str] = {
    "hg": "HG",
    "hg-diagonal": "HG, diagonal fibre",
    "gaussian": "Gaussian",
    "gaussian-two-scale": "Gaussian, two scales",
}

# What follows the family and the dimension in a cell name.
VARIANTS: dict[str, str] = {
    "flat": "flat tree",
    "aware": "aware decoder",
    "gated": "gated decoder",
    "action": "action prior",
    "frozen": "frozen offset",
    "long": "long",
}

_NAME = re.compile(r"^(?P<family>hg-diagonal|hg|gaussian-two-scale|gaussian)-d(?P<d>\d+)(?:-(?P<rest>.+))?$")
_WEIGHT = re.compile(r"(?P<term>height|fibre|tau|b)-?(?P<value>\d+(?:\.\d+)?)")


def split_cell(cell: str) -> tuple[str, int, str] | None:
    """Family, latent dimension and remainder of a cell name, `intended-` aside; None if it is not one."""
    match = _NAME.match(cell.removeprefix("intended-"))
    return (match["family"], int(match["d"]), match["rest"] or "") if match else None


def cell_label(cell: str) -> str:
    """A cell name in words, for a table's first column: family, dimension, then what makes it special.

    >>> cell_label("intended-hg-diagonal-d16")
    'HG, diagonal fibre, d = 16'
    """
    parts = split_cell(cell)
    if parts is None:
        return cell.removeprefix("intended-")
    family, dimension, rest = parts
    words = [FAMILIES[family], f"d = {dimension}"]
    if rest:
        words.append(VARIANTS.get(rest, rest.replace("-", " ")))
    return ", ".join(words)


def metric_label(metric: str) -> str:
    """The short name of a metric, or the metric's own name where it has none."""
    return METRICS.get(metric, metric.replace("_", " "))


def alignment_metric(cell: str, track: str, group: str = "") -> str:
    """The metric that measures alignment with depth for this cell.

    Published track: the height, or the best principal component (in the dynamics group the first one, as the
    write-up has it). Intended track: the rank correlation given the step, which the clock cannot enter.
    """
    if track == "intended":
        return "rho_given_t"
    parts = split_cell(cell)
    if parts is None or parts[0].startswith("hg"):
        return "rho_height"
    return "rho_first_pc" if group == "dynamics" else "rho_best_pc"
