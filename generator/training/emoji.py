"""The Noto emoji images and their CLDR names: the data set of the embedded model."""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from vitrail.indexer.errors import InputError

FONT_FILE = "NotoColorEmoji.ttf"
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
# The font holds bitmaps of one size only; FreeType opens it at no other.
BITMAP_SIZE = 109
BITMAP_WIDTH = 136
_MARGIN = 4

_SKIN_TONES = range(0x1F3FB, 0x1F400)
_REGIONAL = range(0x1F1E6, 0x1F200)
_TAGS = range(0xE0020, 0xE0080)
_JOINER = "\u200d"
_GENDERED = frozenset("♀♂👨👩👦👧🧑🧒🧔👱👯👮👷💂🕵👰🤵🧜🧚🧛🧝🧞🧟🧙🧌🦸🦹")


@dataclass(frozen=True)
class Emoji:
    """One emoji: its characters, its English CLDR name in lower case, and other names for it."""

    characters: str
    name: str
    aliases: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The name as a file name: lower case words joined by hyphens."""
        words = "".join(c if c.isalnum() else " " for c in self.name)
        return "-".join(words.split())


@dataclass(frozen=True)
class EmojiImage:
    """An emoji and its image: RGB, square, on white."""

    emoji: Emoji
    image: Image.Image


def find_font(path: str | None = None) -> Path:
    """Return the path of the Noto colour emoji font.

    Args:
        path: the font file; searched for through fontconfig and the usual folders when None.

    Raises:
        InputError: there is no such font; the message tells how to install it.
    """
    candidates = [path] if path else [*_from_fontconfig(), *_from_folders()]
    for candidate in candidates:
        if os.path.isfile(candidate):
            return Path(candidate)
    where = path or f"{FONT_FILE} in the font folders"
    raise InputError(
        f"no emoji font found: looked for {where}; install it with "
        "`apt-get install fonts-noto-color-emoji` or name the file with --font"
    )


def _from_fontconfig() -> Iterator[str]:
    try:
        found = subprocess.run(
            ["fc-match", "--format=%{file}", "Noto Color Emoji"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return
    # fc-match always answers with something: any font at all, if this one is missing.
    if os.path.basename(found) == FONT_FILE:
        yield found


def _from_folders() -> Iterator[str]:
    for folder in FONT_FOLDERS:
        for root, _, files in os.walk(os.path.expanduser(folder)):
            if FONT_FILE in files:
                yield os.path.join(root, FONT_FILE)


@functools.cache
def list_emoji() -> tuple[Emoji, ...]:
    """Return the emoji that make up the data set, in Unicode order.

    Skin tones, country flags, and joined sequences that only vary the gender or the number of
    people are left out: at 64 pixels they look like one another.

    Raises:
        InputError: the `emoji` package is missing.
    """
    try:
        import emoji
    except ImportError as error:
        raise InputError(
            "the emoji names come from the `emoji` package, which is missing: "
            "pip install 'vitrail[train]'"
        ) from error
    wanted = emoji.STATUS["fully_qualified"]
    return tuple(
        _describe(characters, entry)
        for characters, entry in sorted(emoji.EMOJI_DATA.items())
        if entry["status"] == wanted and _is_distinct(characters)
    )


def _is_distinct(characters: str) -> bool:
    points = [ord(c) for c in characters]
    if any(p in _SKIN_TONES or p in _REGIONAL or p in _TAGS for p in points):
        return False
    return _JOINER not in characters or not _GENDERED.intersection(characters)


def _describe(characters: str, entry: dict[str, object]) -> Emoji:
    aliases = entry.get("alias", [])
    assert isinstance(aliases, list)
    name = _plain(str(entry["en"]))
    others = (_plain(str(alias)) for alias in aliases)
    return Emoji(characters, name, tuple(a for a in others if a != name and len(a) > 2))


def _plain(name: str) -> str:
    name = name.strip(":").replace("_", " ").replace("’", "'").replace("“", "").replace("”", "")
    return " ".join(name.lower().split())


class Renderer:
    """Draws emoji with the Noto font.

    Args:
        font: path of the font file; searched for when None.

    Raises:
        InputError: the font is missing, or Pillow cannot shape joined emoji (no libraqm).
    """

    def __init__(self, font: str | None = None) -> None:
        if not features.check("raqm"):
            raise InputError("Pillow lacks libraqm, which joined emoji need: pip install -U pillow")
        self._font = ImageFont.truetype(str(find_font(font)), BITMAP_SIZE)

    def draw(self, characters: str, size: int) -> Image.Image | None:
        """Return the image, RGB (size, size) on white; None if the font has no single glyph."""
        if self._font.getlength(characters) > BITMAP_WIDTH * 1.5:
            return None
        glyph = Image.new("RGBA", (BITMAP_WIDTH * 2, BITMAP_WIDTH * 2), (255, 255, 255, 0))
        ImageDraw.Draw(glyph).text((16, 16), characters, font=self._font, embedded_color=True)
        box = glyph.getbbox()
        if box is None:
            return None
        return _on_white(glyph.crop(box), size)


def _on_white(glyph: Image.Image, size: int) -> Image.Image:
    side = BITMAP_WIDTH + 2 * _MARGIN
    canvas = Image.new("RGB", (side, side), "white")
    place = ((side - glyph.width) // 2, (side - glyph.height) // 2)
    canvas.paste(glyph, place, glyph.getchannel("A"))
    return canvas.resize((size, size), Image.Resampling.LANCZOS)


def render(
    size: int, *, font: str | None = None, emoji: Iterable[Emoji] | None = None
) -> list[EmojiImage]:
    """Return the distinct images of the data set, always in the same order.

    Emoji that the font lacks are left out, and of those that look exactly alike the first stays.

    Args:
        size: width and height in pixels.
        font: path of the font file; searched for when None.
        emoji: what to draw; the whole data set when None.

    Raises:
        InputError: the font or the `emoji` package is missing.
    """
    renderer = Renderer(font)
    seen: set[bytes] = set()
    images = []
    for one in list_emoji() if emoji is None else emoji:
        image = renderer.draw(one.characters, size)
        if image is None:
            continue
        digest = hashlib.sha256(image.tobytes()).digest()
        if digest not in seen:
            seen.add(digest)
            images.append(EmojiImage(one, image))
    return images
