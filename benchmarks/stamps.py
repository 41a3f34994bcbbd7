"""Photographs cut out of their backgrounds, by kind, out of another package of Debian's.

Tux Paint, a drawing program for children, has photographs of animals, fruit, flowers, tools,
vehicles and other things among its stamps. To get them, on Debian or Ubuntu:

    apt-get download tuxpaint-stamps-default
    dpkg -x tuxpaint-stamps-default_*.deb FOLDER

Their licence is the GPL, version 2.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

PACKAGE = "tuxpaint-stamps-default"
STAMPS = "tuxpaint/stamps"
SMALLEST = 100  # pixels of the longer side; less tells little of what is shown
# Folder below the stamps -> what its photographs show, those of folders within it, too.
KINDS = {
    "animals/birds": "birds",
    "animals/fish": "fish",
    "animals/insects": "insects",
    "animals/mammals": "mammals",
    "food/fruit": "fruit",
    "food/vegetables": "vegetables",
    "hobbies/music": "instruments",
    "household/tools": "tools",
    "plants/flowers": "flowers",
    "plants/trees": "trees",
    "sports": "sports",
    "vehicles": "vehicles",
}
_DRAWN = frozenset({"cartoon", "plastic", "toys"})  # folders of what is no photograph of the kind
_DRAWINGS = frozenset({"animals/mammals/hedgehog.png"})  # among photographs
_AGAIN = "_mirror"  # how the names of others seen from the other side end


def unpack_stamps(folder: Path, target: Path) -> list[Path]:
    """Copy the photographs of an unpacked package to TARGET/KIND/NAME.png.

    Raises:
        SystemExit: the package is not there; the message says how to get it.
    """
    root = next((one for one in sorted(folder.expanduser().rglob("stamps")) if _holds(one)), None)
    if root is None:
        raise SystemExit(f"no {STAMPS} below {folder}.\n\n{__doc__}")
    written = []
    for below, kind in KINDS.items():
        for path in sorted((root / below).rglob("*.png")):
            if not _is_photograph(path, root):
                continue
            made = target / kind / path.name
            made.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, made)
            written.append(made)
    return written


def _holds(folder: Path) -> bool:
    return all((folder / below).is_dir() for below in KINDS)


def _is_photograph(path: Path, root: Path) -> bool:
    within = path.relative_to(root)
    if _DRAWN & set(within.parts) or str(within) in _DRAWINGS or path.stem.endswith(_AGAIN):
        return False
    if path.with_suffix(".svg").exists():  # drawn, and rendered
        return False
    with Image.open(path) as image:
        return max(image.size) >= SMALLEST
