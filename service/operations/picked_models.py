"""The model that is made of a picked checkpoint: in a new folder, once, whatever was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import TEMPORARY
from vitrail.indexer.paths import display
from vitrail.service.operations.training_records import GENERATOR

_STAGED = f"model{TEMPORARY}"  # is there while a model is written, and after a kill then
_RECORD, _STEP = "vitrail.json", "step"


def check_out(out: str, told: Mapping[str, Any]) -> None:
    """Refuse a folder that holds something else than what is to be written there.

    Args:
        out: absolute path.
        told: how the run learned; see ``FinishedRun.told``.

    Raises:
        InputError: it does.
    """
    if not os.path.exists(out):
        return
    begun = os.path.isdir(out) and (not os.listdir(out) or _STAGED in os.listdir(out))
    if not begun and step_of(out, told) is None:
        raise InputError(f"{display(out)!r} is there already: name a new folder by --out")


def step_of(out: str, told: Mapping[str, Any]) -> int | None:
    """The step of the run that a whole model is of; ``None`` where there is none of that run.

    Args:
        out: absolute path.
        told: how the run learned.
    """
    if not os.path.isfile(os.path.join(out, GENERATOR.file)) or _STAGED in os.listdir(out):
        return None
    with suppress(OSError, ValueError):
        with open(os.path.join(out, _RECORD), encoding="utf-8") as file:
            held = json.load(file)
        if isinstance(held, dict) and isinstance(step := held.pop(_STEP, None), int):
            return step if held == json.loads(json.dumps(told)) else None
    return None


def record_of(told: Mapping[str, Any], step: int) -> dict[str, Any]:
    """What is written beside the model, for people and for ``step_of``.

    Args:
        told: how the run learned.
        step: that the model is of.
    """
    return {**told, _STEP: step}
