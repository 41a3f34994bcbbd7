"""Two sets compared, in a terminal and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import named_paths, print_document
from vitrail.service.cli.tables import print_figures, print_remark
from vitrail.service.cli.text import near, one_line

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.comparison.estimates import Estimate
    from vitrail.search.comparison.sets import Measure, SpaceComparison
    from vitrail.service.operations.compared_sets import (
        Hurting,
        Lacking,
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
_NAME = 40


def print_comparison(made: SetComparison, *, as_json: bool) -> None:
    """Print what was found, as tables or as JSON."""
    if as_json:
        print_document(document(made))
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


def verdict(made: SetComparison) -> list[str]:
    """What the numbers say, in sentences, the most important first."""
    lines = []
    kernel = made.whole["kernel"].estimate
    if kernel is not None and kernel.low > 0:
        lines.append("The sets differ by more than chance (kernel distance above 0).")
    elif kernel is not None:
        lines.append("No difference is found that chance would not explain (kernel distance).")
    if made.copies:
        share = made.copies / len(made.ids_a)
        lines.append(
            f"{counted(made.copies, 'image')} of a ({share:.1%}) {_is(made.copies)} near enough to "
            f"an image of b to be {'a copy' if made.copies == 1 else 'copies'}, where "
            f"{(made.copies_within or 0) / len(made.ids_b):.1%} of b are to others of b: copies "
            "make all distances smaller, and are no merit."
        )
    if made.outside:
        share = made.outside / len(made.ids_a)
        lines.append(
            f"{counted(made.outside, 'image')} of a ({share:.1%}) {_is(made.outside)} unlike "
            "anything in b."
        )
    if made.uncovered:
        share = made.uncovered / len(made.ids_b)
        found: Counter[str] = Counter()
        for one in made.lacking:
            found.update(dict(one.named))
        kinds = names(found.most_common(3))
        lines.append(
            f"a has nothing near {counted(made.uncovered, 'image')} of b ({share:.0%})"
            + (f", most of all {kinds}." if kinds else ".")
        )
    return lines


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def names(named: Sequence[tuple[str, int]], most: int = 3) -> str:
    """What a group is called by: ``sports 12, music 3``."""
    return ", ".join(f"{name[:_NAME]} {count}" for name, count in named[:most])


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


def document(made: SetComparison) -> dict[str, Any]:
    """All that was found, of plain types."""
    return {
        "a": {"set": made.a, "images": made.images[0], "compared": len(made.ids_a)},
        "b": {"set": made.b, "images": made.images[1], "compared": len(made.ids_b)},
        "spaces": [_space(one) for one in made.all_spaces],
        "copies": made.copies,
        "look_alikes": made.look_alikes,
        "copies_within_b": made.copies_within,
        "outside": made.outside,
        "uncovered": made.uncovered,
        "verdict": verdict(made),
        "nearest": [
            {"a": int(a), "b": int(b), "score": float(score)}
            for a, b, score in zip(made.ids_a, made.nearest, made.scores, strict=True)
        ],
        "pairs": [_pair(one) for one in made.pairs],
        "hurting": [_hurting(one) for one in made.hurting],
        "lacking": [_lacking(one) for one in made.lacking],
        "group_by": made.group_by,
        "slices": [_slice(one) for one in made.slices],
    }


def _space(compared: SpaceComparison) -> dict[str, Any]:
    return {
        "weights": dict(compared.weights),
        "measures": {one.name: _measure(one) for one in compared.measures},
    }


def _measure(one: Measure) -> dict[str, Any]:
    return {
        **_estimate(one.estimate),
        "images_a": one.images[0],
        "images_b": one.images[1],
        "needed": one.needed or None,
        "plain": one.plain,
    }


def _estimate(one: Estimate | None) -> dict[str, float | None]:
    if one is None:
        return {"value": None, "low": None, "high": None}
    return {"value": one.value, "low": one.low, "high": one.high}


def _pair(one: NearestPair) -> dict[str, Any]:
    return {
        "a": _image(one.a),
        "b": _image(one.b),
        "score": one.score,
        "fpr": one.fpr,
        "closeness": one.closeness,
    }


def _hurting(one: Hurting) -> dict[str, Any]:
    return {
        **_image(one.image),
        "influence": one.influence,
        "among_b": one.held,
        "nearest": one.nearest,
    }


def _lacking(one: Lacking) -> dict[str, Any]:
    return {
        "count": one.count,
        "named": [{"name": name, "count": count} for name, count in one.named],
        "typical": [_image(image) for image in one.typical],
    }


def _image(image: ImageInfo) -> dict[str, Any]:
    return {"id": image.id, **named_paths(image.paths)}


def _slice(one: Slice) -> dict[str, Any]:
    return {
        "value": one.value,
        "images_a": one.images_a,
        "images_b": one.images_b,
        "among_b": one.held,
        "covered": one.covered,
        "copies": one.copies,
        "kernel": _estimate(one.kernel),
    }
