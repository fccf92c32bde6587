"""A user's folder of pictures as a set of 64 x 64 colour images: CUB-200-2011, Food-101, Oxford-102, or any other.

Pictures are squashed to 64 x 64 with Pillow's default filter, not cropped, as GM-VAE had them. The official splits are
followed where their files are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hrssm.data.images import SIDE, ImageSet, Made, cached
from hrssm.data.splits import PARTS, Places, Split, stratified

__all__ = ["Validation", "folder"]

#: Where validation images come from; see `folder`.
Validation = Literal["stratified", "source"]

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


@dataclass
class Listing:
    """The pictures of a folder: paths below it, the number of each one's class, and its official part or ""."""

    layout: str
    paths: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def add(self, path: str, label: int, part: str = "") -> None:
        self.paths.append(path)
        self.labels.append(label)
        self.parts.append(part)


def folder(path: Path | str, *, seed: int = 0, validation: Validation = "stratified", strict: bool = False) -> ImageSet:
    """The pictures below ``path``; attributes are label and path, and the notes name every file that was not plain.

    Three layouts are known by their files: CUB-200-2011 (images.txt, train_test_split.txt), Food-101 (meta/train.txt,
    meta/test.txt) and Oxford-102 (setid.mat, imagelabels.mat, jpg). Any other folder is searched, and a picture's class
    is the folder that it lies in.

    validation: "stratified" follows the official parts, and where they hold no validation (CUB, Food) takes for it a
    fifth of every class's training images, drawn by ``seed``; without official files all parts are drawn so. "source"
    is what GM-VAE did: the last fifth of the training images in file order, which are sorted by class, so that
    validation shows classes that training never saw (CUB, Food), and for Oxford-102 the official training and test
    images together, cut at 5/7 and 6/7.

    A grey, CMYK or otherwise not plain RGB picture is converted and used; one that is unreadable, truncated or has a
    side of one pixel is left out. Both are named in the notes, by kind; ``strict`` refuses them instead. Raises
    ValueError where the path is no folder, holds no picture that can be used, or lacks what ``validation`` needs.
    """
    root = Path(path).expanduser().resolve()
    if not root.is_dir():
        raise ValueError(f"{path} is no folder; give the one that holds the pictures")
    listing = _listing(root)
    if not listing.paths:
        raise ValueError(f"{path} holds no pictures; known endings: {', '.join(sorted(_SUFFIXES))}")
    split = _split(listing, validation, seed)
    made_from = {"root": str(root), "files": [_state(root, name) for name in listing.paths]}
    made = cached(__name__, made_from, lambda: _read(root, listing), split, binary=False)
    if strict and made.notes:
        told = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in made.notes.items())
        raise ValueError(f"{path} holds pictures that are not plain RGB: {told}. Mend them, or allow them.")
    return made


def _state(root: Path, name: str) -> tuple[str, int, int]:
    """What tells that a file has changed, without reading it; zeros where it is missing."""
    try:
        stat = (root / name).stat()
    except FileNotFoundError:
        return name, 0, 0
    return name, stat.st_size, stat.st_mtime_ns


def _listing(root: Path) -> Listing:
    if (root / "train_test_split.txt").exists() and (root / "images.txt").exists():
        return _cub(root)
    if (root / "meta" / "train.txt").exists() and (root / "meta" / "test.txt").exists():
        return _food(root)
    if (root / "setid.mat").exists() and (root / "imagelabels.mat").exists():
        return _oxford(root)
    return _any(root)


def _cub(root: Path) -> Listing:
    training = dict(_pairs(root / "train_test_split.txt"))
    found = Listing("CUB-200-2011")
    for number, name in _pairs(root / "images.txt"):
        # "001.Black_footed_Albatross/..."
        found.add(f"images/{name}", int(name.split(".", 1)[0]), "train" if training[number] == "1" else "test")
    return found


def _pairs(path: Path) -> list[tuple[str, str]]:
    rows = [line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip()]
    return [(first, second.strip()) for first, second in rows]


def _food(root: Path) -> Listing:
    found = Listing("Food-101")
    parts = {part: (root / "meta" / f"{part}.txt").read_text().split() for part in ("train", "test")}
    classes = sorted({name.split("/")[0] for names in parts.values() for name in names})
    for part, names in parts.items():
        for name in names:
            found.add(f"images/{name}.jpg", classes.index(name.split("/")[0]), part)
    return found


def _oxford(root: Path) -> Listing:
    from scipy.io import loadmat

    sets, labels = loadmat(root / "setid.mat"), loadmat(root / "imagelabels.mat")["labels"].ravel()
    found = Listing("Oxford-102")
    for part, key in (("train", "trnid"), ("test", "tstid"), ("valid", "valid")):
        for number in sets[key].ravel():
            found.add(f"jpg/image_{number:05d}.jpg", int(labels[number - 1]), part)
    return found


def _any(root: Path) -> Listing:
    found = Listing("")
    pictures = sorted(p for p in root.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
    classes = sorted({p.parent for p in pictures})
    for picture in pictures:
        found.add(picture.relative_to(root).as_posix(), classes.index(picture.parent))
    return found


def _split(listing: Listing, validation: Validation, seed: int) -> Split:
    """The split of the pictures that could be read, whose attributes hold their official part."""
    if not listing.layout:
        if validation == "source":
            raise ValueError("validation 'source' needs official split files, and there are none: use 'stratified'")
        return stratified("label", seed)

    def split(attributes: Mapping[str, NDArray[Any]], count: int) -> Places:
        official = {part: np.flatnonzero(attributes["part"] == part) for part in PARTS}
        if validation == "stratified":
            return official if len(official["valid"]) else _a_fifth_of_each(official, attributes["label"], seed)
        if listing.layout == "Oxford-102":
            together = np.flatnonzero(attributes["part"] != "valid")
            return dict(zip(PARTS, np.split(together, [len(together) * 5 // 7, len(together) * 6 // 7]), strict=True))
        train, valid = np.split(official["train"], [len(official["train"]) * 4 // 5])
        return {"train": train, "valid": valid, "test": official["test"]}

    return split


def _a_fifth_of_each(official: Places, labels: NDArray[np.int64], seed: int) -> Places:
    rng = np.random.default_rng(seed)
    train = official["train"]
    of_class = [rng.permutation(train[labels[train] == label]) for label in np.unique(labels[train])]
    valid = np.sort(np.concatenate([places[: round(len(places) / 5)] for places in of_class]))
    return {"train": np.setdiff1d(train, valid), "valid": valid, "test": official["test"]}


def _read(root: Path, listing: Listing) -> Made:
    pixels, kept, notes = [], [], dict[str, list[str]]()
    for k, name in enumerate(listing.paths):
        picture, kind = _picture(root / name)
        if kind:
            notes.setdefault(kind, []).append(name)
        if picture is not None:
            pixels.append(picture)
            kept.append(k)
    if not pixels:
        raise ValueError(f"none of the {len(listing.paths)} pictures below {root} can be read")
    attributes = {
        "label": np.array(listing.labels)[kept],
        "part": np.array(listing.parts)[kept],
        "path": np.array(listing.paths)[kept],
    }
    return Made(np.stack(pixels).transpose(0, 3, 1, 2), attributes, notes)


def _picture(path: Path) -> tuple[NDArray[np.uint8] | None, str]:
    """The picture (64, 64, 3), or None where it cannot be used, and what is to be noted of it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if min(image.size) == 1:
                return None, "a side of one pixel, left out"
            image.load()
            mode = image.mode
            small = np.asarray(image.convert("RGB").resize((SIDE, SIDE)))
    except FileNotFoundError:
        return None, "missing, left out"
    except UnidentifiedImageError:
        return None, "unreadable, left out"
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises on broken files, by format
        kind = "truncated" if "truncated" in str(error) else "unreadable"
        return None, f"{kind}, left out"
    named = {"RGB": "", "L": "grey, converted", "CMYK": "CMYK, converted"}
    return small, named.get(mode, f"mode {mode}, converted")
