"""Checkpoints of a generator's training held against one another, as JSON and in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrail.indexer.wording import counted
from vitrail.service.documents.plain import named_paths

if TYPE_CHECKING:
    from vitrail.search.comparison.estimates import Estimate
    from vitrail.search.picking.choosing import CheckpointFigures, Comparison
    from vitrail.service.operations.pick_records import PickedRun


_LEARNED = {
    "lora": "low-rank weights",
    "full": "the whole U-Net",
    "inversion": "tokens of its own",
}


def pick_document(made: PickedRun) -> dict[str, Any]:
    """What was compared by what, all figures, and the files that were made."""
    found = made.found
    return {
        "run": made.run,
        "source": made.source,
        "method": made.method,
        "finished": made.finished,
        "verdict": verdict(made),
        "best": None if found.picked is None else found.picked.step,
        "alike": list(found.alike),
        "prompts": list(made.prompts),
        "others": list(made.others),
        "seeds": list(made.seeds),
        "taught": named_paths(made.taught),
        "checkpoint": made.encoder,
        "space": made.space,
        "taught_among_themselves": found.taught._asdict(),
        "near_at_first": found.near_at_first,
        "usual_drift": _number(found.usual),
        "copies": {
            "rate": found.rate,
            "line": found.line,
            "innocent": found.innocent,
            "needed": found.needed,
        },
        "beginning": _figures(made, found.base),
        "checkpoints": [_figures(made, one) for one in found.checkpoints],
        "out": made.out,
        "out_step": made.out_step,
    }


def verdict(made: PickedRun) -> str:
    """Which checkpoint is the best, and how sure that is, in a sentence."""
    found = made.found
    if found.picked is None:
        return f"no checkpoint is better than the one that learning began with: {_why(found)}"
    best, alike = found.picked.step, found.alike
    if len(found.checkpoints) == 1:
        return f"there is one checkpoint, after step {best}, and none to choose from"
    if len(alike) == 1:
        return f"after step {best} it is the best, and all others are shown to be worth less"
    others = [str(step) for step in alike if step != best]
    named = " and ".join([", ".join(others[:-1]), others[-1]] if others[1:] else others)
    return (
        f"after step {best} it is the best; that it is worth more than after {named} is not shown"
    )


def _why(found: Comparison) -> str:
    """What makes all checkpoints worthless, and what to do."""
    learned = [one.shares for one in found.checkpoints if one.shares.learned > 0]
    if not learned:
        return "nothing was learned; train for longer, or at another rate"
    if all(shares.stays == 0 for shares in learned):
        return (
            "nothing is left of what other prompts drew; train beside a --prior, give it more "
            "weight, or train at a lower rate or for fewer steps"
        )
    if all(shares.original == 0 for shares in learned):
        return "all that they make of it are copies; train for fewer steps, or with more images"
    if all(shares.varied == 0 for shares in learned):
        return "each draws one image again and again; train for fewer steps, or with more images"
    return (
        "each copies all, draws one image again and again, or has lost what other prompts drew; "
        "train at another rate, or with other images"
    )


def told_of_pick(made: PickedRun) -> list[str]:
    """Sentences on what was compared, and by what."""
    found = made.found
    images = (len(made.prompts) + len(made.others)) * len(made.seeds)
    how = _LEARNED.get(made.method, made.method)
    lines = [
        f"{counted(len(found.checkpoints), 'checkpoint')} of {made.source} ({how}), "
        f"{counted(len(made.taught), 'taught image')}"
        + ("" if made.finished else "; the training is not done"),
        f"each made {counted(images, 'image')} from {counted(len(made.seeds), 'seed')}: "
        f"{counted(len(made.prompts), 'prompt')} of what was taught, "
        f"{len(made.others) or 'none'} of what was not; compared by {made.encoder}, {made.space}",
    ]
    if found.line is None:
        lines.append(
            f"whether they copy cannot be told at {100 * found.rate:.3g}%: that needs "
            f"{counted(found.needed, 'innocent image')}, and there are {found.innocent:,}; name "
            "more by --references"
        )
    else:
        lines.append(
            f"a copy: {found.line:.0%} of its parts agree with a taught image, or more, as of "
            f"{100 * found.rate:.3g}% at most of images that copy nothing "
            f"({found.innocent:,} were held against the taught)"
        )
    if found.near_at_first:
        lines.append(
            "how much was learned is hardly told: before, images were about as near to the taught "
            f"ones (cosine {found.base.fidelity.value:.2f}) as these are to one another "
            f"({found.taught.fidelity:.2f}, give or take {found.taught.spread:.2f}); taught images "
            "of one subject tell more"
        )
    return lines


def word_on(made: PickedRun, one: CheckpointFigures) -> str:
    """What a checkpoint is beside the best one; empty for nothing to say."""
    found = made.found
    if found.picked is None or one.step not in {each.step for each in found.checkpoints}:
        return ""
    if one.step == found.picked.step:
        return "best"
    if one.alike:
        return "perhaps as good"
    return f"beaten by {one.beaten_by[0]}" if one.beaten_by else ""


def _figures(made: PickedRun, one: CheckpointFigures) -> dict[str, Any]:
    return {
        "step": one.step,
        "fidelity": _estimate(one.fidelity),
        "diversity": _estimate(one.diversity),
        "drift": None if one.drift is None else _estimate(one.drift),
        "copied": None if one.copied is None else _estimate(one.copied),
        "copies": one.copies,
        "judged": one.judged,
        "shares": {name: _number(value) for name, value in one.shares._asdict().items()},
        "kept": _estimate(one.kept),
        "worth": _estimate(one.worth),
        "behind": None if one.behind is None else _estimate(one.behind),
        "beaten_by": list(one.beaten_by),
        "drawn": [
            {
                "prompt": prompt,
                "taught": place < len(made.prompts),
                **named_paths(paths),
                "copying": made.copying[one.step][place].tolist()
                if place < len(made.prompts)
                else None,
            }
            for place, (prompt, paths) in enumerate(
                zip(made.prompts + made.others, made.drawn[one.step], strict=True)
            )
        ],
    }


def _estimate(one: Estimate) -> dict[str, float]:
    return {"value": one.value, "low": one.low, "high": one.high}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
