"""What unrelated prompts make: the background that the hits of a prompt are compared with.

The same few dozen prompts for everybody, drawn once by each model with the settings that a prompt
search has, embedded once by each encoder, and kept in the cache. The first searches of a model make
them, for a bounded time each; what is made is kept, also when a search is interrupted.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.monitoring import Monitor
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.recipes.recipe import Recipe
    from vitrail.service.operations.making import Work

Floats = NDArray[np.float32]
SECONDS = 60.0  # a search's, for making what is missing
_TOGETHER = 8  # images embedded and kept at once
_FILE = Path(__file__).with_name("background.txt")
_SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "at",
        "against",
        "by",
        "from",
        "in",
        "into",
        "of",
        "on",
        "over",
        "the",
        "to",
        "under",
        "with",
    ]
)


@dataclass(frozen=True, slots=True)
class Background:
    """What is known of the unrelated prompts.

    Attributes:
        vectors: space name -> (b, dim) float32 unit rows, one a prompt.
        wanted: how many there could be; more than b where making them took too long.
    """

    vectors: dict[str, Floats]
    wanted: int

    def __len__(self) -> int:
        return len(next(iter(self.vectors.values()), ()))


def read_prompts() -> list[str]:
    """The unrelated prompts, in their order."""
    lines = _FILE.read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def unrelated(prompt: str, known: Sequence[str]) -> list[str]:
    """Those of the known prompts that share no word with a prompt."""
    words = _words(prompt)
    return [one for one in known if not words & _words(one)]


def make_background(
    encoder: Encoder,
    info: CheckpointInfo,
    prompt: str,
    *,
    count: int,
    device: str = "auto",
    precision: str = "auto",
    cancellation: Cancellation | None = None,
    on_image: Callable[[int, int], None] | None = None,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Background:
    """The vectors of the unrelated prompts' images, made first where they are missing.

    Args:
        encoder: embeds them; that of the query they are compared with, whichever a collection has
            by the time they are drawn.
        info: the model that draws them.
        prompt: of the search; prompts that share a word with it are left out.
        count: how many prompts at most.
        device: of the generator.
        precision: of the generator.
        cancellation: looked at between denoising steps; what is made is kept.
        on_image: called with how many are there, and of how many.
        seconds: after which no further image is begun.
        clock: for tests.

    Raises:
        GenerationError: an image could not be made.
        CancelledError: somebody asked to stop.
    """
    from vitrail.generator.monitoring import Monitor
    from vitrail.service.operations.making import Work

    recipes = _recipes(info, unrelated(prompt, read_prompts())[:count])
    store = _Store(encoder, info)
    missing = [recipe for recipe in recipes if recipe.identity not in store.known]
    if missing:
        there, until = len(recipes) - len(missing), clock() + seconds
        work = Work(info, missing, device=device, precision=precision)
        for batch in _batches(work, Monitor(cancellation=cancellation), lambda: clock() < until):
            store.add(batch)
            there += len(batch)
            if on_image is not None:
                on_image(there, len(recipes))
    return Background(store.vectors(recipes), len(recipes))


def _recipes(info: CheckpointInfo, prompts: Sequence[str]) -> list[Recipe]:
    """One image a prompt, as a prompt search would make its first."""
    from vitrail.generator.checks import Sampling
    from vitrail.generator.tasks import text_to_image

    return [text_to_image.plan(info, one, sampling=Sampling(n=1))[0] for one in prompts]


def _batches(
    work: Work, monitor: Monitor, go_on: Callable[[], bool]
) -> Iterator[list[tuple[str, bytes]]]:
    """Identity and bytes of each image, a few at a time, as long as it may go on."""
    from vitrail.generator.batch import generate_all
    from vitrail.indexer.files.cache import cache_dir
    from vitrail.indexer.images.files import read_file

    batch: list[tuple[str, bytes]] = []
    for file in generate_all(work.recipes, cache_dir() / "background", work.load, monitor=monitor):
        batch.append((file.recipe.identity, read_file(file.path).data))
        if len(batch) == _TOGETHER or not go_on():
            yield batch
            batch = []
            if not go_on():
                return
    if batch:
        yield batch


class _Store:
    """The vectors of one model's images by one encoder, by recipe, in a file of the cache."""

    def __init__(self, encoder: Encoder, info: CheckpointInfo) -> None:
        from vitrail.indexer.files.cache import cache_dir

        own = encoder.fingerprint
        key = f"{info.content_hash}:{own.digest}"
        if own.settings is not None:  # which the digest leaves out
            key += f":{own.settings}"
        name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
        self._encoder = encoder
        self._path = cache_dir() / "background" / name
        self._spaces = dict(own.spaces)
        self.known: dict[str, int] = {}
        self._rows = {space: np.zeros((0, dim), np.float32) for space, dim in self._spaces.items()}
        self._read()

    def add(self, images: Sequence[tuple[str, bytes]]) -> None:
        """Embed images, and keep their vectors."""
        from vitrail.indexer.files.cache import write_atomically
        from vitrail.search.images import embed_images

        rows = embed_images(self._encoder, [data for _, data in images])
        start = len(self.known)
        self.known |= {name: start + i for i, (name, _) in enumerate(images)}
        self._rows = {s: np.concatenate([self._rows[s], rows[s]]) for s in self._spaces}
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {"names": np.array(json.dumps(list(self.known))), **self._rows}
        np.savez(buffer, **arrays)
        write_atomically(self._path, buffer.getvalue())

    def vectors(self, recipes: Sequence[Recipe]) -> dict[str, Floats]:
        """Space name -> (b, dim) float32 of those recipes that are known, in their order."""
        chosen = [self.known[one.identity] for one in recipes if one.identity in self.known]
        return {space: rows[chosen] for space, rows in self._rows.items()}

    def _read(self) -> None:
        """What the file holds; a torn or foreign one is nothing, and made again."""
        try:
            # from memory: numpy leaves a file open that it cannot read
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as file:
                names = json.loads(str(file["names"]))
                rows = {space: np.asarray(file[space], np.float32) for space in self._spaces}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return
        shapes = {space: (len(names), dim) for space, dim in self._spaces.items()}
        if all(rows[space].shape == shapes[space] for space in shapes):
            self.known = {name: i for i, name in enumerate(names)}
            self._rows = rows


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - _SMALL_WORDS
