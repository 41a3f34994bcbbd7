"""What a user may ask of a generation, checked before anything is loaded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checkpoints.schedulers import check_scheduler
from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted

MAX_SEED = 2**63 - 1
MAX_PROMPT = 20_000  # characters; text encoders see the first few hundred
MAX_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample; ``None`` is the checkpoint's own default.

    Attributes:
        n: how many images, from consecutive seeds.
        seed: of the first image.
        negative_prompt: what not to draw.
        scheduler: name in ``vitrail.generator.checkpoints.schedulers.SCHEDULERS``.
        steps: denoising steps of the whole schedule.
        guidance: weight of classifier-free guidance.
    """

    n: int = 1
    seed: int = 0
    negative_prompt: str = ""
    scheduler: str | None = None
    steps: int | None = None
    guidance: float | None = None


DEFAULTS = Sampling()
"""One image, everything as the checkpoint has it."""


def check_sampling(info: CheckpointInfo, prompt: str, sampling: Sampling) -> None:
    """Refuse what cannot be sampled.

    Raises:
        InputError: naming what was given, what is possible, and the remedy.
    """
    check_prompt(prompt)
    if len(sampling.negative_prompt) > MAX_PROMPT:
        raise InputError(
            f"the negative prompt is longer than {MAX_PROMPT:,} characters: shorten it"
        )
    if sampling.negative_prompt and info.family == "lcm":
        raise InputError(
            f"{info.name!r} is a latent consistency model, which knows no negative prompt: "
            f"leave it out"
        )
    if sampling.n < 1:
        raise InputError(f"{sampling.n} images cannot be generated: give 1 or more")
    if not 0 <= sampling.seed <= MAX_SEED - sampling.n + 1:
        raise InputError(
            f"seed {sampling.seed} for {counted(sampling.n, 'image')} is out of range: give 0 to "
            "2**63 - 1"
        )
    if sampling.steps is not None and not 1 <= sampling.steps <= MAX_STEPS:
        raise InputError(f"{sampling.steps} steps are not possible: give 1 to {MAX_STEPS}")
    if sampling.guidance is not None and not 0 <= sampling.guidance <= 1000:
        raise InputError(f"guidance {sampling.guidance} is out of range: give 0 (none) to 1000")
    if sampling.scheduler is not None:
        check_scheduler(sampling.scheduler)
    if sampling.scheduler == "heun" and info.from_pure_noise:
        # Its second-order step from an all but infinite sigma is off by as much.
        raise InputError(
            f"scheduler heun cannot start from the pure noise that {info.name!r} starts from: use "
            f"{info.scheduler}, euler or dpm++2m"
        )


def check_prompt(prompt: str) -> str:
    """The prompt itself.

    Raises:
        InputError: it is empty or too long.
    """
    if not prompt.strip():
        raise InputError('the prompt is empty: say what to draw, such as "a red apple"')
    if len(prompt) > MAX_PROMPT:
        raise InputError(
            f"the prompt has {len(prompt):,} characters, more than {MAX_PROMPT:,}: shorten it"
        )
    return prompt


def check_strength(name: str, value: float) -> float:
    """The strength itself.

    Raises:
        InputError: it is outside 0 to 1, or not a number.
    """
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise InputError(
            f"{name} {value} is outside [0, 1]: give a number from 0 to 1, such as 0.6"
        )
    return float(value)


def check_size(info: CheckpointInfo, width: int, height: int) -> None:
    """Refuse sizes that the checkpoint cannot draw.

    Raises:
        InputError: with the nearest size that it can.
    """
    step = info.multiple
    if min(width, height) < 1 or width % step or height % step:
        near = f"{_nearest(width, step)}x{_nearest(height, step)}"
        raise InputError(
            f"size {width}x{height} is not a multiple of {step} pixels: the nearest is {near}"
        )
    if info.largest is not None and max(width, height) > info.largest:
        raise InputError(
            f"size {width}x{height} is too large for {info.name!r}, which was trained at "
            f"{info.native}x{info.native}: give at most {info.largest} pixels a side"
        )


def _nearest(value: int, step: int) -> int:
    return max(step, (value + step // 2) // step * step)
