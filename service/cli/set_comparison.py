"""Two sets compared, in a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.tables import print_figures, print_remark
from vitrail.service.cli.text import near, one_line
from vitrail.service.documents.set_comparison import comparison_document, names, verdict

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.comparison.estimates import Estimate
    from vitrail.search.comparison.sets import Measure, SpaceComparison
    from vitrail.service.operations.compared_sets import (
        NearestPair,
        SetComparison,
        Slice,
    )

MEANING = {
    "frechet": ("Fréchet distance", "0 is the same; of endless sets"),
    "kernel": ("kernel distance", "0 is the same; below by chance"),
    "precision": ("precision", "share of a that is among b"),
    "recall": ("recall", "share of b that is among a"),
    "density": ("density", "crowding of b around a; alike: 1"),
    "coverage": ("coverage", "share of b that a comes near to"),
    "vendi_a": ("Vendi score of a", "its worth in unlike images"),
    "vendi_b": ("Vendi score of b", "likewise"),
}
"""What each measure is called, and what it says."""
_ROWS = 5  # images, pairs and groups that a terminal shows


def print_comparison(made: SetComparison, *, as_json: bool) -> None:
    """Print what was found, as tables or as JSON."""
    if as_json:
        print_document(comparison_document(made))
        return
    for line in told(made):
        print(one_line(line))
    for compared in made.all_spaces:
        print(f"\n{space_name(compared)}")
        for measure in compared.measures:
            print(_line(measure))
    print()
    for line in verdict(made):
        print_remark(one_line(line))
    _print_details(made)


def told(made: SetComparison) -> list[str]:
    """Which sets were compared, a line each."""
    lines = []
    for name, given, ids, every in zip(
        "ab", (made.a, made.b), (made.ids_a, made.ids_b), made.images, strict=True
    ):
        images = counted(every, "image")
        drawn = f"{images}, {len(ids):,} of them drawn" if len(ids) < every else images
        lines.append(f"{name}: {given} ({drawn})")
    return lines


def space_name(compared: SpaceComparison) -> str:
    """The spaces that were compared in, with their shares where there are several."""
    if len(compared.weights) == 1:
        return next(iter(compared.weights))
    return ", ".join(f"{space}:{share:.3g}" for space, share in compared.weights.items())


def number(measure: Measure) -> tuple[str, str]:
    """A measure's number and interval, in digits; or a dash, and why there is none."""
    if measure.estimate is None:
        return "–", measure.refusal
    return _digits(measure.name, measure.estimate)


def _digits(name: str, one: Estimate) -> tuple[str, str]:
    if name in ("precision", "recall", "coverage"):
        return f"{one.value:.1%}", f"{one.low:.1%} to {one.high:.1%}"
    digits = 4 if name in ("frechet", "kernel") else 2
    return f"{one.value:.{digits}f}", f"{one.low:.{digits}f} to {one.high:.{digits}f}"


def _line(measure: Measure) -> str:
    name, meaning = MEANING[measure.name]
    value, interval = number(measure)
    if measure.estimate is None:
        return f"  {name:<17} {value:>7}  {interval}"
    return f"  {name:<17} {value:>7}  {interval:<18} {meaning}".rstrip()


def where(image: ImageInfo) -> str:
    """An image, as short as it can be typed from here."""
    return one_line(near(image.paths[0]) if image.paths else f"image {image.id}")


def _print_details(made: SetComparison) -> None:
    if made.lacking:
        print("\nwhat b has and a has nothing near")
        for group in made.lacking[:_ROWS]:
            print(one_line(f"  {group.count:>5}  {names(group.named) or where(group.typical[0])}"))
    print("\nwhat of a sets it apart most (influence on the kernel distance)")
    for one in made.hurting[:_ROWS]:
        print(f"  {one.influence:+.1e}  {one.nearest:.4f}  {where(one.image)}")
    print("\nnearest pairs")
    for pair in made.pairs[:_ROWS]:
        print(f"  {pair.score:.4f}  {word(pair):<10}  {where(pair.a)}")
        print(f"  {'':<6}  {'':<10}  {where(pair.b)}")
    if made.group_by is not None:
        print()
        _print_slices(made)


def word(pair: NearestPair) -> str:
    """What a pair is called; empty where nothing tells."""
    return pair.closeness or ""


SLICE_COLUMNS = ("a", "b", "a among b", "b near a", "copies", "kernel distance")
"""Names of the columns of a table by values."""


def slice_cells(one: Slice) -> list[str]:
    """A row of that table, without the value."""
    return [
        f"{one.images_a:,}",
        f"{one.images_b:,}",
        "–" if one.held is None else f"{one.held:.0%}",
        "–" if one.covered is None else f"{one.covered:.0%}",
        "–" if one.copies is None else f"{one.copies:,}",
        "–" if one.kernel is None else f"{one.kernel.value:.4f}",
    ]


def _print_slices(made: SetComparison) -> None:
    rows = [[one_line(one.value or "(none)")[:24], *slice_cells(one)] for one in made.slices]
    print_figures([[made.group_by or "", *SLICE_COLUMNS], *rows])
