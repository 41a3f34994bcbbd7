"""Real photographs of known things, out of a package of Debian's, for prompts to be held to.

GCompris, a collection of games for children, has 140 photographs of tools, fish, monuments, wind
mills and other things in its data. To get them, on Debian or Ubuntu:

    apt-get download gcompris-qt-data
    dpkg -x gcompris-qt-data_*.deb FOLDER

Their licences are in the package's copyright file, one by one.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

PACKAGE = "gcompris-qt-data"
RESOURCE = "categorization.rcc"
SHOWN_AGAIN = "explore_monuments.rcc"  # some of the photographs once more
SMALLEST = 100  # pixels; what is smaller are signs and buttons
KINDS = ("fishes", "monuments", "others", "renewable", "tools")
# Prompt -> how the file names of the photographs that show it begin, or the name of their folder.
PROMPTS = {
    "a fish": "fishes",
    "a monument": "monuments",
    "a tool": "tools",
    "a windmill": "windmill",
    "a solar panel": "solar",
    "a dam": "dam",
    "a hammer": "hammer",
    "a screwdriver": "screwDriver",
    "a tape measure": "measuringTape",
    "pliers": "plier",
    "scissors": "scissors",
    "a wrench": "wrench",
    "a multimeter": "multimeter",
    "tweezers": "tweezer",
    "the Eiffel tower": "eiffelTower",
    "the Statue of Liberty": "statueOfLiberty",
    "the Taj Mahal": "tajMahal",
    "a pyramid": "greatPyramid",
    "an igloo": "igloo",
    "a baseball": "baseball",
    "a volleyball": "volleyball",
    "a light bulb": "bulb",
    "a bucket": "bucket",
    "a chair": "chair",
    "a cup": "cup",
    "a kitchen knife": "knife",
    "a frying pan": "pan",
    "a pencil": "pencil",
    "a plate": "plate",
    "a pillow": "pillow",
}


def unpack(folder: Path, target: Path) -> list[Path]:
    """Write the photographs of an unpacked package as TARGET/KIND/NAME.webp.

    Raises:
        SystemExit: the package is not there; the message says how to get it.
    """
    found = _resource(folder)
    written = []
    for name, data in read_resource(found.read_bytes()):
        kind, _, file = name.rpartition("/")
        kind = kind.rpartition("/")[2]
        if kind in KINDS and file.endswith(".webp"):
            path = target / kind / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            written.append(path)
    return written


def unpack_others(folder: Path, target: Path) -> list[Path]:
    """Write the package's other images, drawings and paintings for the most part, each once.

    They lie as TARGET/RESOURCE/HASH.webp; none of them shows what one of the photographs does.

    Raises:
        SystemExit: the package is not there; the message says how to get it.
    """
    written: dict[bytes, Path] = {}
    for resource in sorted(_resource(folder).parent.glob("*.rcc")):
        if resource.name in (RESOURCE, SHOWN_AGAIN):
            continue
        for name, data in read_resource(resource.read_bytes()):
            digest = hashlib.sha256(data).digest()
            if digest in written or not _is_large(name, data):
                continue
            path = target / resource.stem / f"{digest.hex()[:16]}{Path(name).suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            written[digest] = path
    return [*written.values()]


def _is_large(name: str, data: bytes) -> bool:
    if not name.endswith((".webp", ".png", ".jpg")):
        return False
    with Image.open(io.BytesIO(data)) as image:
        return min(image.size) >= SMALLEST


def _resource(folder: Path) -> Path:
    found = next(iter(sorted(folder.expanduser().rglob(RESOURCE))), None)
    if found is None:
        raise SystemExit(f"no {RESOURCE} below {folder}.\n\n{__doc__}")
    return found


def shows(path: str, wanted: str) -> bool:
    """Whether a photograph shows what a prompt asks for."""
    kind, name = Path(path).parent.name, Path(path).stem
    return kind == wanted or name.rstrip("0123456789") == wanted


def read_resource(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a Qt resource file, version 2 or 3, plain or deflated."""
    if data[:4] != b"qres":
        raise SystemExit(f"{RESOURCE} is no Qt resource file")
    _, tree, contents, names = struct.unpack(">4I", data[4:20])

    def name_at(offset: int) -> str:
        (length,) = struct.unpack_from(">H", data, names + offset)
        start = names + offset + 6  # a hash lies between
        return data[start : start + 2 * length].decode("utf-16-be")

    def walk(node: int, folder: str) -> Iterator[tuple[str, bytes]]:
        place = tree + 22 * node
        offset, flags = struct.unpack_from(">IH", data, place)
        if flags & 2:  # a folder
            count, first = struct.unpack_from(">2I", data, place + 6)
            inner = f"{folder}/{name_at(offset)}" if node else ""
            for child in range(first, first + count):
                yield from walk(child, inner)
            return
        (start,) = struct.unpack_from(">I", data, place + 10)
        (length,) = struct.unpack_from(">I", data, contents + start)
        content = data[contents + start + 4 : contents + start + 4 + length]
        if flags & 4:
            raise SystemExit(f"{RESOURCE} is packed by Zstandard, which is not read here")
        yield f"{folder}/{name_at(offset)}", zlib.decompress(content[4:]) if flags & 1 else content

    return walk(0, "")
