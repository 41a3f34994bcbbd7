"""One search for duplicates in one commit of a collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.catalog.contents import ids_of, ids_with_several_files
from vitrail.indexer.vectors.one_thread import one_thread
from vitrail.search.duplicates.candidates import Candidates, alike_by_gist, find_candidates
from vitrail.search.duplicates.decided import Decided, settle
from vitrail.search.duplicates.details import with_details, worth_reading
from vitrail.search.duplicates.evidence import (
    DECIDED,
    IDENTICAL,
    LOOK_ALIKE,
    RE_ENCODED,
    Confirmed,
    CopyEvidence,
    lay_onto,
    with_further_images,
    with_identical_pixels,
)
from vitrail.search.duplicates.keepers import KeptGroup, form_groups, in_walking_order
from vitrail.search.duplicates.precedence import stays_first
from vitrail.search.duplicates.ranks import Rank, places, rank
from vitrail.service.operations.duplicate_groups import DuplicateGroup, Proof, loss, told_groups
from vitrail.service.operations.looks import HELD, Looks
from vitrail.service.operations.progress import AnalysisProgress, Progress

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.indexer.image_info import ImageInfo

_TELL = 16  # pairs between two events
_PORTION = 4096  # images whose metadata is read at a time
_KNOWN = 200_000  # images whose metadata is held
Pair = tuple[int, int]


class DuplicateSearch:
    """One search for duplicates in one commit.

    Args:
        snapshot: the commit.
        where: a filter of what is compared; ``None`` is all.
        since: a filter of what is asked about; ``None`` is all that is compared.
        progress: told how many images are met, and how many pairs compared.
        cancellation: looked at between pairs.

    Attributes:
        asked: (n,) int64 ids of the images that are asked about; ``None`` is all.
        looks: of the images.
        compared: pairs whose pixels were compared.

    Raises:
        FilterError: a filter cannot be used.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        where: str | None,
        since: str | None,
        progress: Progress,
        cancellation: Cancellation | None,
    ) -> None:
        self.snapshot = snapshot
        self.decided: Decided = settle(snapshot.decisions())
        self.looks = Looks(self._info)
        self.compared = 0
        self.allowed = None if where is None else snapshot.allowed_ids(where)
        self.asked = self.allowed
        if since is not None:
            new = snapshot.allowed_ids(since)
            self.asked = new if self.allowed is None else np.intersect1d(new, self.allowed)
        self._progress = progress
        self._cancellation = cancellation
        self._infos: dict[int, ImageInfo] = {}
        self._before: dict[Pair, Pair] = {}  # of which the first goes before the other

    def candidates(self, space: str) -> Candidates:
        """Near pairs."""
        found = find_candidates(
            self.snapshot.index(space),
            asked=self.asked,
            allowed=self.allowed,
            on_progress=lambda done, total: self._progress(
                AnalysisProgress("looking for near pairs", done, total)
            ),
            stop=self._stopped,
        )
        self._check()
        return found

    def copies(self, found: Candidates) -> list[DuplicateGroup]:
        """Groups of copies, among near pairs and those that the user has named."""
        near = zip(found.first.tolist(), found.second.tolist(), strict=True)
        known = self._proofs(in_walking_order([*near, *self._named_pairs()]))
        more = [pair for pair in self._alike_by_gist() if pair not in known]
        known |= self._proofs(in_walking_order(more))
        proven = {pair: proof for pair, proof in known.items() if proof is not None}

        def prove(keeper: int, copy: int) -> Proof | None:
            pair = (keeper, copy) if keeper < copy else (copy, keeper)
            if pair not in known:
                return self._prove(keeper, copy)
            proof = known[pair]
            # Where a frame has changed their order, what was done is told the other way round.
            turned = proof is not None and self._in_order(*pair) != (keeper, copy)
            return self._prove(keeper, copy) if turned else proof

        with one_thread():
            groups = form_groups(
                places(self._ranks(proven), self._told_order(proven)),
                proven,
                prove,
                kept=self._kept(proven),
                loss=loss,
                on_progress=self._forming,
            )
        shared = self._with_several_files()
        return self._told(self._asked_about(groups), shared)

    def look_alikes(
        self, found: Candidates, least: float, copies: Sequence[DuplicateGroup]
    ) -> list[DuplicateGroup]:
        """Groups of images that are as near as look-alikes are, copies of one left out."""
        spare = {
            copy.image.id
            for group in copies
            for copy in group.copies
            if copy.image.id != group.keeper.id
        }
        proven = {
            (one, other): Proof(CopyEvidence(LOOK_ALIKE, (f"cosine {cosine:.3f}",)), False)
            for one, other, cosine in zip(
                found.first.tolist(), found.second.tolist(), found.cosines.tolist(), strict=True
            )
            if cosine >= least and not {one, other} & spare and self._decided(one, other) is None
        }
        groups = form_groups(
            places(self._ranks(proven)),
            proven,
            lambda keeper, copy: proven.get((min(keeper, copy), max(keeper, copy))),
            kept=self._kept(proven),
        )
        return self._told(groups, {})

    # Inside

    def _forming(self, done: int, total: int) -> None:
        if done % _TELL == 0 or done == total:
            self._progress(AnalysisProgress("forming groups", done, total))

    def _proofs(self, pairs: Sequence[Pair]) -> dict[Pair, Proof | None]:
        """What shows of each pair that they are copies; ``None`` where nothing does."""
        self._learn(i for pair in pairs for i in pair)
        found: dict[Pair, Proof | None] = {}
        with one_thread():
            for done, (one, other) in enumerate(self._looked_ahead(pairs), 1):
                found[one, other] = self._prove(*self._in_order(one, other))
                if done % _TELL == 0 or done == len(pairs):
                    self._progress(AnalysisProgress("comparing pixels", done, len(pairs), "pair"))
        return found

    def _alike_by_gist(self) -> list[Pair]:
        """Further pairs, of the images that were read, among those that are asked about."""
        pairs = alike_by_gist(self.looks.gists, stop=self._stopped)
        self._check()
        if self.asked is None:
            return pairs
        asked = set(self.asked.tolist())
        return [pair for pair in pairs if asked & {*pair}]

    def _prove(self, keeper: int, copy: int) -> Proof | None:
        """What shows that one image is a copy of another, and whether the user said so."""
        self._check()
        said = self._decided(keeper, copy)
        if said is False:
            return None
        ours, theirs = self.looks.get(keeper), self.looks.get(copy)
        evidence = None
        if ours is not None and theirs is not None:
            self.compared += 1
            found = lay_onto(ours, theirs)
            if found is not None:
                evidence = self._looked_closer(keeper, copy, found)
                self._note_order(keeper, copy, stays_first(ours, theirs, found.alignment))
            elif ours.blank and theirs.blank and self._same_pixels(keeper, copy):
                evidence = CopyEvidence(IDENTICAL)  # nothing in them could be laid over anything
        if evidence is not None and copy in self.looks.several:
            evidence = with_further_images(evidence)
        if evidence is None and said:
            evidence = CopyEvidence(DECIDED, ("you say so",))
        return None if evidence is None else Proof(evidence, bool(said))

    def _looked_closer(self, keeper: int, copy: int, found: Confirmed) -> CopyEvidence | None:
        """The evidence, after what only the whole images show."""
        if self._may_be_identical(keeper, copy, found.evidence):
            return with_identical_pixels(found.evidence)
        one, other = self._info(keeper), self._info(copy)
        sizes = (one.width, one.height), (other.width, other.height)
        if not worth_reading(*sizes, found.alignment):
            return found.evidence
        ours, theirs = self.looks.detailed(keeper), self.looks.detailed(copy)
        if ours is None or theirs is None:  # it went away just now, and nothing is proven by halves
            return None
        return with_details(found, ours, theirs)

    def _note_order(self, one: int, other: int, first: bool | None) -> None:
        """Note what a pair tells of which image goes before the other, when it is met first."""
        if first is not None:
            pair = (one, other) if first else (other, one)
            self._before.setdefault((min(pair), max(pair)), pair)

    def _told_order(self, proven: Iterable[Pair]) -> Iterator[Pair]:
        return (self._before[pair] for pair in proven if pair in self._before)

    def _may_be_identical(self, keeper: int, copy: int, evidence: CopyEvidence) -> bool:
        if evidence.tier != RE_ENCODED or evidence.says:
            return False
        return self._same_pixels(keeper, copy)

    def _same_pixels(self, keeper: int, copy: int) -> bool:
        one, other = self._info(keeper), self._info(copy)
        same = (one.width, one.height) == (other.width, other.height)
        return same and self.looks.same_pixels(keeper, copy)

    def _decided(self, one: int, other: int) -> bool | None:
        if not self.decided.same and not self.decided.apart:
            return None
        return self.decided.says(self._info(one).content_hash, self._info(other).content_hash)

    def _named_pairs(self) -> Iterator[Pair]:
        """Pairs that the user said are the same, of images that are here and asked about."""
        named = sorted({content for pair in self.decided.same for content in pair})
        if not named:
            return
        with self.snapshot.reading() as connection:
            ids = ids_of(connection, named)
        asked = None if self.asked is None else set(self.asked.tolist())
        allowed = None if self.allowed is None else set(self.allowed.tolist())
        for one, other in sorted(self.decided.same):
            if one in ids and other in ids:
                pair = ids[one], ids[other]
                if allowed is not None and not allowed.issuperset(pair):
                    continue
                if asked is None or asked & {*pair}:
                    yield pair

    def _looked_ahead(self, pairs: Sequence[Pair]) -> Iterator[Pair]:
        """Pairs, whose images are read by threads some hundreds at a time."""
        step = HELD // 8
        for start in range(0, len(pairs), step):
            part = pairs[start : start + step]
            self._check()
            self.looks.ahead([i for pair in part for i in pair])
            yield from part

    def _in_order(self, one: int, other: int) -> Pair:
        """The better of two images first."""
        first, second = sorted((one, other), key=self._rank)
        return first, second

    def _rank(self, image_id: int) -> Rank:
        lossless = image_id in self.looks.lossless
        return rank(self._info(image_id), self.decided.kept, lossless=lossless)

    def _ranks(self, pairs: Iterable[Pair]) -> dict[int, Rank]:
        ids = {i for pair in pairs for i in pair}
        return {i: self._rank(i) for i in ids}

    def _kept(self, pairs: Iterable[Pair]) -> set[int]:
        ids = {i for pair in pairs for i in pair} if self.decided.kept else set()
        return {i for i in ids if self._info(i).content_hash in self.decided.kept}

    def _with_several_files(self) -> dict[int, ImageInfo]:
        """Images that are there at several paths."""
        with self.snapshot.reading() as connection:
            ids = ids_with_several_files(connection)
        if self.asked is not None:
            ids = np.intersect1d(ids, self.asked).tolist()
        return {info.id: info for info in self.snapshot.metadata(ids)}

    def _asked_about(self, groups: Sequence[KeptGroup[Proof]]) -> list[KeptGroup[Proof]]:
        """Those with an image that is asked about."""
        if self.asked is None:
            return [*groups]
        asked = set(self.asked.tolist())
        return [one for one in groups if asked & {one.keeper, *one.members}]

    def _told(
        self, groups: Sequence[KeptGroup[Proof]], shared: Mapping[int, ImageInfo]
    ) -> list[DuplicateGroup]:
        return [*told_groups(groups, shared, self._info, self._rank, self.decided.kept)]

    def _info(self, image_id: int) -> ImageInfo:
        known = self._infos.get(image_id)  # threads ask, while others are forgotten
        if known is None:
            (known,) = self.snapshot.metadata([image_id])
        return known

    def _learn(self, ids: Iterable[int]) -> None:
        """Read what is known of images, many at a time."""
        wanted = [i for i in dict.fromkeys(ids) if i not in self._infos]
        for start in range(0, len(wanted), _PORTION):
            if len(self._infos) > _KNOWN:
                self._infos.clear()
            part = self.snapshot.metadata(wanted[start : start + _PORTION])
            self._infos.update((info.id, info) for info in part)

    def _stopped(self) -> bool:
        return self._cancellation is not None and self._cancellation.cancelled

    def _check(self) -> None:
        if self._cancellation is not None:
            self._cancellation.check()
