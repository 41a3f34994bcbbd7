"""The model that is made of a picked checkpoint: in a new folder, once, whatever was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import TEMPORARY
from vitrail.indexer.paths import display
from vitrail.service.operations.training_records import FOLDER, GENERATOR

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
    is_ours = os.path.isdir(out) and (not os.listdir(out) or _is_begun(out, told))
    if not is_ours and step_of(out, told) is None:
        raise InputError(f"{display(out)!r} is there already: name a new folder by --out")


def step_of(out: str, told: Mapping[str, Any]) -> int | None:
    """The step of the run that a whole model is of; ``None`` where there is none of that run.

    Args:
        out: absolute path.
        told: how the run learned.
    """
    if not os.path.isfile(os.path.join(out, GENERATOR.file)) or _STAGED in os.listdir(out):
        return None
    return _step_in(out, told)


def begun_step_of(out: str, told: Mapping[str, Any]) -> int | None:
    """The step of the run of which a kill left the model unfinished, as far as that is told.

    Args:
        out: absolute path.
        told: how the run learned.
    """
    staged = os.path.join(out, _STAGED)
    if not os.path.isdir(staged):
        return None
    return _step_in(out if _has_record(out) else staged, told)


def _is_begun(out: str, told: Mapping[str, Any]) -> bool:
    """Whether a kill left there what this run began to write, and nothing whole of another.

    Trainings stage their model by the same name, in a folder that tells of the training. A record
    that a kill cut is of a model of which nothing was put in its place yet.
    """
    names = os.listdir(out)
    if _STAGED not in names or FOLDER in names:
        return False
    if _RECORD in names or GENERATOR.file in names:
        return _step_in(out, told) is not None
    staged = os.path.join(out, _STAGED)
    return _read(staged) is None or _step_in(staged, told) is not None


def _has_record(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, _RECORD))


def _step_in(folder: str, told: Mapping[str, Any]) -> int | None:
    """The step that the record in a folder tells; ``None`` where it is not of that run."""
    held = _read(folder)
    if isinstance(held, dict) and isinstance(step := held.pop(_STEP, None), int):
        return step if held == json.loads(json.dumps(told)) else None
    return None


def _read(folder: str) -> Any:
    """What the record in a folder holds; ``None`` where there is none that can be read."""
    try:
        with open(os.path.join(folder, _RECORD), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def record_of(told: Mapping[str, Any], step: int) -> dict[str, Any]:
    """What is written beside the model, for people and for ``step_of``.

    Args:
        told: how the run learned.
        step: that the model is of.
    """
    return {**told, _STEP: step}
