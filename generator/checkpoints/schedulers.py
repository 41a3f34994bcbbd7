"""Samplers by name, made from the checkpoint's own noise schedule."""

from __future__ import annotations

import functools
from typing import Any

from vitrail.indexer.encoders.libraries import LOADING
from vitrail.indexer.errors import InputError

SCHEDULERS: dict[str, str] = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
    "dpm++2m": "DPMSolverMultistepScheduler",
    "unipc": "UniPCMultistepScheduler",
    "lcm": "LCMScheduler",
    "heun": "HeunDiscreteScheduler",
    "pndm": "PNDMScheduler",
}
"""Name -> class in diffusers."""

_NAMES = {kind: name for name, kind in SCHEDULERS.items()}


def name_of(kind: str) -> str:
    """Our name of a scheduler class; ``ddim`` for one that we do not offer.

    Every such class samples the same model, and DDIM asks nothing of its schedule.
    """
    return _NAMES.get(kind, "ddim")


def check_scheduler(name: str) -> str:
    """The name itself.

    Raises:
        InputError: it is not in ``SCHEDULERS``.
    """
    if name not in SCHEDULERS:
        raise InputError(f"scheduler {name!r} is unknown: use one of {', '.join(SCHEDULERS)}")
    return name


def build_scheduler(name: str, config: Any) -> Any:
    """A new scheduler of that name with the betas and prediction type of ``config``.

    Raises:
        InputError: the name is unknown.
    """
    kind = _class(SCHEDULERS[check_scheduler(name)])
    known = kind._get_init_keys(kind)
    # Defaults of these classes that ruin latents, which are not in -1..1 and need no warm-up.
    fixed = {"clip_sample": False, "thresholding": False, "skip_prk_steps": True}
    return kind.from_config(config, **{k: v for k, v in fixed.items() if k in known})


@functools.cache
def _class(name: str) -> Any:
    with LOADING:  # diffusers imports it when it is first asked for
        import diffusers

        return getattr(diffusers, name)
