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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from generator.checkpoint_files import CheckpointInfo
    from generator.recipes import Recipe
    from search.collection import Collection
    from service.making import Work

Floats = NDArray[np.float32]
SECONDS = 60.0  # a search's, for making what is missing
_TOGETHER = 8  # images embedded and kept at once
_FILE = Path(__file__).with_name("background.txt")
_SMALL_WORDS = frozenset("a an and at against by from in into of on over the to under with".split())


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
    pictures: Collection,
    info: CheckpointInfo,
    prompt: str,
    *,
    load: Callable[[Work], Callable[[], object]] | None = None,
    on_image: Callable[[int, int], None] = lambda done, total: None,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Background:
    """The vectors of the unrelated prompts' images, made first where they are missing.

    Args:
        pictures: whose encoder embeds them.
        info: the model that draws them.
        prompt: of the search; prompts that share a word with it are left out.
        on_image: called with how many are there, and of how many.
        seconds: after which no further image is begun.
        clock: for tests.

    Raises:
        GenerationError: an image could not be made.
    """
