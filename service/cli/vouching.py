"""What can be said for the hits of a prompt, or against them, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted

if TYPE_CHECKING:
    from vitrail.search.query import Evidence

ALIKE = 0.25  # of the usual variety, under which images of several seeds are said to be alike
_WORDS = {
    "good": "good",
    "doubtful": "doubtful",
    "noise": "probably noise",
}


def vouch(evidence: Evidence, *, seeds: bool = True) -> list[str]:
    """Sentences on how far to trust an answer, the verdict first; empty without any evidence.

    Args:
        evidence: of the answer.
        seeds: whether the images that were asked with are of one prompt. Others differ because
            they were chosen so; that they agree proves nothing, and that they do not tells that
            they ask for several things.
    """
    if not seeds:
        return _shared(evidence)
    return [
        *_compared(evidence),
        *_agreeing(evidence),
    ]


def _shared(evidence: Evidence) -> list[str]:
    if evidence.overlap is None:
        return []
    return [f"asked one by one, the images would have {evidence.overlap:.0%} of hits in common"]


def _compared(evidence: Evidence) -> list[str]:
    if evidence.verdict is None:
        return []
    count = evidence.background
    prompts = counted(count, "unrelated prompt's", "unrelated prompts'")
    few = ", which are too few to say more" if _all_beaten(evidence) else ""
    said = [
        f"{_WORDS[evidence.verdict]}: hits nearer than {evidence.nearer_than} of {prompts} hits"
        f"{few}"
    ]
    if evidence.inside is not None:
        said.append(
            f"of the collection's images {evidence.inside:.0%} have no nearer neighbour than that"
        )
    return said


def _all_beaten(evidence: Evidence) -> bool:
    """Whether no hits of unrelated prompts are as near, and yet the verdict is not good."""
    return evidence.verdict != "good" and evidence.nearer_than == evidence.background


def _agreeing(evidence: Evidence) -> list[str]:
    if evidence.overlap is None:
        return []
    shared = f"{evidence.overlap:.0%} of hits in common"
    if evidence.spread is None or evidence.agreement is None:
        return [f"agreement between seeds unknown: {shared}, in a collection of copies"]
    how = "but only" if evidence.spread < ALIKE else "with"
    variety = f"{how} {evidence.spread:.0%} of the usual variety"
    return [f"agreement between seeds {evidence.agreement:.0%}: {shared}, {variety}"]
