"""Maps: a collection laid out in the plane, its clusters named, and what lies alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import InputError
from vitrail.search.listing import ListOptions, list_images
from vitrail.search.maps.clusters import (
    ALONE,
    LARGE,
    Clustering,
    by_density,
    by_means,
    loneliness,
    typical,
)
from vitrail.search.maps.covering import farthest_first
from vitrail.search.maps.graph import graph_of
from vitrail.search.maps.layout import FEWEST_UMAP, principal, to_square, umap
from vitrail.search.maps.naming import name_clusters, places_of
from vitrail.search.options import Only, check_word
from vitrail.service.operations.gathering import Gathered, gather
from vitrail.service.operations.progress import AnalysisProgress, Progress, nobody

if TYPE_CHECKING:
    from vitrail.service.operations.searchable import Searchable

Layout = Literal["umap", "pca"]
Floats = NDArray[np.float32]
FEWEST = 10  # images; fewer are seen at a glance
_NEIGHBOURS = 15  # of each image, as umap-learn has it
_WORDS, _TYPICAL = 3, 6  # of a cluster
_MOST_CLUSTERS = 40  # where nobody says how many
_NAMING = ("label", "prompt")
_CONTENT = "content_hash"


@dataclass(frozen=True, slots=True)
class MapOptions:
    """What to draw a map of, and how.

    Attributes:
        where: SQL expression over the columns.
        only: ``all``, ``generated`` or ``real``.
        spaces: space name -> weight; ``None`` for those of a search that says nothing.
        layout: ``umap`` keeps neighbours together; ``pca`` is there at once, and shows the widest
            differences.
        clusters: how many; 0 for none, ``None`` for as many as there are by density on a UMAP,
            or by the number of images.
        columns: whose values the map tells of each image.
        limit: images, above which so many of them are drawn at random.

    Raises:
        InputError: a layout that is unknown, or a number out of reach.
    """

    where: str | None = None
    only: Only = "all"
    spaces: Mapping[str, float] | None = None
    layout: Layout = "umap"
    clusters: int | None = None
    columns: Sequence[str] = ()
    limit: int = 20_000

    def __post_init__(self) -> None:
        check_word("layout", self.layout, get_args(Layout))
        if self.limit < FEWEST:
            raise InputError(f"limit is {self.limit}, but a map needs {FEWEST} images")
        if self.clusters is not None and self.clusters < 0:
            raise InputError(f"clusters is {self.clusters}; give 0 for none, or how many")


class MapKeywords(TypedDict, total=False):
    """The options of ``MapOptions``, by keyword."""

    where: str | None
    only: Only
    spaces: Mapping[str, float] | None
    layout: Layout
    clusters: int | None
    columns: Sequence[str]
    limit: int


@dataclass(frozen=True, slots=True)
class MapCluster:
    """Images that lie together.

    Attributes:
        size: images in it.
        words: that tell it from the others, the most telling first; none where nothing is said.
        typical: ids of the images nearest to its mean, the nearest first.
        place: which of the clusters it is that are called by the same words, the largest the first.
    """

    size: int
    words: tuple[str, ...]
    typical: tuple[int, ...]
    place: int = 1

    def name(self, number: int) -> str:
        """Its words, told from others' by its place; where there are none its number, from 1 on."""
        if not self.words:
            return f"cluster {number}"
        return ", ".join(self.words) + (f" ({self.place})" if self.place > 1 else "")


@dataclass(frozen=True, slots=True)
class ImageMap:
    """A map of images.

    Attributes:
        ids: (n,) int64.
        places: (n, 2) float32, in the square from 0 to 1.
        members: (n,) int64 number of each image's cluster in ``clusters``, -1 for none.
        clusters: by falling size.
        outliers: (n,) float32 local outlier factors: about 1 within a cluster, more apart from all.
        paths: of each image's first file.
        values: column -> n values.
        weights: space name -> share, of the cosines that the map goes by.
        layout: how the images were laid out.
        method: how clusters were made: ``hdbscan``, ``k-means`` or ``none``.
        matching: how many images the filter let through.
        recall: the share of true neighbours that the map goes by; 1 if all were compared.
    """

    ids: NDArray[np.int64]
    places: Floats
    members: NDArray[np.int64]
    clusters: tuple[MapCluster, ...]
    outliers: Floats
    paths: tuple[str | None, ...]
    values: Mapping[str, Sequence[Any]]
    weights: Mapping[str, float]
    layout: Layout
    method: str
    matching: int
    recall: float

    def alone(self, count: int) -> NDArray[np.int64]:
        """(min(count, n),) positions of the images farthest from all others, the farthest first."""
        return np.argsort(-self.outliers, kind="stable")[:count]

    def spread(self, count: int) -> NDArray[np.int64]:
        """(min(count, n),) positions of images spread over the map, those far apart first."""
        lifted = np.ones((len(self.ids), 3), np.float32)
        lifted[:, :2] = self.places - 0.5  # what is near in the plane is so on a sphere above it
        lifted /= np.linalg.norm(lifted, axis=1, keepdims=True)
        return farthest_first(lifted, min(count, len(lifted))).chosen


def draw_map(
    collection: Searchable,
    options: MapOptions | None = None,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> ImageMap:
    """Lay images out in the plane, near ones near one another, and name what lies together.

    Args:
        collection: whose stored vectors are laid out; no file is read.
        options: see ``MapOptions``.
        progress: told where it is.
        cancellation: looked at between blocks of vectors.

    Raises:
        InputError: too few images, an unknown space or column, a filter that cannot be used, or a
            package that is not installed.
        CancelledError: somebody asked to stop.
    """
    options = options or MapOptions()
    told = cancellation or Cancellation()
    return at_newest(collection.store, lambda: _drawn(collection, options, progress, told))


def _drawn(
    collection: Searchable, options: MapOptions, progress: Progress, cancellation: Cancellation
) -> ImageMap:
    progress(AnalysisProgress("reading vectors"))
    gathered = gather(
        collection.store,
        where=options.where,
        only=options.only,
        spaces=options.spaces,
        limit=options.limit,
        fewest=FEWEST,
    )
    columns = tuple(dict.fromkeys((*options.columns, *_NAMING)))
    gathered = _by_content(gathered)
    paths, values = _told(gathered, columns)
    graph = graph_of(
        gathered.rows,
        min(_NEIGHBOURS, len(gathered.rows) - 1),
        on_progress=lambda done, total: progress(AnalysisProgress("comparing images", done, total)),
        stop=lambda: cancellation.cancelled,
    )
    progress(AnalysisProgress("laying out"))
    layout: Layout = options.layout if len(gathered.rows) >= FEWEST_UMAP else "pca"
    places = principal(gathered.rows, 2) if layout == "pca" else umap(gathered.rows, graph, 2)
    cancellation.check()
    progress(AnalysisProgress("clustering"))
    clusters = _clusters(gathered.rows, places, layout, options.clusters)
    by_id = np.argsort(gathered.ids)
    return ImageMap(
        ids=gathered.ids[by_id],
        places=to_square(places)[by_id],
        members=clusters.members[by_id],
        clusters=_described(gathered, clusters, paths, values),
        outliers=loneliness(graph)[by_id],
        paths=tuple(paths[i] for i in by_id),
        values={name: [values[name][i] for i in by_id] for name in options.columns},
        weights=gathered.weights,
        layout=layout,
        method=clusters.method if options.clusters != 0 else "none",
        matching=gathered.matching,
        recall=graph.recall,
    )


def _clusters(rows: Floats, places: Floats, layout: Layout, wanted: int | None) -> Clustering:
    images = len(rows)
    if wanted == 0:
        return Clustering(np.full(images, ALONE, np.int64), "none")
    if wanted is None and layout == "umap" and images <= LARGE:
        return by_density(places, max(5, round(images**0.5 / 4)))
    count = wanted or min(_MOST_CLUSTERS, max(2, round((images / 2) ** 0.5)))
    return by_means(rows, min(count, images))


def _by_content(gathered: Gathered) -> Gathered:
    """The same, so ordered that ids, and with them the names of files, change no map.

    A UMAP takes the images one after another, and k-means begins with some of them.
    """
    ids = gathered.ids.tolist()
    listed = list_images(gathered.snapshot, ListOptions(columns=(_CONTENT,)), among=ids)
    contents = {image.id: str(image.values[_CONTENT]) for image in listed}
    order = np.array(sorted(range(len(ids)), key=lambda i: contents[ids[i]]), np.int64)
    return replace(gathered, ids=gathered.ids[order], rows=gathered.rows[order])


def _told(
    gathered: Gathered, columns: Sequence[str]
) -> tuple[tuple[str | None, ...], dict[str, list[Any]]]:
    """The first path of each image, and its values of some columns."""
    ids, wanted = gathered.ids.tolist(), ListOptions(columns=("id", "path", *columns))
    known = {image.id: image for image in list_images(gathered.snapshot, wanted, among=ids)}
    images = [known[image_id] for image_id in ids]
    names = {name.casefold(): name for name in images[0].values}
    values = {c: [image.values[names[c.casefold()]] for image in images] for c in columns}
    return tuple(image.path for image in images), values


def _described(
    gathered: Gathered,
    clusters: Clustering,
    paths: Sequence[str | None],
    values: Mapping[str, Sequence[Any]],
) -> tuple[MapCluster, ...]:
    texts = [
        " ".join([*(str(values[c][i] or "") for c in _NAMING), *_names(path)])
        for i, path in enumerate(paths)
    ]
    words = name_clusters(texts, clusters.members, _WORDS)
    places = places_of(words)
    return tuple(
        MapCluster(
            size=int((clusters.members == number).sum()),
            words=words[number],
            typical=tuple(
                gathered.ids[typical(gathered.rows, clusters.members, number, _TYPICAL)].tolist()
            ),
            place=places[number],
        )
        for number in range(clusters.count)
    )


def _names(path: str | None) -> tuple[str, ...]:
    """The folder of a file, and its own name."""
    if path is None:
        return ()
    folder, name = os.path.split(path)
    return os.path.basename(folder), os.path.splitext(name)[0]
