"""Folders of pictures: the three known layouts, broken and odd files, and the source's class-disjoint validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from hrssm.data.folder import folder


def paint(path: Path, shade: int = 100, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, shade if mode == "L" else (shade,) * len(mode)).save(path)
    return path


@pytest.fixture
def cub(tmp_path: Path) -> Path:
    """Ten classes of ten, the first five of each for training."""
    names = [f"{label:03d}.Bird/{k}.jpg" for label in range(1, 11) for k in range(10)]
    for name in names:
        paint(tmp_path / "cub/images" / name)
    (tmp_path / "cub/images.txt").write_text("".join(f"{k + 1} {name}\n" for k, name in enumerate(names)))
    (tmp_path / "cub/train_test_split.txt").write_text("".join(f"{k + 1} {int(k % 10 < 5)}\n" for k in range(100)))
    return tmp_path / "cub"


def test_cub_keeps_the_official_test_and_validates_on_every_class(cub: Path) -> None:
    made = folder(cub)
    assert {part: len(made[part]) for part in made.splits} == {"train": 40, "valid": 10, "test": 50}
    assert set(made["valid"].attribute("label")) == set(range(1, 11))
    assert all(int(name[-5]) >= 5 for name in made["test"].attribute("path"))
    assert made["train"].pixels().shape == (40, 3, 64, 64)
    assert made.notes == {}
    assert not np.array_equal(folder(cub, seed=1).splits["valid"], made.splits["valid"])


def test_the_sources_validation_has_classes_that_training_never_saw(cub: Path) -> None:
    made = folder(cub, validation="source")
    assert set(made["train"].attribute("label")) == set(range(1, 9))
    assert set(made["valid"].attribute("label")) == {9, 10}
    assert len(made["test"]) == 50


def test_food_follows_its_lists(tmp_path: Path) -> None:
    parts = {"train": ["apple/1", "apple/2", "bread/1", "bread/2"], "test": ["bread/3"]}
    (tmp_path / "meta").mkdir()
    for part, names in parts.items():
        (tmp_path / f"meta/{part}.txt").write_text("\n".join(names))
        for name in names:
            paint(tmp_path / f"images/{name}.jpg")
    made = folder(tmp_path, validation="source")
    assert {part: made[part].attribute("path").tolist() for part in made.splits} == {
        "train": ["images/apple/1.jpg", "images/apple/2.jpg", "images/bread/1.jpg"],
        "valid": ["images/bread/2.jpg"],
        "test": ["images/bread/3.jpg"],
    }


def test_oxford_has_an_official_validation(tmp_path: Path) -> None:
    for number in range(1, 25):
        paint(tmp_path / f"jpg/image_{number:05d}.jpg", shade=5 * number)
    savemat(tmp_path / "imagelabels.mat", {"labels": np.arange(24)[None] % 4 + 1})
    sets = {"trnid": np.arange(1, 5), "valid": np.arange(5, 11), "tstid": np.arange(11, 25)}
    savemat(tmp_path / "setid.mat", {name: numbers[None] for name, numbers in sets.items()})
    made = folder(tmp_path)
    assert [len(made[part]) for part in ("train", "valid", "test")] == [4, 6, 14]
    assert round(255 * float(made["test"].pixels()[0].mean())) == 55
    source = folder(tmp_path, validation="source")
    assert [len(source[part]) for part in ("train", "valid", "test")] == [12, 3, 3]
    assert not set(source["train"].attribute("path")) & set(made["valid"].attribute("path"))


def test_odd_files_are_named_and_the_rest_used(tmp_path: Path) -> None:
    for k in range(10):
        paint(tmp_path / f"plain/{k}.png", shade=k)
    paint(tmp_path / "odd/grey.png", mode="L")
    paint(tmp_path / "odd/cmyk.jpg", mode="CMYK")
    paint(tmp_path / "odd/palette.png").write_bytes(_palette())
    paint(tmp_path / "odd/pixel.png", size=(1, 1))
    paint(tmp_path / "odd/line.png", size=(1, 50))
    (tmp_path / "odd/words.jpg").write_text("no picture")
    (tmp_path / "odd/nothing.png").write_bytes(b"")
    (tmp_path / "odd/notes.txt").write_text("not looked at")
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(256, size=(80, 80, 3), dtype=np.uint8))
    for ending in ("jpg", "png", "bmp"):
        noise.save(whole := tmp_path / f"odd/cut.{ending}")
        whole.write_bytes(whole.read_bytes()[:3000])
    made = folder(tmp_path)
    assert {kind: sorted(names) for kind, names in made.notes.items()} == {
        "grey, converted": ["odd/grey.png"],
        "CMYK, converted": ["odd/cmyk.jpg"],
        "mode P, converted": ["odd/palette.png"],
        "a side of one pixel, left out": ["odd/line.png", "odd/pixel.png"],
        "unreadable, left out": ["odd/nothing.png", "odd/words.jpg"],
        "truncated, left out": ["odd/cut.bmp", "odd/cut.jpg", "odd/cut.png"],
    }
    assert len(made.images) == 13
    assert set(made.images.attribute("label")) == {0, 1}
    with pytest.raises(ValueError, match=r"odd/grey\.png.*Mend them"):
        folder(tmp_path, strict=True)
    paint(tmp_path / "odd/words.jpg")
    assert len(folder(tmp_path).images) == 14


def _palette() -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    Image.new("RGB", (20, 20), (9, 8, 7)).convert("P", palette=Image.Palette.ADAPTIVE).save(buffer, "png")
    return buffer.getvalue()


def test_pictures_are_squashed_not_cropped(tmp_path: Path) -> None:
    pixels = np.zeros((100, 200, 3), dtype=np.uint8)
    pixels[:, :50] = 255
    for k in range(10):
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    columns = folder(tmp_path).images.pixels()[0, 0].mean(0)
    assert (columns[:14] > 0.99).all()
    assert (columns[18:] < 0.01).all()


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no folder"):
        folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no pictures"):
        folder(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"x")
    with pytest.raises(ValueError, match="none of the 1 pictures"):
        folder(tmp_path)
    paint(tmp_path / "fine.png")
    with pytest.raises(ValueError, match="official split files"):
        folder(tmp_path, validation="source")


def test_a_listed_file_that_is_missing_is_noted(cub: Path) -> None:
    (cub / "images/001.Bird/0.jpg").unlink()
    made = folder(cub)
    assert made.notes == {"missing, left out": ["images/001.Bird/0.jpg"]}
    assert len(made["train"]) + len(made["valid"]) == 49
