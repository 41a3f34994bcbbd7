"""Images with planted copies among them, made once and kept between runs.

Originals are photographs and half of the examples' emoji, of which some are copied by each attack.
The rest, to make up any number, is composed of the other half of the emoji, enlarged: these share
parts with one another, and nothing with what is copied. Each further ten thousand is composed of
parts of its own, which are these turned, cropped and recoloured: of ten times as many images each
has as many that are nearly like it, and not ten times as many.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import photographs, pictures
from benchmarks.attacks import ATTACKS
from vitrail.indexer.images.opening import open_image

SIDE = 256
"""Pixels of composed images."""
PORTION = 1000
"""Composed images of a folder."""
BLOCK = 10 * PORTION
"""Composed images of the same parts."""
Pair = frozenset[str]


@dataclass(frozen=True, slots=True)
class Planted:
    """Folders of images, and what is known of them; all names differ.

    Attributes:
        folder: of the folders.
        originals: name of each file -> the originals that it shows.
        attacks: name of each planted copy -> what was done.
        composed: how many images there are beside originals and copies.
    """

    folder: Path
    originals: dict[str, frozenset[str]]
    attacks: dict[str, str]
    composed: int

    @property
    def folders(self) -> list[Path]:
        """Of all images, those of originals and copies first."""
        composed = [self.folder / _named(numbers) for numbers in _portions(self.composed)]
        return [self.folder / "originals", self.folder / "copies", *composed]

    @property
    def files(self) -> list[Path]:
        """Of all images."""
        return [path for folder in self.folders for path in sorted(folder.iterdir())]

    def right(self, pair: Pair) -> bool:
        """Whether two files show the same original."""
        one, other = pair
        return bool(self._shown(one) & self._shown(other))

    def same_ground(self, pair: Iterable[str]) -> bool:
        """Whether two files are composed images on the same ground, with other emoji on it."""
        names = [*pair]
        if any(name in self.originals for name in names):
            return False
        numbers = [int(Path(name).stem) for name in names]
        grounds = {
            (number // BLOCK, int(np.random.default_rng(number).integers(len(_parts()))))
            for number in numbers
        }
        return len(grounds) == 1

    def _shown(self, name: str) -> frozenset[str]:
        return self.originals.get(name, frozenset({name}))


def plant(folder: Path, images: int, copied: int, unpacked: Path | None) -> Planted:
    """Write what is not there yet.

    Args:
        folder: where to; what another call has written there is taken.
        images: about how many, copies included; composed ones come by the thousand.
        copied: originals that each attack copies, or all where there are fewer.
        unpacked: folder of the package with photographs; ``None``: those of the examples.
    """
    known = folder / "copies.json"
    if not known.exists():
        shutil.rmtree(folder / "originals", ignore_errors=True)
        shutil.rmtree(folder / "copies", ignore_errors=True)
        _plant_copies(folder, _photographs(folder, unpacked) + _emoji()[::2], copied)
    told = json.loads(known.read_text())
    own = len(told["attacks"]) + told["own"]
    composed = PORTION * max(0, round((images - own) / PORTION))
    _compose(folder, composed, _parts())
    originals = {name: frozenset(shown) for name, shown in told["shown"].items()}
    return Planted(folder, originals, told["attacks"], composed)


def _emoji() -> list[Path]:
    found = pictures.EXAMPLES.glob("*/*.webp")
    return sorted(path for path in found if path.parent.name != "photographs")


def _parts() -> list[Path]:
    """Those that images are composed of; the first that is drawn is the ground."""
    return _emoji()[1::2]


def _photographs(folder: Path, unpacked: Path | None) -> list[Path]:
    if unpacked is None:
        return sorted(pictures.EXAMPLES.glob("photographs/*"))
    return sorted(photographs.unpack(unpacked, folder / "unpacked"))


def _plant_copies(folder: Path, sources: Sequence[Path], copied: int) -> None:
    """Write originals and copies, and at last what is known of them."""
    (folder / "originals").mkdir(parents=True)
    (folder / "copies").mkdir()
    own = {f"{number:05}{path.suffix}": path for number, path in enumerate(sources)}
    for name, path in own.items():
        shutil.copyfile(path, folder / "originals" / name)
    shown: dict[str, list[str]] = {}
    attacks: dict[str, str] = {}
    for number, (attack, change) in enumerate(ATTACKS.items()):
        rng = np.random.default_rng([11, number])
        chosen = rng.choice([*own], min(copied, len(own)), replace=False).tolist()
        for original in chosen:
            other = str(rng.choice([*own]))
            made = change(
                open_image(str(own[original])).image, open_image(str(own[other])).image, rng
            )
            name = f"copy-{number:02}-{original.partition('.')[0]}.png"
            made.save(folder / "copies" / name)
            attacks[name] = attack
            shown[name] = [original, other] if attack == "collage of two" else [original]
    told = {"own": len(own), "attacks": attacks, "shown": shown}
    (folder / "copies.json").write_text(json.dumps(told))


def _compose(folder: Path, count: int, parts: Sequence[Path]) -> None:
    """Write composed images that are not there yet, a folder of them at a time."""
    opened = [open_image(str(path)).image for path in parts]
    known = (-1, opened)
    for numbers in _portions(count):
        place = folder / _named(numbers)
        if place.is_dir():
            continue
        block = numbers.start // BLOCK
        if block != known[0]:
            known = block, [_of_block(part, block, n) for n, part in enumerate(opened)]
        partial = place.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for number in numbers:
            image = pictures.compose(np.random.default_rng(number), (SIDE, SIDE), known[1])
            image.save(partial / f"{number:06}.jpg", quality=85)
        os.rename(partial, place)


def _portions(count: int) -> list[range]:
    return [range(start, min(count, start + PORTION)) for start in range(0, count, PORTION)]


def _of_block(part: Image.Image, block: int, number: int) -> Image.Image:
    """A part as it is in a block of composed images; in the first as it is."""
    if block == 0:
        return part
    rng = np.random.default_rng([13, block, number])
    angle = float(rng.uniform(0, 360))
    turned = part.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))
    if rng.integers(2):
        turned = turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    width, height = turned.size
    share = float(rng.uniform(0.6, 0.95))
    wide, high = round(width * share), round(height * share)
    left, top = int(rng.integers(width - wide + 1)), int(rng.integers(height - high + 1))
    cropped = turned.crop((left, top, left + wide, top + high))
    colours = [cropped.getchannel(int(channel)) for channel in rng.permutation(3)]
    return Image.merge("RGB", colours)


def _named(numbers: range) -> str:
    of_its_own = f"-of-{numbers.start // BLOCK}" if numbers.start >= BLOCK else ""
    return f"composed-{numbers.start:06}-{numbers.stop:06}{of_its_own}"
