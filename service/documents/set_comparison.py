"""Two sets compared, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitrail.indexer.wording import counted
from vitrail.service.documents.plain import named_paths

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

_NAME = 40


def comparison_document(made: SetComparison) -> dict[str, Any]:
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


def verdict(made: SetComparison) -> list[str]:
    """What the numbers say, in sentences, the most important first."""
    lines = []
    kernel = made.whole["kernel"].estimate
    if kernel is not None and kernel.low > 0:
        lines.append("The sets differ by more than chance (kernel distance above 0).")
    elif kernel is not None:
        lines.append("No difference is found that chance would not explain (kernel distance).")
    of_a, of_b = len(made.ids_a), len(made.ids_b)
    few = made.whole["precision"].estimate is None  # images for any share to mean much
    if made.copies:
        within = made.copies_within or 0
        lines.append(
            f"{counted(made.copies, 'image')} of a ({_share(made.copies, of_a, few)}) "
            f"{_is(made.copies)} near enough to an image of b to be "
            f"{'a copy' if made.copies == 1 else 'copies'}, where "
            f"{f'{within} of the {of_b}' if few else f'{within / of_b:.1%}'} of b are to others of "
            "b: copies make all distances smaller, and are no merit."
        )
    if made.outside:
        lines.append(
            f"{counted(made.outside, 'image')} of a ({_share(made.outside, of_a, few)}) "
            f"{_is(made.outside)} unlike anything in b."
        )
    if made.uncovered:
        share = _share(made.uncovered, of_b, few, digits=0)
        found: Counter[str] = Counter()
        for one in made.lacking:
            found.update(dict(one.named))
        kinds = names(found.most_common(3))
        lines.append(
            f"a has nothing near {counted(made.uncovered, 'image')} of b ({share})"
            + (f", most of all {kinds}." if kinds else ".")
        )
    return lines


def _share(count: int, of: int, few: bool, digits: int = 1) -> str:
    """A share in percent; of few images, of how many."""
    return f"of {of}" if few else f"{count / of:.{digits}%}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def names(named: Sequence[tuple[str, int]], most: int = 3) -> str:
    """What a group is called by: ``sports 12, music 3``."""
    return ", ".join(f"{name[:_NAME]} {count}" for name, count in named[:most])


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
