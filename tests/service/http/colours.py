"""A collection of the five colours for a whole module of tests, and a service of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.service.colours import CHECKPOINT, colour_fingerprint, load_colours
from tests.service.conftest import COLOURS
from vitrail.indexer import encoders
from vitrail.indexer.errors import InputError
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.service.http.jobs.runner import JobRunner
from vitrail.service.operations.background import Background
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.searching import QueryImage


@contextmanager
def painting(folder: Path, *, jobs: bool = False) -> Iterator[Path]:
    """A collection of five images, whose encoder and generator cost nothing, while this is open.

    Args:
        folder: where its images, and it, are put.
        jobs: whether jobs are done; otherwise they are taken on, and stay in line.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "read_fingerprint", colour_fingerprint)
        patch.setattr(encoders, "load_encoder", load_colours)
        patch.setattr("vitrail.service.operations.prompting._draw", _drawn)
        patch.setattr("vitrail.service.operations.prompting.make_background", _unrelated)
        patch.setattr("vitrail.service.operations.texts._no_space", _no_text)
        if not jobs:
            patch.setattr(JobRunner, "_next", lambda *_: None)
        (folder / "secret").mkdir()
        for name, colour in COLOURS.items():
            Image.new("RGB", (16, 16), colour).save(folder / "secret" / f"{name}.png")
        with Collection.create(folder / "colours", checkpoint=CHECKPOINT) as made:
            made.index(folder / "secret", options=IndexOptions(label_from="parent"))
        yield folder / "colours"


def png(colour: tuple[int, int, int] = (255, 0, 0)) -> bytes:
    """The file of an image of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(buffer, "PNG")
    return buffer.getvalue()


def _drawn(info: object, query: Any, *_: object) -> tuple[QueryImage, ...]:
    return tuple(
        QueryImage(png((seed, 9, 9)), f"seed {seed}", f"{seed}.png", made=True)
        for seed in range(query.seeds)
    )


def _unrelated(*_: object, **__: object) -> Background:
    return Background({}, 0)


def _no_text(*_: object) -> InputError:
    return InputError("colours reads no text; use a prompt")
