"""Groups of duplicates, with what is known of their images and why one of each stays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vitrail.search.duplicates.evidence import IDENTICAL, RE_ENCODED, TIERS, CopyEvidence
from vitrail.search.duplicates.keepers import MORE, NOTHING, QUALITY, KeptGroup
from vitrail.search.duplicates.ranks import Rank, reason

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo


class Proof(NamedTuple):
    """What shows that an image is a copy of another, and whether the user said so."""

    evidence: CopyEvidence
    decided: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """A member of a group beside its keeper.

    Attributes:
        image: that it is; the keeper itself, of a second file with the same bytes.
        paths: its files.
        evidence: against the keeper.
        decided: whether the user said so.
    """

    image: ImageInfo
    paths: tuple[str, ...]
    evidence: CopyEvidence
    decided: bool = False


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Images of which one is enough.

    Attributes:
        keeper: the one.
        reason: why it is that one.
        copies: the others, the surest evidence first.
        decided: whether the user said that it is to be kept.
    """

    keeper: ImageInfo
    reason: str
    copies: tuple[Copy, ...]
    decided: bool = False


def loss(proof: Proof) -> int:
    """What is lost with a copy of which there is such a proof, if its keeper stays."""
    return {IDENTICAL: NOTHING, RE_ENCODED: QUALITY}.get(proof.evidence.tier, MORE)


def told_groups(
    groups: Sequence[KeptGroup[Proof]],
    shared: Mapping[int, ImageInfo],
    info: Callable[[int], ImageInfo],
    place: Callable[[int], Rank],
    kept: Collection[str],
) -> Iterator[DuplicateGroup]:
    """Groups with what is known of their images; and images that have several files.

    With an image of which more than quality would be lost only its first file is told; round that
    its others form a group, as identical ones.

    Args:
        groups: as they were formed.
        shared: image id -> the image, of those with several files that are told.
        info: what is known of an image, by its id.
        place: of an image among copies, likewise.
        kept: content hashes of what the user keeps.
    """
    keepers = {group.keeper for group in groups}
    left = dict(shared)
    for group in groups:
        keeper = info(group.keeper)
        left.pop(keeper.id, None)
        copies = [] if keeper.content_hash in kept else [*_second_files(keeper)]
        for image_id, proof in group.members.items():
            image, paths = info(image_id), info(image_id).paths
            if loss(proof) == MORE and (image_id in keepers or image_id in shared):
                paths = paths[:1]
            else:
                left.pop(image_id, None)
            copies.append(Copy(image, paths, *proof))
        why = reason(keeper, place(keeper.id), map(place, group.members))
        decided = keeper.content_hash in kept
        yield DuplicateGroup(keeper, why, tuple(sorted(copies, key=_sure)), decided)
    for image in left.values():
        if image.content_hash not in kept:
            yield DuplicateGroup(image, "the first path", tuple(_second_files(image)))


def _second_files(image: ImageInfo) -> Iterator[Copy]:
    if len(image.paths) > 1:
        yield Copy(image, image.paths[1:], CopyEvidence(IDENTICAL, ("the same file",)))


def _sure(copy: Copy) -> tuple[int, float, int]:
    return TIERS.index(copy.evidence.tier), -copy.evidence.agreeing, copy.image.id
