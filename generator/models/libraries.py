"""The libraries that draw: their versions, and settings that are the whole process's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from vitrail.indexer.encoders.libraries import ProcessWide, quiet_transformers

_LIBRARIES = ("vitrail", "diffusers", "torch", "transformers", "pillow")
_TURN = threading.RLock()
_PATIENCE = 0.1  # seconds between looks at whether one still wants a turn


def library_versions() -> dict[str, str]:
    """Installed versions of what decides the bytes of an image, without importing any of it."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a source tree
            found[name] = "unknown"
    return found


@contextmanager
def turn(check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Be the one of the process's threads that draws, once no other does; again within itself, too.

    A pipeline keeps the state of its run, and torch's number of threads is the process's.

    Args:
        check: called every tenth of a second until then; what it raises ends the waiting.
    """
    while not _TURN.acquire(timeout=_PATIENCE):
        check()
    try:
        yield
    finally:
        _TURN.release()


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Let torch use ``count`` threads, with ``None`` as many as before; within one's ``turn``."""
    import torch

    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_diffusers() -> Iterator[None]:
    from diffusers.utils import logging as diffusers_logging

    with quiet_transformers():
        diffusers_logging.set_verbosity(logging.CRITICAL)  # an error that is logged is raised, too
        diffusers_logging.disable_progress_bar()
        yield


quiet = ProcessWide(_quiet_diffusers)
"""Without the libraries' progress bars, notices and deprecations on the user's terminal."""
