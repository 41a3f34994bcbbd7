"""Replication audit: whether generated images copy those that their model may have learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import CheckpointError, FingerprintMismatchError, InputError
from vitrail.indexer.wording import counted
from vitrail.search.measures import Interval, interval
from vitrail.search.replication.scoring import NONE, Near, Nearness, suspect
from vitrail.search.replication.thresholds import (
    by_chance,
    curve,
    false_positive_rates,
    needed_for,
    rate_of_pairs,
    threshold,
)
from vitrail.service.operations.audit_results import (
    Audit,
    AuditLine,
    AuditMeasure,
    Measure,
    SuspectPair,
)
from vitrail.service.operations.audit_sample import TRIED, AuditSample, Planted
from vitrail.service.operations.innocent import hold, references_of
from vitrail.service.operations.progress import Note, Progress, nobody

if TYPE_CHECKING:
    from vitrail.service.operations.searchable import Searchable

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
RATES = (0.01, 0.001)
_TELLING = 0.3  # share of agreeing parts below which vectors tell better which reference is meant


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Which images are held against which.

    Attributes:
        generated: SQL expression over the columns, of the images that may copy.
        against: the same of those that may have been copied, such as a training set.
        space: whose vectors are compared; ``None`` is the one that searches weigh most.
        pixels: whether images are also laid over their nearest references, and judged by that; it
            takes a sixth of a second an image.
        originals: references of which copies are planted, to see whether they are caught.
        pairs: the most suspicious pairs that are told.

    Raises:
        InputError: a number below 0.
    """

    generated: str = "generated"
    against: str = "not generated"
    space: str | None = None
    pixels: bool = True
    originals: int = 24
    pairs: int = 24

    def __post_init__(self) -> None:
        for name, number in (("originals", self.originals), ("pairs", self.pairs)):
            if number < 0:
                raise InputError(f"{name} is {number}; give 0 or more")


def audit(
    collection: Searchable,
    options: AuditOptions | None = None,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Audit:
    """Hold generated images against those that they may copy.

    Vectors find the nearest references of each; laid over these, their pixels show whether they
    are the same image. How high innocent images score is told by references held against all
    others, and whether copies are caught by copies that are planted of some.

    Args:
        collection: open.
        options: see ``AuditOptions``.
        progress: told where it is.
        cancellation: looked at between blocks, planted images and pairs.

    Raises:
        InputError: a filter or the space cannot be used, no image is generated, too few references,
            or images that are both.
        CollectionError: vectors are damaged or cannot be read now.
        CancelledError: somebody asked to stop.
    """
    chosen, told = options or AuditOptions(), cancellation or Cancellation()
    return at_newest(collection.store, lambda: _audit(collection, chosen, progress, told))


@dataclass(frozen=True, slots=True)
class _Scores:
    """The scores of the generated, the innocent and the planted, by one measure."""

    images: Doubles
    nulls: Doubles
    planted: Doubles | None


def _audit(
    collection: Searchable, options: AuditOptions, progress: Progress, cancellation: Cancellation
) -> Audit:
    sample = AuditSample(collection, options.space, progress, cancellation)
    ids, references = _sides(sample, options)
    around = sample.near(references, references)
    usual = around.without(sample.copy_distance)
    near = sample.near(ids, references)
    images = suspect(near, usual)
    planted = _plant(collection, sample, references, options.originals, progress)
    scores: dict[Measure, _Scores] = {}
    accused = images.reference
    held = hold(sample, references, around, pixels=options.pixels)
    if options.pixels:
        agreeing = sample.agreeing(ids, near, references, TRIED)
        accused = np.where(agreeing.shares >= _TELLING, agreeing.references, accused)
        copies = None if planted is None else sample.agreeing_planted(planted, references, TRIED)
        scores["pixels"] = _Scores(
            agreeing.shares,
            held.agreeing[~np.isnan(held.agreeing)],
            None if copies is None else np.nan_to_num(copies),
        )
    own = held.innocent
    null = suspect(Near(around.positions[own], around.distances[own]), usual, own)
    caught = None if planted is None else suspect(planted.near, usual)
    scores |= _by_vectors(images, null, caught)
    measures = {name: _measured(one, planted) for name, one in scores.items()}
    decided = next(iter(measures.values()))
    rates = false_positive_rates(decided.scores, decided.nulls)
    found = references[np.maximum(accused, 0)]
    cosines = _cosines(sample, ids, found)
    return Audit(
        ids=ids,
        references=np.where(accused == NONE, -1, found),
        cosines=cosines,
        rates=np.where(np.isnan(decided.scores), np.nan, rates),
        measures=measures,
        pairs=_pairs(sample, ids, found, cosines, decided, rates, options.pairs),
        compared=len(references),
        copied=held.copied,
        recall=sample.recall,
        space=sample.space,
        away=sample.away(references),
    )


def _by_vectors(
    images: Nearness, nulls: Nearness, planted: Nearness | None
) -> dict[Measure, _Scores]:
    return {
        "relative": _Scores(images.score, nulls.score, None if planted is None else planted.score),
        "own": _Scores(images.local, nulls.local, None if planted is None else planted.local),
        "plain": _Scores(images.plain, nulls.plain, None if planted is None else planted.plain),
    }


def _sides(sample: AuditSample, options: AuditOptions) -> tuple[Ids, Ids]:
    ids = sample.snapshot.allowed_ids(options.generated)
    if not len(ids):
        raise InputError(
            f"no image fulfils {options.generated!r}, so that there is nothing to audit; index the "
            "generated images, or say which they are with --generated"
        )
    references = references_of(sample.snapshot, options.against)
    both = np.intersect1d(ids, references)
    if len(both):
        raise InputError(
            f"both filters let through {counted(len(both), 'image')}, such as image {both[0]}, "
            "which would be copies of themselves; let the filters exclude one another"
        )
    return ids, references


def _plant(
    collection: Searchable,
    sample: AuditSample,
    references: Ids,
    originals: int,
    progress: Progress,
) -> Planted | None:
    if not originals:
        return None
    try:
        encoder = collection.encoder
    except (CheckpointError, FingerprintMismatchError) as error:
        progress(Note(f"no copies were planted, so that nothing shows what is caught: {error}"))
        return None
    planted = sample.plant(encoder, references, originals)
    if planted is None:
        progress(Note("no copies were planted, as no reference's file can be read now"))
    return planted


def _measured(scores: _Scores, planted: Planted | None) -> AuditMeasure:
    lines = tuple(_line(scores, rate) for rate in RATES)
    if planted is None or scores.planted is None:
        return AuditMeasure(scores.images, scores.nulls, lines, None, {})
    known = len(scores.nulls) > 0
    return AuditMeasure(
        scores=scores.images,
        nulls=scores.nulls,
        lines=lines,
        curve=curve(scores.planted, planted.originals, scores.nulls) if known else None,
        caught=_caught(scores.planted, planted, lines[0].score),
    )


def _line(scores: _Scores, rate: float) -> AuditLine:
    at = threshold(scores.nulls, rate)
    read = scores.images[~np.isnan(scores.images)]
    chance = by_chance(len(read), len(scores.nulls), rate)
    reach = np.zeros(len(read)) if at is None else (read >= at).astype(np.float64)
    share = None if at is None or not len(read) else interval(reach)
    caught = None
    if at is not None and scores.planted is not None:
        caught = float(np.mean(scores.planted >= at))
    paired = rate_of_pairs(len(scores.nulls), rate)
    return AuditLine(rate, at, needed_for(rate), int(reach.sum()), share, chance, caught, paired)


def _caught(scores: Doubles, planted: Planted, line: float | None) -> dict[str, Interval]:
    if line is None:
        return {}
    kinds = np.array(planted.kinds)
    return {
        kind: interval((scores[kinds == kind] >= line).astype(np.float64))
        for kind in dict.fromkeys(planted.kinds)
    }


def _cosines(sample: AuditSample, ids: Ids, found: Ids) -> Doubles:
    ours = sample.snapshot.vectors(ids.tolist(), sample.space)
    theirs = sample.snapshot.vectors(found.tolist(), sample.space)
    cosines: Doubles = np.einsum("nd,nd->n", ours.astype(np.float64), theirs)
    return cosines


def _pairs(
    sample: AuditSample,
    ids: Ids,
    found: Ids,
    cosines: Doubles,
    decided: AuditMeasure,
    rates: Doubles,
    count: int,
) -> tuple[SuspectPair, ...]:
    scores = np.where(np.isfinite(decided.scores), decided.scores, -np.inf)
    order = np.lexsort((-cosines, -scores))
    order = order[np.isfinite(scores[order])][:count]
    infos = sample.snapshot.metadata([*ids[order].tolist(), *found[order].tolist()])
    pairs = []
    for done, place in enumerate(order.tolist()):
        evidence, read = sample.evidence(int(found[place]), int(ids[place]))
        image, reference = infos[done], infos[len(order) + done]
        cosine, score, rate = (float(one[place]) for one in (cosines, scores, rates))
        pairs.append(SuspectPair(image, reference, cosine, score, rate, evidence, read))
    return tuple(pairs)
