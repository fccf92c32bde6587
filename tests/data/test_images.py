"""Sets of images: bits and bytes, splits that keep groups together, hashes, and a cache that is made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hrssm.data import cache as data_cache
from hrssm.data.digits import digits
from hrssm.data.images import Images, ImageSet, Made, cached, packed
from hrssm.data.splits import PARTS, by_group, by_image, leaking, stratified
from hrssm.data.sprites import draw, sprites


def test_bits_and_bytes_come_back() -> None:
    bits = np.random.default_rng(0).random((7, 1, 64, 64)) < 0.3
    binary = Images(torch.from_numpy(packed(bits)), True, {"k": np.arange(7)})
    assert binary.store.shape == (7, 1, 512)
    assert torch.equal(binary.pixels(), torch.from_numpy(bits).float())
    some = binary.at(np.array([5, 2, 2]))
    assert torch.equal(some.pixels(torch.tensor([1, 0])), torch.from_numpy(bits[[2, 5]]).float())
    assert some.at(np.array([0])).attribute("k").tolist() == [5]
    assert len(some) == 3
    levels = np.random.default_rng(0).integers(256, size=(3, 3, 64, 64), dtype=np.uint8)
    colour = Images(torch.from_numpy(levels), False)
    assert colour.channels == 3
    torch.testing.assert_close(colour.pixels(), torch.from_numpy(levels) / 255)


def test_hashes_tell_splits_and_orders_apart() -> None:
    bits = np.random.default_rng(0).random((6, 1, 64, 64)) < 0.3
    images = Images(torch.from_numpy(packed(bits)), True)
    split = ImageSet(images, {"train": np.array([0, 1, 2]), "test": np.array([3, 4])})
    assert split.hashes()["train"] == Images(torch.from_numpy(packed(bits[:3])), True).hash()
    orders = {images.at(np.array(order)).hash() for order in ([0, 1], [1, 0], [0, 2], [0])}
    assert len(orders) == 4
    with pytest.raises(KeyError, match="train, test"):
        split["valid"]


def test_groups_stay_together_and_shares_are_met() -> None:
    rng = np.random.default_rng(0)
    episode = np.repeat(np.arange(60), rng.integers(5, 40, size=60))
    places = by_group("episode", 3)({"episode": episode}, len(episode))
    assert sorted(np.concatenate(list(places.values())).tolist()) == list(range(len(episode)))
    owners = {part: set(episode[at].tolist()) for part, at in places.items()}
    assert not owners["train"] & owners["valid"] | owners["train"] & owners["test"] | owners["valid"] & owners["test"]
    for part, share in PARTS.items():
        assert abs(len(places[part]) - share * len(episode)) <= 40
    again, other = (by_group("episode", seed)({"episode": episode}, len(episode)) for seed in (3, 4))
    assert all(np.array_equal(places[part], again[part]) for part in PARTS)
    assert set(episode[other["test"]].tolist()) != owners["test"]
    with pytest.raises(ValueError, match="2 groups"):
        by_group("episode", 0)({"episode": np.array([0, 0, 1])}, 3)


def test_the_leaking_split_shares_episodes_but_for_the_unseen_ones() -> None:
    episode = np.repeat(np.arange(30), 20)
    attributes = {"episode": episode}
    leaky, whole = leaking("episode", 1)(attributes, 600), by_group("episode", 1)(attributes, 600)
    assert np.array_equal(leaky["unseen"], whole["test"])
    owners = {part: set(episode[at].tolist()) for part, at in leaky.items()}
    assert owners["test"] <= owners["train"]
    assert not owners["unseen"] & owners["train"]
    assert sorted(np.concatenate(list(leaky.values())).tolist()) == list(range(600))


def test_stratified_parts_have_every_class() -> None:
    label = np.repeat(np.arange(5), 20)
    places = stratified("label", 0)({"label": label}, 100)
    assert [np.bincount(label[places[part]]).tolist() for part in PARTS] == [[16] * 5, [2] * 5, [2] * 5]
    assert [len(places) for places in by_image(0)({}, 95).values()] == [76, 10, 9]


def test_a_set_is_made_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def make(seed: int) -> ImageSet:
        def maker() -> Made:
            calls.append(seed)
            return Made(np.full((10, 3, 64, 64), seed, dtype=np.uint8), {"k": np.arange(10)}, {"odd": ["a"]})

        return cached("hrssm.data.sprites", {"seed": seed}, maker, by_image(0), binary=False)

    first, again, other = make(1), make(1), make(2)
    assert calls == [1, 2]
    assert first.hashes() == again.hashes() != other.hashes()
    assert again.notes == {"odd": ["a"]}
    assert len(list(cache.iterdir())) == 2
    monkeypatch.setattr(data_cache, "digest", lambda name: "other sources")
    make(1)
    assert calls == [1, 2, 1]


def test_half_a_set_is_no_set(cache: Path) -> None:
    def fails() -> Made:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("hrssm.data.sprites", {}, fails, by_image(0), binary=False)
    assert not any(cache.iterdir())


def test_sprites_are_drawn_from_their_factors() -> None:
    made = sprites(400, seed=1)
    images = made.images
    covered = images.pixels()[:, 0].numpy() > 0
    factors = {name: images.attribute(name) for name in ("shape", "size", "angle", "x", "y")}
    assert np.array_equal(draw(factors), covered)
    area = covered.sum((1, 2))
    # areas of the square, the ellipse and the triangle in a circle of radius r
    expected = np.choose(factors["shape"].astype(int), (2.0, np.pi / 2, 3 * np.sqrt(3) / 4)) * factors["size"] ** 2
    np.testing.assert_allclose(area, expected, rtol=0.2, atol=8)
    grid = np.arange(64) - 31.5
    centre = (covered * grid[None, None, :]).sum((1, 2)) / area, (covered * grid[None, :, None]).sum((1, 2)) / area
    np.testing.assert_allclose(centre[0], factors["x"], atol=1.0)
    np.testing.assert_allclose(centre[1], factors["y"], atol=1.0)
    assert not covered[:, [0, -1]].any()
    assert not covered[:, :, [0, -1]].any()
    assert sprites(400, seed=1).hashes() == made.hashes() != sprites(400, seed=2).hashes()
    assert [len(made[part]) for part in PARTS] == [320, 40, 40]
    with pytest.raises(ValueError, match="count = 3"):
        sprites(3, seed=0)


def test_coloured_sprites_have_one_colour_on_black() -> None:
    made = sprites(20, seed=1, coloured=True)
    assert made.images.channels == 3
    for pixels, hue in zip(made.images.pixels(), made.images.attribute("hue"), strict=True):
        lit = pixels.flatten(1)[:, pixels.sum(0).flatten() > 0]
        assert torch.equal(lit, lit[:, :1].expand_as(lit))
        assert float(lit.max()) == 1.0
        assert 0 <= hue < 1
    plain = sprites(20, seed=1)
    assert np.array_equal(made.images.attribute("x"), plain.images.attribute("x"))


def test_digits_are_blown_up() -> None:
    made = digits(seed=0)
    assert sum(len(made[part]) for part in PARTS) == 1797
    pixels = made["train"].pixels(slice(5))
    blocks = pixels.unflatten(-1, (8, 8)).unflatten(-3, (8, 8))
    assert torch.equal(blocks.amax((-1, -3)), blocks.amin((-1, -3)))
    assert np.bincount(made["test"].attribute("label")).min() >= 17
