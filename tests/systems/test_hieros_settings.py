"""What an agent's settings refuse, with the remedy."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hrssm.latents.table import LATENTS
from hrssm.systems.hieros.settings import Settings
from hrssm.systems.hieros.tasks import make


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"replay": {"tau": 1.2}}, "less than or equal to 1"),
        ({"replay": {"tau": -0.1}}, "greater than or equal to 0"),
        ({"replay": {"capacity": 30}}, r"capacity 30 and .*window of training.length 64"),
        ({"training": {"prefill": 10}}, r"prefill 10 must both hold a window"),
        ({"task": {"name": "atari", "game": "krull"}}, r"would take 12.3 GB.*at most 81380"),
        ({"task": {"name": "chess"}}, "tag 'chess'"),
        ({"model": {"states": 30}}, "states 30 cannot be cut into 4 blocks"),
        ({"model": {"latent": {"dim": 1000}}}, "must be a square"),
        ({"agent": {"inputs": ["colour"]}}, "'reward', 'continue' or 'entropy'"),
    ],
)
def test_bad_settings_are_named(given, message):
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate(given)


def test_an_unknown_game_is_named_with_those_that_there_are():
    settings = Settings.model_validate({"task": {"name": "atari", "game": "brakeout"}, "replay": {"capacity": 50_000}})
    with pytest.raises(ValueError, match=r"'brakeout' is unknown. ale-py brings: .*breakout"):
        make(settings)


@pytest.mark.parametrize(
    ("task", "shape"),
    [
        ({"name": "tree", "depth": 2, "observation_dim": 7}, (7,)),
        ({"name": "pinpad", "pads": 3}, (14,)),
        ({"name": "pinpad", "observation": "image"}, (64, 64, 3)),
        ({"name": "atari", "game": "krull"}, (64, 64, 3)),
    ],
)
def test_a_task_is_the_environment_that_it_names(task, shape):
    settings = Settings.model_validate({"task": task, "replay": {"capacity": 50_000}})
    assert make(settings).observation_space.shape == shape
    assert settings.modules()[0] == LATENTS["categorical"].module


def test_settings_survive_as_json():
    settings = Settings.model_validate({"agent": {"inputs": ["reward"]}})
    assert Settings.model_validate_json(settings.model_dump_json()).digest() == settings.digest()
