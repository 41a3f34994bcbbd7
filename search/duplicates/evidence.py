"""What shows that two images are copies of one another, and what was done to the one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from vitrail.search.duplicates.agreement import (
    GRID,
    Agreement,
    ColourDifference,
    compare,
    compare_colours,
)
from vitrail.search.duplicates.alignment import AffineTransform, align, stretched
from vitrail.search.duplicates.corners import box_in, share_of, short_of
from vitrail.search.duplicates.gists import share_of_gists
from vitrail.search.duplicates.keypoints import Floats
from vitrail.search.duplicates.looks import Look
from vitrail.search.duplicates.refinement import refine, refine_promising

IDENTICAL, RE_ENCODED, ALTERED = "identical", "re-encoded", "altered"
DECIDED, LOOK_ALIKE = "decided", "look-alike"
TIERS = (IDENTICAL, RE_ENCODED, ALTERED, DECIDED, LOOK_ALIKE)
"""How sure it is that nothing is lost with the one where the other is kept, the surest first."""
LEAST_AGREEING = 0.6
"""Share of the parts that have to agree for two images to be copies; of unrelated ones 0.1 do."""
_LEAST_WITHIN = 0.5  # the same of the parts that are no frame: two frames alike prove nothing
_MANY = 40  # parts; of fewer, which chance may bring to agree, a larger share has to
_OF_NONE = 0.3  # how much larger it were of none
_FEWEST = 6  # parts that show something, for any share to tell anything
_LEAST_COVERED = 0.15  # of either image
_SURE = 0.9  # share from which on no finer alignment is looked for
_FINER = ((0.15, 56, 4), (0.45, 112, 3))  # share above which it may help, its grid, how often
_PROMISING = 0.45  # share below which a finer alignment is given up that brings little at once
_UNTOLD = 0.1  # the more of the share where no corners tell, and few pixels may be amiss
_WHOLE = 0.93  # share of an image that is all of it but for a rounded edge
# Share of a side by which an edge may be elsewhere: 0.002 where an image was encoded and scaled, at
# most 0.0095 where it was scaled without a filter; 0.0125 and more where a hundredth was cut off.
_SHORT = 0.01
_NEAREST = 112, 3  # grid, and how often, by which that is told
_UNCHANGED = 0.85  # share of the parts that agree where nothing was changed but by an encoder
_SAME_COLOURS = 0.035  # mean difference of colours, likewise
_ALIKE = 0.5  # correlation of gists below which whole images cannot agree
_LEAST_OF_GISTS = 0.15  # share of their parts, likewise
_SAME_TINT = 0.5  # share of their tints that differs; a JPEG at quality 30 rarely reaches 0.3
_STRAIGHT = 2.0  # degrees
_SMALLEST = 40  # pixels a side that are compared, however small the images


@dataclass(frozen=True, slots=True)
class CopyEvidence:
    """What shows that one image is a copy of another.

    Attributes:
        tier: one of ``TIERS``.
        says: what was done, in words, such as ``cropped to 51%``.
        agreeing: share (0 to 1) of the parts that agree; 1 where that was not measured.
    """

    tier: str
    says: tuple[str, ...] = ()
    agreeing: float = 1.0


class Confirmed(NamedTuple):
    """Evidence, and where the one image lies in the other.

    Attributes:
        evidence: ``re-encoded`` or ``altered``.
        alignment: of the keeper's small pixels in those of the copy.
    """

    evidence: CopyEvidence
    alignment: AffineTransform


def confirm(keeper: Look, copy: Look) -> CopyEvidence | None:
    """Whether the one image is a copy of the other, as its small pixels show; see ``lay_onto``."""
    found = lay_onto(keeper, copy)
    return None if found is None else found.evidence


def lay_onto(keeper: Look, copy: Look) -> Confirmed | None:
    """Whether the one image is a copy of the other, as its small pixels show, and where it lies.

    They are laid over one another: whole onto whole, mirrored, and as their corners tell. They are
    copies where most of the parts that show something agree.

    Args:
        keeper: what is compared with.
        copy: of which is told what was done to it.

    Returns:
        ``None`` where they are no copies.
    """
    best: tuple[Agreement, AffineTransform] | None = None
    both = _Both(keeper, copy)
    for alignment in _alignments(keeper, copy, _LEAST_OF_GISTS):
        found = both.laid(alignment)
        if _holds(found[0]) and (best is None or _weight(found[0]) > _weight(best[0]) + 0.03):
            best = found
            if _weight(found[0]) >= _SURE**2:
                break
    return None if best is None else Confirmed(_judged(keeper, copy, *best), best[1])


def agreement(keeper: Look, copy: Look) -> float:
    """The share of the parts of two images that agree, laid over one another as well as can be.

    Returns:
        0 to 1; 0 too where they share too little to tell anything.
    """
    both = _Both(keeper, copy)
    laid = (both.laid(alignment)[0] for alignment in _alignments(keeper, copy))
    return max((found.agreeing for found in laid if _tells(found)), default=0.0)


def _alignments(keeper: Look, copy: Look, least: float = 0.0) -> Iterator[AffineTransform]:
    """Those that may hold: whole onto whole only where the gists allow it, which costs little.

    Args:
        keeper: what is laid over the other.
        copy: the other.
        least: share of the gists' parts that agree, for whole onto whole.
    """
    for mirrored in (False, True):
        gist = copy.gist[:, ::-1] if mirrored else copy.gist
        if float((keeper.gist * gist).sum()) < _ALIKE:
            continue
        if least == 0 or share_of_gists(keeper.gist, gist) >= least:
            yield stretched(keeper.frame, copy.frame, mirrored=mirrored)
    yield from align(keeper.keypoints, copy.keypoints)


class _Both:
    """Two images, as they are laid over one another."""

    def __init__(self, keeper: Look, copy: Look) -> None:
        self._looks = keeper, copy
        self._ours: Floats | None = None
        self._theirs: Floats | None = None

    def laid(self, alignment: AffineTransform) -> tuple[Agreement, AffineTransform]:
        """How far they agree, after finer alignments where these may make a difference."""
        keeper, copy = self._looks
        longest = _resolution(keeper, copy, alignment)
        if self._ours is None or self._theirs is None:
            self._ours, self._theirs = keeper.brightness, copy.brightness
        ours, theirs = self._ours, self._theirs
        inner = (keeper.inner, copy.inner) if min(keeper.content, copy.content) < 1 else None
        found = compare(ours, theirs, alignment, longest, inner)
        more = 0.0 if alignment.places else _UNTOLD
        for least, grid, times in _FINER:
            if not least + more < found.agreeing < _SURE:
                break
            nearer = refine_promising if found.agreeing < _PROMISING else refine
            finer = nearer(ours, theirs, alignment, grid, times)
            if finer is None:
                break
            again = compare(ours, theirs, finer, longest, inner)
            if again.agreeing > found.agreeing:
                found, alignment = again, finer
        return found, alignment


def _resolution(keeper: Look, copy: Look, alignment: AffineTransform) -> int:
    """Pixels of the keeper's longer side that both images have of what it shows."""
    there = max(copy.size) * alignment.scale * max(keeper.frame) / max(copy.frame)
    return int(min(GRID, max(_SMALLEST, min(max(keeper.size), there))))


def _weight(found: Agreement) -> float:
    """How much speaks for an alignment: a strip that agrees in all says less than a whole image."""
    return found.agreeing**2 * max(found.covers, found.covered)


def _holds(found: Agreement) -> bool:
    few = max(0.0, 1 - found.structured / _MANY)
    if found.within < _LEAST_WITHIN or not _tells(found):
        return False
    return found.agreeing >= LEAST_AGREEING + _OF_NONE * few


def _tells(found: Agreement) -> bool:
    covered = max(found.covers, found.covered)
    return found.structured >= _FEWEST and covered >= _LEAST_COVERED


def _judged(keeper: Look, copy: Look, found: Agreement, alignment: AffineTransform) -> CopyEvidence:
    longest = _resolution(keeper, copy, alignment)
    colours = compare_colours(keeper.colours, copy.colours, alignment, longest)
    says = tuple(_changes(found, colours, alignment)) or tuple(_cut_off(keeper, copy, alignment))
    if says:
        return CopyEvidence(ALTERED, says, found.agreeing)
    smaller = copy.size[0] * copy.size[1] / (keeper.size[0] * keeper.size[1])
    resized = "" if 0.98 < smaller < 1.02 else f"resized to {_percent(smaller**0.5)}"
    return CopyEvidence(RE_ENCODED, (resized,) if resized else (), found.agreeing)


def _cut_off(keeper: Look, copy: Look, alignment: AffineTransform) -> Iterator[str]:
    """That a keeper is short of an edge of what is else the same, which would be lost with it."""
    nearer = refine(keeper.brightness, copy.brightness, alignment, *_NEAREST)
    box = box_in(keeper.frame, nearer)
    if short_of(copy.frame, box) > _SHORT:
        yield f"{_percent(min(share_of(copy.frame, box), 0.99))} of a larger image"


def _changes(
    found: Agreement, colours: ColourDifference, alignment: AffineTransform
) -> Iterator[str]:
    if alignment.mirrored:
        yield "mirrored"
    if abs(alignment.degrees) >= _STRAIGHT:
        yield f"turned by {alignment.degrees:.0f}°"
    if found.covers < _WHOLE and found.covered >= _WHOLE:
        yield f"cropped to {_percent(found.covers)}"
    elif found.covers >= _WHOLE and found.covered < _WHOLE:
        yield f"{_percent(found.covered)} of a larger image"
    elif found.covers < _WHOLE and abs(alignment.degrees) < _STRAIGHT:
        yield f"shares {_percent(found.covers)}"
    if found.agreeing < _UNCHANGED:
        yield f"{_percent(1 - found.agreeing)} changed"
    elif colours.difference >= _SAME_COLOURS or colours.tint >= _SAME_TINT:
        yield "recoloured"


def _percent(share: float) -> str:
    return f"{max(share, 0.01):.0%}"


def with_identical_pixels(evidence: CopyEvidence) -> CopyEvidence:
    """The same, of two images whose every decoded pixel was found to be the same."""
    return replace(evidence, tier=IDENTICAL, says=(), agreeing=1.0)


def with_further_images(evidence: CopyEvidence) -> CopyEvidence:
    """The same, of a copy whose file holds images that were not compared, and would go with it."""
    if evidence.tier not in (IDENTICAL, RE_ENCODED):
        return evidence
    return replace(evidence, tier=ALTERED, says=(*evidence.says, "only its first image compared"))
