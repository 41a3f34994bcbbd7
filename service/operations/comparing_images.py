"""Two images compared: at every layer, patch by patch, pixel by pixel, and by their recipes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import ImageRejectedError, InputError, UnusableImageError
from vitrail.indexer.spaces import base_of
from vitrail.search.calibration.judging import Judge
from vitrail.search.comparison.alignment import Alignment, align, lay_over
from vitrail.search.comparison.layers import LayerSimilarity, layer_similarities
from vitrail.search.comparison.recipes import RecipeDifference, compare_recipes
from vitrail.search.comparison.structure import structural_similarity
from vitrail.search.explanation import PatchMap
from vitrail.search.images import View, read_view
from vitrail.search.query import Closeness, Origin
from vitrail.service.operations.explaining import match_views, unrelated_views
from vitrail.service.operations.progress import AnalysisProgress, Progress, nobody
from vitrail.service.operations.queries import checked_id, origin_of
from vitrail.service.operations.references import (
    ImageBytes,
    ImageFile,
    ImageId,
    ImageReference,
    find_image,
    unusable_image,
)
from vitrail.service.operations.searching import first_readable
from vitrail.service.operations.tuning import widest_encoder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.indexer.images.opening import OpenedImage
    from vitrail.service.operations.searchable import Searchable

Floats = NDArray[np.float32]
PIXELS = 256
"""Of the longer side of the first image, where pixels are compared."""
_STEPS = 3


@dataclass(frozen=True, slots=True)
class ComparedImage:
    """One of two images.

    Attributes:
        name: what it is called.
        path: absolute, of its file; ``None`` where only bytes were given.
        data: its encoded bytes.
        size: (width, height) of it upright, in pixels.
        format: Pillow's name of its format.
        recipe: of plain JSON types; ``None`` where none is written in it.
    """

    name: str
    path: str | None
    data: bytes = field(repr=False)
    size: tuple[int, int]
    format: str
    recipe: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ImageComparison:
    """What came of comparing two images.

    Attributes:
        first: the one.
        second: the other.
        same_bytes: whether both are the same file.
        score: their cosine, weighted as a search weighs spaces by default.
        fpr: how rare so high a score is between unrelated images; ``None`` where nothing tells.
        closeness: the same in a word.
        layers: at every layer and pooling.
        first_map: what of the first matches the second.
        second_map: what of the second matches the first.
        alignment: how the second lies best over the first; ``None`` where it does in no way.
        ssim: structural similarity of their greys there, -1 to 1; NaN where they do not lie on one
            another.
        recipes: what their recipes say, differences first; none where neither has one.
        origin: the commit that they were judged by, and its encoder.
    """

    first: ComparedImage
    second: ComparedImage
    same_bytes: bool
    score: float
    fpr: float | None
    closeness: Closeness | None
    layers: tuple[LayerSimilarity, ...]
    first_map: PatchMap
    second_map: PatchMap
    alignment: Alignment | None
    ssim: float
    recipes: tuple[RecipeDifference, ...]
    origin: Origin

    def plot(self) -> Figure:
        """A figure of matplotlib: the cosines by layer and pooling, beside what is usual there.

        Raises:
            InputError: matplotlib is not installed.
        """
        from vitrail.search.comparison.figures import plot_layers

        return plot_layers(self.layers)


def compare_images(
    collection: Searchable,
    first: ImageReference,
    second: ImageReference,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> ImageComparison:
    """Compare two images, of the collection or not; a dozen of its images tell what is usual.

    Args:
        collection: whose encoder looks at them, in one forward pass for all layers.
        first: the one.
        second: the other.
        progress: told of each step.
        cancellation: looked at before each.

    Raises:
        InputError: an image names none of the collection, or several.
        UnusableImageError: an image cannot be opened.
        CheckpointError: the encoder cannot be had.
        VitrailError: there is not the memory for one image.
        CancelledError: somebody asked to stop.
    """

    def step(number: int, told: str) -> None:
        if cancellation is not None:
            cancellation.check()
        progress(AnalysisProgress(told, number, _STEPS, "step"))

    step(0, "loading the encoder")
    ours, own = _read(collection, first)
    theirs, other = _read(collection, second)
    # patches are compared by torch in any case, and every layer would be compiled for nothing
    encoder = widest_encoder(collection, "torch")
    views = [_view(one, encoder.preprocess) for one in (ours, theirs)]
    unrelated = unrelated_views(collection, own | other, encoder)
    step(1, "looking at the images")
    pixels = np.stack([view.pixels for view in (*views, *unrelated)])
    rows = encoder.encode(pixels).vectors
    maps = match_views(collection, encoder, views[0], views[1], unrelated)
    step(2, "laying one over the other")
    alignment, ssim = _compare_pixels(ours, theirs)
    snapshot = collection.store.snapshot()
    score, rate, word = _judged(collection, snapshot, rows)
    return ImageComparison(
        first=ours,
        second=theirs,
        same_bytes=ours.data == theirs.data,
        score=score,
        fpr=rate,
        closeness=word,
        layers=layer_similarities(rows),
        first_map=maps[0],
        second_map=maps[1],
        alignment=alignment,
        ssim=ssim,
        recipes=compare_recipes(ours.recipe, theirs.recipe),
        origin=origin_of(snapshot, encoder.fingerprint),
    )


def reference_of(given: str | os.PathLike[str] | bytes | int) -> ImageReference:
    """What a path, encoded bytes or an id of an image of the collection names.

    Raises:
        InputError: none of these.
    """
    if isinstance(given, str | os.PathLike):
        return ImageFile(os.path.expanduser(os.fspath(given)), str(given))
    if isinstance(given, bytes):
        return ImageBytes(given)
    if isinstance(given, int):
        return ImageId(checked_id(given))
    raise InputError(
        f"{type(given).__name__} {repr(given)[:60]} names no image; give a path, the bytes of a "
        "file, or an id"
    )


def _read(collection: Searchable, image: ImageReference) -> tuple[ComparedImage, set[int]]:
    """An image, and its id where the collection has it."""
    from vitrail.indexer.images.facts import read_facts
    from vitrail.indexer.images.files import read_file
    from vitrail.indexer.recipes.foreign import read_recipe

    ids: set[int] = set()
    try:
        if isinstance(image, ImageFile):
            path: str | None = os.path.abspath(image.path)
            data = read_file(image.path).data
        elif isinstance(image, ImageBytes):
            path, data = None, image.data
        else:
            number = find_image(collection.store, image)
            ids.add(number)
            path, data = _stored(collection, number)
        facts = read_facts(data)
    except ImageRejectedError as error:
        raise unusable_image(repr(str(image)), error) from error
    name = os.path.basename(path) if path else str(image)
    size = facts.width, facts.height
    made = ComparedImage(name, path, data, size, facts.format, read_recipe(facts.info))
    return made, ids or _known(collection, data)


def _stored(collection: Searchable, number: int) -> tuple[str | None, bytes]:
    (row,) = collection.store.metadata([number])
    for found in first_readable(row.paths, f"image {number}"):
        return found.path, found.data
    raise UnusableImageError(
        f"no file of image {number} can be read now; bring one back, or name another image"
    )


def _known(collection: Searchable, data: bytes) -> set[int]:
    """The id of the same bytes in the collection, if it has them."""
    try:
        return {collection.store.resolve(hashlib.sha256(data).hexdigest())}
    except InputError:
        return set()


def _view(image: ComparedImage, spec: Any) -> View:
    try:
        return read_view(image.data, spec)
    except ImageRejectedError as error:
        raise unusable_image(repr(image.name), error) from error


def _compare_pixels(first: ComparedImage, second: ComparedImage) -> tuple[Alignment | None, float]:
    one, other = (_opened(each) for each in (first, second))
    found = align(one.image, other.image)
    if found is None:
        return None, float("nan")
    return found, structural_similarity(*lay_over(one.image, other.image, found, PIXELS))


def _opened(image: ComparedImage) -> OpenedImage:
    from vitrail.indexer.images.opening import open_image

    return open_image(image.data, target=2 * PIXELS)


def _judged(
    collection: Searchable, snapshot: Snapshot, rows: Mapping[str, Floats]
) -> tuple[float, float | None, Closeness | None]:
    """The score of the two images as a search would give it, and what it means."""
    weights = snapshot.default_weights
    score = sum(
        share * float(np.prod(_in_space(snapshot, rows, space), axis=0).sum())
        for space, share in weights.items()
    )
    calibration = collection.calibrations.of(snapshot, tuple(weights))
    if calibration is None:
        return score, None, None
    judge = Judge(calibration, weights, calibration.scale(weights))
    ((rate, word),) = judge(np.array([score]))
    return score, rate, word


def _in_space(snapshot: Snapshot, rows: Mapping[str, Floats], space: str) -> Floats:
    """(2, dim) unit rows of the two images, in a derived space worked out of its base's."""
    base = base_of(space)
    if base is None:
        return rows[space][:2]
    return snapshot.transform(space).apply(rows[base][:2])
