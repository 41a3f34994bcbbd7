"""Maps and samples: in the terminal, as JSON, and as pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.indexer.wording import counted
from vitrail.service.cli.tables import Column, Row, print_list, print_remark
from vitrail.service.cli.text import one_line

if TYPE_CHECKING:
    from vitrail.service.cli.viewers import AnalysisViewer
    from vitrail.service.operations.mapping import ImageMap, MapOptions
    from vitrail.service.operations.sampling import ImageSample, SampleCoverage, SampleOptions

_LISTED = 20  # clusters of the table
_ALONE = 5  # images that lie alone, in the table


def told_of(drawn: ImageMap) -> list[str]:
    """Sentences on what a map is of, and what it goes by."""
    images = counted(len(drawn.ids), "image")
    if drawn.matching > len(drawn.ids):
        images += f" drawn at random of {drawn.matching:,}"
    spaces = ", ".join(
        name if len(drawn.weights) == 1 else f"{name}:{weight:.3g}"
        for name, weight in drawn.weights.items()
    )
    lost = "" if drawn.recall == 1 else f" (neighbours found: {drawn.recall:.1%})"
    lines = [f"{images}, laid out by {drawn.layout.upper()} of {spaces}{lost}"]
    if drawn.method != "none":
        within = int((drawn.members >= 0).sum())
        rest = len(drawn.ids) - within
        lines.append(
            f"{counted(len(drawn.clusters), 'cluster')} by {drawn.method}"
            + (f", {counted(rest, 'image')} in none" if rest else "")
        )
    return lines


def print_map(drawn: ImageMap) -> None:
    """Print the clusters, and the images farthest from all others."""
    for line in told_of(drawn):
        print(one_line(line))
    position = {int(image_id): i for i, image_id in enumerate(drawn.ids)}
    if drawn.clusters:
        print()
        columns = [Column("images", number=True), Column("cluster", asked=True)]
        rows = [
            Row((f"{cluster.size:,}", name), drawn.paths[position[cluster.typical[0]]])
            for name, cluster in _named(drawn)
        ]
        print_list(columns, rows[:_LISTED])
        if len(rows) > _LISTED:
            print(f"and {len(rows) - _LISTED} smaller ones; --json lists all")
    print("\nfarthest from all others")
    print_list(
        [Column("id", number=True), Column("outlier", number=True)],
        [
            Row((str(drawn.ids[i]), f"{drawn.outliers[i]:.2f}"), drawn.paths[i])
            for i in drawn.alone(_ALONE).tolist()
        ],
    )


def write_map_of(
    path: Path, drawn: ImageMap, options: MapOptions, thumbnails: int, viewer: AnalysisViewer
) -> None:
    """Write the page of a map.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
        CancelledError: Ctrl-C, while thumbnails are made.
    """
    from vitrail.service.cli.map_page import write_map
    from vitrail.service.operations.progress import AnalysisProgress

    def made(done: int, total: int) -> None:
        viewer.cancellation.check()
        viewer(AnalysisProgress("making thumbnails", done, total))

    title = "Map" if options.where is None else f"Map of {options.where}"
    write_map(
        path, title, told_of(drawn), drawn, drawn.spread(thumbnails).tolist(), on_thumbnail=made
    )


def print_dull(drawn: ImageMap, columns: Sequence[str]) -> None:
    """Say which of some columns of a map colour nothing, as no image differs in them."""
    from vitrail.service.cli.map_page import tells_apart

    for name in columns:
        if not tells_apart(drawn, name):
            told = f"note: {name} is the same of all images, so that nothing is coloured by it"
            print(one_line(told), file=sys.stderr)


def print_sample(chosen: ImageSample) -> None:
    """Print the images, and how well they stand for all."""
    print_list(
        [Column("id", number=True), Column("label"), Column("stands for", number=True)],
        [
            Row((str(image.id), image.label or "", f"{number:,}"), image.path)
            for image, number in zip(chosen.images, chosen.stands_for, strict=True)
        ],
    )
    for line in told_of_sample(chosen):
        print_remark(line, before="")


def told_of_sample(chosen: ImageSample) -> list[str]:
    """Sentences on how well a sample stands for all."""
    of = f"{chosen.chosen_from:,}"
    if chosen.matching > chosen.chosen_from:
        of += f", drawn at random of {chosen.matching:,}"
    return [
        f"{counted(len(chosen.images), 'image')} of {of}" + _fewer(chosen),
        f"{_near(chosen.coverage)}; with as many at random: {_near(chosen.at_random)}",
    ]


def _fewer(chosen: ImageSample) -> str:
    """Why there are fewer images than were asked for and could be had."""
    fewer = len(chosen.images) < min(chosen.asked, chosen.chosen_from)
    return "; all others have the same vectors as one of them" if fewer else ""


def _near(coverage: SampleCoverage) -> str:
    return (
        f"each image is within a cosine of {coverage.least:.3f} of one of them, "
        f"half of all within {coverage.median:.3f}"
    )


def write_sample(path: Path, chosen: ImageSample, options: SampleOptions) -> None:
    """Write a contact sheet of the images.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    from vitrail.service.cli.sheet import write_list_sheet

    images = counted(len(chosen.images), f"{options.kind} image")
    title = images if options.where is None else f"{images} of {options.where}"
    write_list_sheet(path, title, chosen.images)


def _named(drawn: ImageMap) -> Iterator[tuple[str, Any]]:
    for number, cluster in enumerate(drawn.clusters, 1):
        yield cluster.name(number), cluster
