"""A service of painted images, whose encoder can be worked out by hand: analyses take no time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.service.colours import CHECKPOINT, colour_fingerprint, load_colours
from tests.service.http.processes import answering
from tests.service.operations.painted import paint
from tests.service.web.examples import HOSTILE
from vitrail.indexer import encoders
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection

LEARNT, MADE, COPIED = 120, 10, 5


@contextmanager
def serving(home: Path, images: Path) -> Iterator[str]:
    """Address of a service of the images below a folder, labelled by their folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "read_fingerprint", colour_fingerprint)
        patch.setattr(encoders, "load_encoder", load_colours)
        with Collection.create(home / "collection", checkpoint=CHECKPOINT) as made:
            made.index(images, options=IndexOptions(label_from="parent"))
        with answering(ServiceOptions({"c": home / "collection"}, home / "state")) as port:
            yield f"http://127.0.0.1:{port}"


def copied(folder: Path) -> Path:
    """Images that were learnt, and made ones of which half are learnt ones but for a shade."""
    random = np.random.default_rng(0)
    for number in range(LEARNT + MADE):
        kind = folder / ("learnt" if number < LEARNT else "made")
        kind.mkdir(parents=True, exist_ok=True)
        colours = random.integers(0, 256, (2, 2, 3), dtype=np.uint8)
        name = f"{number}.png"
        if number >= LEARNT + MADE - COPIED:
            learnt = Image.open(folder / "learnt" / f"{number - LEARNT - MADE + COPIED}.png")
            colours = np.asarray(learnt)[::8, ::8] ^ np.uint8(1)
            name = f"{HOSTILE}{name}" if number == LEARNT + MADE - 1 else name
        Image.fromarray(colours.repeat(8, 0).repeat(8, 1)).save(kind / name)
    return folder


def doubtful(folder: Path) -> Path:
    """Images of three colours and some of a bad name; three lie among those of another."""
    paint(folder)
    (folder / "blue" / "blue-03.png").rename(folder / "red" / "odd.png")
    (folder / "green" / "green-05.png").rename(folder / "blue" / f"{HOSTILE}.png")
    random = np.random.default_rng(5)
    (folder / HOSTILE).mkdir()
    (folder / "red" / "red-04.png").rename(folder / HOSTILE / "red.png")
    for number in range(6):
        pixels = np.clip(200 + random.normal(0, 20, (2, 2, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels.repeat(8, 0).repeat(8, 1)).save(folder / HOSTILE / f"{number}.png")
    return folder
