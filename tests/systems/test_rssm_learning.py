"""What is an RSSM's own: every latent family trains, and training lowers the error."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hrssm.latents.table import LATENTS
from hrssm.networks.table import UPDATES
from tests.systems.tiny import go, tiny


@pytest.mark.parametrize("family", sorted(LATENTS))
def test_every_family_trains_member_by_member(tmp_path: Path, family: str) -> None:
    settings = tiny(latent={"family": family, "dim": 4}, model={"hidden": 8, "encoder": {"width": 8}})
    go(settings, [3, 4], tmp_path / "together")
    go(settings, [4], tmp_path / "alone")
    losses = [
        pd.read_parquet(tmp_path / d / "metrics.parquet").query("seed == 4 and metric == 'loss'")["value"].to_numpy()
        for d in ("together", "alone")
    ]
    assert len(losses[0]) == 12
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("update", sorted(UPDATES))
def test_every_state_update_trains(tmp_path: Path, update: str) -> None:
    settings = tiny(model={"hidden": 8, "encoder": {"width": 8}, "update": update})
    manifest = go(settings, [3], tmp_path)
    assert manifest["members"]["3"]["ended"] == "finished"
    assert f"{UPDATES[update].module.replace('.', '/')}.py" in manifest["sources"]


def test_an_unknown_state_update_is_told_what_is_known() -> None:
    with pytest.raises(ValueError, match=r"state update 'gate' is unknown; known updates: direct, "):
        tiny(model={"update": "gate"})


def test_the_loss_falls(tmp_path: Path) -> None:
    settings = tiny(training={"steps": 150, "batch": 16, "length": 4, "learning_rate": 3e-3})
    go(settings, [0, 1], tmp_path)
    frame = pd.read_parquet(tmp_path / "metrics.parquet").query("metric == 'mse' and protocol == 'train'")
    assert frame[frame.step > 140]["value"].mean() < 0.8 * frame[frame.step < 10]["value"].mean()
