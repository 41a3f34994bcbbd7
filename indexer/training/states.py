"""Checkpoints of a run: whole and the right one, or not there at all.

A state is written under another name, synced and renamed, and its name holds its checksum. So a
kill or a power cut leaves the one before, and a damaged one is passed over for that.
"""

from __future__ import annotations

import os
import pickle
import re
from contextlib import suppress
from typing import Any

import torch

from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.files.durability import (
    TEMPORARY,
    checksum,
    rename,
    sync_directory,
    sync_file,
)

_NAME = re.compile(r"state-(\d{8})-([0-9a-f]{16})\.pt")
_KEPT = 2

State = dict[str, Any]


def write_state(folder: str, step: int, state: State) -> str:
    """Write a state durably and forget all but the newest two; returns its path.

    Args:
        folder: of the run's states.
        step: that the state follows.
        state: tensors, numbers, texts, lists and dictionaries.

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    temporary = os.path.join(folder, f"state-{step:08d}{TEMPORARY}")
    try:
        with open(temporary, "wb") as file:
            torch.save(state, file)
        sync_file(temporary)
        path = os.path.join(folder, f"state-{step:08d}-{checksum(temporary)[:16]}.pt")
        rename(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise _as_system_error(error) from error
    for _, old in _states(folder)[_KEPT:]:
        with suppress(OSError):
            os.unlink(old)
    return path


def _as_system_error(error: BaseException) -> BaseException:
    """What torch says of a full disk has no number; the system's error beneath it has."""
    below = error.__context__
    return below if isinstance(error, RuntimeError) and isinstance(below, OSError) else error


def read_state(folder: str) -> State | None:
    """The newest state that is whole; ``None`` where there is none.

    Raises:
        CheckpointError: there are some, and none is whole, or the newest whole one is no state.
    """
    found = _states(folder)
    for digest, path in found:
        if checksum(path)[:16] == digest:
            return _loaded(path)
    if found:
        raise CheckpointError(
            f"no checkpoint in {folder} is whole any more: delete that folder to begin again"
        )
    return None


def _loaded(path: str) -> State:
    try:
        state: State = torch.load(path, weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError) as error:
        raise CheckpointError(
            f"{path} is whole, and no checkpoint of a training: delete it to go on without it"
        ) from error
    return state


def forget_states(folder: str) -> None:
    """Delete the states of a run that is done, and what was begun of them."""
    for entry in os.scandir(folder):
        if _NAME.fullmatch(entry.name) or entry.name.endswith(TEMPORARY):
            with suppress(OSError):
                os.unlink(entry.path)
    sync_directory(folder)


def _states(folder: str) -> list[tuple[str, str]]:
    """(start of the checksum, path) of each state, the newest first."""
    names = sorted((name for name in os.listdir(folder) if _NAME.fullmatch(name)), reverse=True)
    matches = [(_NAME.fullmatch(name), name) for name in names]
    return [(match[2], os.path.join(folder, name)) for match, name in matches if match]
