"""How cells, metrics and controls are called in tables and figures; one place, so that both agree."""

from __future__ import annotations

from hrssm.experiment.experiment import Run

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
    "rho_given_t": "ρ within a step",
    "rho_nodes": "ρ over nodes",
    "rho_best_pc_given_t": "best PC, |ρ| within a step",
    "rho_best_pc_nodes": "best PC, |ρ| over nodes",
    "rho_ceiling": "largest attainable ρ",
    "depth_probe_accuracy": "depth probe",
    "depth_probe_balanced": "depth probe, balanced",
    "depth_majority": "depth, majority class",
    "depth_probe_all_accuracy": "depth probe, whole latent",
    "depth_probe_all_balanced": "depth probe, whole latent, balanced",
    "branch_probe_accuracy": "branch probe",
    "branch_probe_balanced": "branch probe, balanced",
    "branch_majority": "branch, majority class",
    "attenuation": "E[exp τ]",
    "kl_fibre_depth_slope": "fibre term, slope in depth",
    "kl_drift_depth_slope": "drift term, slope in depth",
    "shift_deeper": "learned offset after a deeper move",
    "shift_shallower": "learned offset after a shallower move",
}

FAMILIES: dict[str, str] = {
    "hg": "HG",
    "hg-diagonal": "HG, diagonal fibre",
    "gaussian": "Gaussian",
    "gaussian-two-scale": "Gaussian, two scales",
    "riemannian-normal": "Riemannian normal",
    "wrapped-normal": "wrapped normal",
    "gaussian-manifold-normal": "Gaussian manifold normal",
}
PRIORS = {"plain": "", "action": "action prior", "action-frozen": "frozen action prior"}
DECODERS = {"flat": "", "aware": "aware decoder", "gated": "gated decoder"}


def family_label(family: str) -> str:
    """The name of a latent family, or its key where it has none here."""
    return FAMILIES.get(family, family)


def variant(run: Run) -> str:
    """What sets a run apart besides family and dimension, in words; empty for the plain one.

    >>> variant(Run.model_validate({"model": {"prior": "action"}}))
    'action prior'
    """
    words = [PRIORS[run.model.prior], DECODERS[run.model.decoder]]
    if run.environment.branching != 4:
        words.append("flat tree")
    if run.objective.height_weight != 1 or run.objective.fibre_weight != 1:
        words.append(f"weights {run.objective.height_weight:g}, {run.objective.fibre_weight:g}")
    return ", ".join(word for word in words if word)


def cell_label(run: Run, *, dimension: bool = True) -> str:
    """A run in words: family, dimension (unless left out), then what makes it special.

    >>> cell_label(Run.model_validate({"latent": {"family": "hg-diagonal"}}))
    'HG, diagonal fibre, d = 16'
    """
    words = [family_label(run.latent.family), f"d = {run.latent.dim}" if dimension else "", variant(run)]
    return ", ".join(word for word in words if word)


def metric_label(metric: str) -> str:
    """The short name of a metric, or the metric's own name where it has none."""
    return METRICS.get(metric, metric.replace("_", " "))


def alignment_metric(run: Run, group: str) -> str:
    """The metric that measures alignment with depth for this run.

    Published track: the height, or the best principal component (in the dynamics group the first one, as the
    write-up has it). Intended track: the rank correlation within a step, which the clock cannot enter.
    """
    if run.track == "intended":
        return "rho_given_t"
    if run.latent.family.startswith("hg"):
        return "rho_height"
    return "rho_first_pc" if group == "dynamics" else "rho_best_pc"
