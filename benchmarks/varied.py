"""Many images of many kinds out of packages of Debian's, for a student to learn from.

    apt-get download $(python -m benchmarks.varied --list)
    python -m benchmarks.varied --debs FOLDER --out IMAGES

Photographs and paintings of desktops, clip art and furniture on plain grounds, screenshots, figures
of manuals, and what games draw. Of each package the images that are large enough and no flat
ones, each content once, at most as many as ``PACKAGES`` says; of large ones without transparency
some parts, too. They are kept as small as training needs them. Licences are in each package's
copyright file. None of them is a package that students are judged by: contents of those that
are given by ``--judged`` are left out all the same, by their bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import subprocess
import tarfile
import warnings
import zipfile
from collections.abc import Iterator, Set
from pathlib import Path

import numpy as np
from PIL import Image

# Package -> the version that was learned from, and images at most.
PACKAGES: dict[str, tuple[str, int]] = {
    "brainparty-data": ("0.61+dfsg-7", 300),
    "debian-handbook": ("11.20220922", 60),
    "endless-sky-data": ("0.9.8-1.2", 300),
    "flightgear-data-models": ("1:2020.3.16+dfsg-1", 300),
    "forensics-samples-files": ("1.1.4-5", 300),
    "fotoxx-common": ("20.08-2", 60),
    "freecol": ("1.0.0-1", 300),
    "games-thumbnails": ("20221129", 300),
    "gimp-data": ("2.10.34-1+deb12u10", 300),
    "gimp-help-en": ("2.10.34-2", 120),
    "gnome-backgrounds": ("43.1-1", 300),
    "hugin-data": ("2022.0.0+dfsg-2", 30),
    "kalzium-data": ("4:22.12.3-1", 300),
    "klettres-data": ("4:22.12.3-1", 300),
    "kphotoalbum": ("5.9.1-1", 60),
    "krita-data": ("1:5.1.5+dfsg-2+deb12u1", 300),
    "lebiniou-data": ("3.66.0-1", 300),
    "libgegl-doc": ("1:0.4.42-2+deb12u2", 60),
    "libjs-jquery-backstretch": ("2.1.17-4", 300),
    "libjxl-testdata": ("0.0~git20230110.d6168ff-1", 300),
    "lomiri-wallpapers-16.04": ("20.04.0-2", 300),
    "lxqt-themes": ("1.2.0-1", 300),
    "mate-backgrounds": ("1.26.0-1", 300),
    "openclipart-png": ("1:0.18+dfsg-19", 1500),
    "opencv-doc": ("4.6.0+dfsg-12", 300),
    "palapeli-data": ("4:22.12.3-1", 300),
    "plasma-workspace-wallpapers": ("4:5.27.5-2", 300),
    "propaganda-debian": ("13.5.10+nmu1", 300),
    "pysiogame": ("4.20.01-1", 300),
    "python-skimage-doc": ("0.19.3-8", 100),
    "python-sklearn-doc": ("1.2.1+dfsg-1", 60),
    "python3-skimage": ("0.19.3-8", 300),
    "raincat-data": ("1.1.1.2-4", 300),
    "scratch": ("1.4.0.6~dfsg1-6.1", 300),
    "scribus-data": ("1.5.8+dfsg-4", 300),
    "sway-backgrounds": ("1.7-6", 300),
    "sweethome3d-furniture": ("1.8-1", 300),
    "ukui-wallpapers": ("20.04.3-1.1", 300),
    "ulcc": ("1.0.2-3", 300),
}
SHORT = 292  # pixels of the shorter side that are kept: 1.3 times those that the encoder sees
_SMALLEST, _LONGEST, _LEAST_BYTES = 100, 3, 4_000
_MOST_PIXELS = 100_000_000
_LARGE, _LARGER = 800, 1_500  # shorter sides of images of which three, or five, parts are taken
_PHOTOGRAPHS = (".jpg", ".jpeg", ".webp", ".tif", ".tiff")
_ENDINGS = (*_PHOTOGRAPHS, ".png", ".gif", ".tga", ".bmp", ".ppm", ".pgm")
_PACKED = (".pk3", ".zip", ".kmz", ".sh3f", ".ora")
# What holds directions, heights or letters, or what a program drew beside its own documentation;
# a few photographs whose names say so go with the graphs.
_OTHER = re.compile(
    r"normal|_nrm|_norm\b|_n\.|_local|bump|height|_spec|_gloss|_s\.png|specular|font|glyph|/icons?/"
    r"|cursor|_mask|mask_|sprite_?sheet|lightmap|lm_|doxygen|/html/(search|classes|struct)|inherit"
    r"|__coll|__incl|graph|formula|math/|form_\d|tuxpaint|blend_|_blend|noise|heightmap|splat",
    re.IGNORECASE,
)
_SCREENS = re.compile("png|screenshot")
_PICTURES = re.compile("wallpaper|background")


def main() -> None:
    """Unpack them, or tell their names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the packages' names, and end")
    parser.add_argument("--debs", type=Path, help="folder of downloaded packages")
    parser.add_argument("--out", type=Path, help="folder of the images, by package")
    parser.add_argument("--judged", type=Path, nargs="*", default=[], help="folders to leave out")
    arguments = parser.parse_args()
    if arguments.list:
        print(*PACKAGES)
        return
    if arguments.debs is None or arguments.out is None:
        raise SystemExit(f"--debs and --out are both needed.\n\n{__doc__}")
    judged = {_hash(path.read_bytes()) for one in arguments.judged for path in _files(one)}
    for name, (version, most) in PACKAGES.items():
        found = next(iter(sorted(arguments.debs.glob(f"{name}_*.deb"))), None)
        if found is None:
            raise SystemExit(f"{name} (such as {version}) is not in {arguments.debs}: get it first")
        if found.name.split("_")[1].replace("%3a", ":") != version:
            print(f"{name}: another version than {version}, of which figures were published")
        written = collect(found, arguments.out / name, most, judged)
        print(f"{name}: {len(written)} images", flush=True)


def collect(deb: Path, folder: Path, most: int, judged: Set[str] = frozenset()) -> list[Path]:
    """Write a package's images as FOLDER/HASH.jpg, and as .png where they are transparent.

    Which ones are taken depends on their contents, and on names that say that one is no picture.

    Args:
        deb: the package.
        folder: where to.
        most: images at most; parts of them come beside.
        judged: sha256 (hex) of contents that are left out.

    Raises:
        SystemExit: the folder holds something already, which would be learned from, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SystemExit(f"{folder} holds images already: name another --out, or delete it")
    found: dict[str, tuple[str, bytes]] = {}
    for name, data in _images(deb):
        found.setdefault(_hash(data), (name, data))
    written: list[Path] = []
    taken = 0
    for digest in sorted(found.keys() - judged):
        name, data = found[digest]
        image = _opened(data) if taken < most else None
        if image is None:
            continue
        taken += 1
        written.append(_write(image, folder / digest[:16]))
        for number, part in _parts(image, name, digest):
            written.append(_write(part, folder / f"{digest[:16]}-{number}"))
    return written


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _images(deb: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents, those in archives within the package, too."""
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as files,
    ):
        for member in files:
            read = files.extractfile(member) if member.isfile() else None
            if read is not None and member.name.lower().endswith((*_ENDINGS, *_PACKED)):
                yield from _within(member.name, read.read())


def _within(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    if name.lower().endswith(_ENDINGS):
        if len(data) >= _LEAST_BYTES and not _OTHER.search(name):
            yield name, data
    elif zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for inner in packed.namelist():
                if inner.lower().endswith(_ENDINGS):
                    yield from _within(f"{name}/{inner}", packed.read(inner))


def _opened(data: bytes) -> Image.Image | None:
    """An image as RGB, or as RGBA where it is transparent; ``None`` of what tells nothing."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as image:
            small, long = min(image.size), max(image.size)
            if small < _SMALLEST or long > _LONGEST * small or small * long > _MOST_PIXELS:
                return None
            made = image.convert("RGBA" if image.has_transparency_data else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return None if _is_flat(made) else made


def _is_flat(image: Image.Image) -> bool:
    """Nearly one colour, few colours, or nearly all of it white."""
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    pixels = np.asarray(image.resize((64, 64)), np.float32)
    fives = pixels.astype(np.int64) // 8
    colours = np.unique(fives[..., 0] * 1024 + fives[..., 1] * 32 + fives[..., 2])
    white_share = (pixels.min(axis=2) > 245).mean()
    return bool(pixels.std(axis=(0, 1)).mean() < 12 or len(colours) < 24 or white_share > 0.93)


def _parts(image: Image.Image, name: str, digest: str) -> Iterator[tuple[int, Image.Image]]:
    """Of large pictures squares of 40 to 60% of the shorter side, by the content; numbered."""
    side = min(image.size)
    screen = _SCREENS.search(name.lower()) and not _PICTURES.search(name.lower())
    if side < _LARGE or image.mode == "RGBA" or screen:
        return
    chance = np.random.default_rng(int(digest[:16], 16))
    for number in range(5 if side >= _LARGER else 3):
        length = int(side * chance.uniform(0.4, 0.6))
        left = int(chance.integers(0, image.width - length + 1))
        top = int(chance.integers(0, image.height - length + 1))
        part = image.crop((left, top, left + length, top + length))
        if not _is_flat(part):
            yield number, part


def _write(image: Image.Image, stem: Path) -> Path:
    if min(image.size) > SHORT:
        share = SHORT / min(image.size)
        width, height = (max(SHORT, round(length * share)) for length in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    if image.mode == "RGBA" and np.asarray(image)[..., 3].min() >= 250:
        image = image.convert("RGB")
    path = stem.with_name(stem.name + (".png" if image.mode == "RGBA" else ".jpg"))
    if image.mode == "RGBA":
        image.save(path, compress_level=3)
    else:
        image.save(path, quality=92)
    return path


if __name__ == "__main__":
    main()
