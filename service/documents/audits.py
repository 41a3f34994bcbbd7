"""What an audit found, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrail.indexer.wording import counted
from vitrail.service.documents.intervals import interval_document
from vitrail.service.documents.plain import named_path

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.replication.thresholds import Curve
    from vitrail.service.operations.audit_results import (
        Audit,
        AuditLine,
        AuditMeasure,
        SuspectPair,
    )
    from vitrail.service.operations.auditing import AuditOptions


def audit_document(found: Audit, options: AuditOptions) -> dict[str, Any]:
    """What was found, with every image."""
    return {
        "generated": options.generated,
        "against": options.against,
        "images": len(found.ids),
        "references": found.compared,
        "references_that_are_copies": found.copied,
        "space": found.space,
        "recall": found.recall,
        "verdict": verdict(found),
        "measures": {name: _measure(one) for name, one in found.measures.items()},
        "scores": [_scores(found, place) for place in range(len(found.ids))],
        "pairs": [_pair(pair) for pair in found.pairs],
        "references_away": [_image(image) for image in found.away],
    }


def verdict(found: Audit) -> str:
    """What the deciding measure says, in a sentence."""
    _, decided = found.deciding
    line = decided.lines[0]
    if line.chance is None:
        return (
            f"too few innocent images to tell how high they score: {len(decided.nulls)}, but "
            f"{line.needed} at least are needed"
        )
    judged = int((~np.isnan(decided.scores)).sum())
    judged_images = counted(judged, "image")
    reached = f"{line.above:,} of {judged_images} reach the line that 1% of innocent images reach"
    reached += f"; chance explains up to {line.chance.at_most:,}"
    if not line.told:
        return f"{reached}: no sign of copying"
    more = line.above - round(line.chance.expected)
    return (
        f"{reached}: about {more:,} are copies, or nearer to one image than to be expected of "
        "anything new"
    )


def told_apart(found: Audit) -> str | None:
    """How far all generated images score above innocent ones, in a sentence."""
    apart = found.deciding[1].apart
    if apart is None:
        return None
    return (
        f"a generated image scores above an innocent one with a chance of {apart.mean:.2f} "
        f"({max(0.0, apart.low):.2f} to {min(1.0, apart.high):.2f}); .5 is no difference"
    )


def _measure(measured: AuditMeasure) -> dict[str, Any]:
    return {
        "innocent": len(measured.nulls),
        "lines": [_line(line) for line in measured.lines],
        "auc": None if measured.curve is None else interval_document(measured.curve.area),
        "auc_of_generated": None if measured.apart is None else interval_document(measured.apart),
        "curve": None if measured.curve is None else _curve(measured.curve),
        "caught": {kind: interval_document(one) for kind, one in measured.caught.items()},
    }


def _curve(drawn: Curve) -> dict[str, list[float]]:
    """The corners of a receiver operating characteristic, between which it is straight."""
    steps = np.stack([np.diff(drawn.false), np.diff(drawn.caught)])
    turns = np.abs(steps[0, :-1] * steps[1, 1:] - steps[1, :-1] * steps[0, 1:]) > 1e-12
    kept = np.concatenate([[True], turns, [True]])
    return {"false": drawn.false[kept].tolist(), "caught": drawn.caught[kept].tolist()}


def _scores(found: Audit, place: int) -> dict[str, Any]:
    reference = int(found.references[place])
    return {
        "id": int(found.ids[place]),
        "reference": None if reference < 0 else reference,
        "cosine": float(found.cosines[place]),
        "fpr": float(found.rates[place]),
        **{name: float(one.scores[place]) for name, one in found.measures.items()},
    }


def _pair(pair: SuspectPair) -> dict[str, Any]:
    told = pair.evidence
    evidence = None
    if told is not None:
        evidence = {"tier": told.tier, "says": list(told.says), "agreeing": told.agreeing}
    return {
        "image": _image(pair.image),
        "reference": _image(pair.reference),
        "cosine": pair.cosine,
        "score": pair.score,
        "fpr": pair.rate,
        "evidence": evidence,
        "read": pair.read,
    }


def _line(line: AuditLine) -> dict[str, Any]:
    return {
        "rate": line.rate,
        "score": line.score,
        "innocent_needed": line.needed,
        "rate_of_pairs": line.rate_of_pairs,
        "above": None if line.score is None else line.above,
        "share": None if line.share is None else interval_document(line.share),
        "expected": None if line.chance is None else line.chance.expected,
        "by_chance_at_most": None if line.chance is None else line.chance.at_most,
        "planted_caught": line.caught,
    }


def _image(image: ImageInfo) -> dict[str, Any]:
    return {"id": image.id, **named_path(image.path)}
