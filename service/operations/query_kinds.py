"""What a collection can be asked with: images, vectors, prompts, texts, and mixtures of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import InputError
from vitrail.service.operations.references import ImageReference

if TYPE_CHECKING:
    from vitrail.search.boxes import Box

Floats = NDArray[np.float32]
DEFAULT_SEEDS = 4
DEFAULT_UNRELATED = 32


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Which images are like this one? One of the collection is itself left out.

    Attributes:
        image: which.
        box: the part of it that is meant, cut out; ``None`` for all.
        region: the part of it that is meant, as it is seen within the whole; see
            ``vitrail.service.operations.regions``.

    Raises:
        InputError: both are given.
    """

    image: ImageReference
    box: Box | None = None
    region: Box | None = None

    def __post_init__(self) -> None:
        if self.box is not None and self.region is not None:
            raise InputError(
                f"the box {self.box} is cut out, and the region {self.region} is not; leave one out"
            )


@dataclass(frozen=True, slots=True)
class VectorQuery:
    """Which images are near these vectors?

    Attributes:
        vectors: space name -> (m, dim) float32 rows of length 1; several are one question.
        exclude: ids never returned.
        background: as of ``Query``.
    """

    vectors: Mapping[str, Floats]
    exclude: frozenset[int] = frozenset()
    background: Mapping[str, Floats] | None = None


@dataclass(frozen=True, slots=True)
class PromptQuery:
    """Which images are like what a prompt makes?

    Attributes:
        prompt: what to draw.
        seeds: how many images of it, from consecutive seeds.
        model: Stable Diffusion checkpoint.
        unrelated: prompts whose images the hits are compared with, at most; 0 for none.
        device: of the generator.
        precision: of the generator.

    Raises:
        InputError: a device or precision that no machine has.
    """

    prompt: str
    seeds: int = DEFAULT_SEEDS
    model: str = "embedded"
    unrelated: int = DEFAULT_UNRELATED
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_placement(self.device, self.precision)


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Which images are as a text says? Of collections whose checkpoint reads texts.

    Attributes:
        text: a few words, such as a caption.
    """

    text: str


PlainQuery: TypeAlias = ImageQuery | VectorQuery | PromptQuery | TextQuery


@dataclass(frozen=True, slots=True)
class MixedQuery:
    """Which images are like these, and unlike those?

    Attributes:
        positives: at least one. What a prompt makes counts as an image each.
        negatives: perhaps none.
    """

    positives: tuple[PlainQuery, ...]
    negatives: tuple[PlainQuery, ...] = ()

    def __post_init__(self) -> None:
        if not self.positives:
            raise InputError("nothing was given that hits shall be like; give an image or a prompt")


AnyQuery: TypeAlias = PlainQuery | MixedQuery
