"""Settings of the libraries that load weights, which hold for the whole process."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

LOADING = threading.RLock()
"""Held while weights are loaded, by whatever library.

transformers and diffusers import their parts when these are first asked for. Threads that do so at
once are given modules that are half there, and are told that a class is unknown.
"""


class ProcessWide:
    """A context of the whole process: the first thread to come enters it, the last one leaves it.

    Each thread setting and restoring by itself would leave the process as none of them found it.

    Args:
        make: the context.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[None]]) -> None:
        self._make = make
        self._guard = threading.Lock()
        self._inside = 0
        self._entered = ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Be within it, with however many others."""
        with self._guard:
            if not self._inside:
                self._entered.enter_context(self._make())
            self._inside += 1
        try:
            yield
        finally:
            with self._guard:
                self._inside -= 1
                if not self._inside:
                    self._entered.close()


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.CRITICAL)  # an error that is logged is raised, too
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


quiet_transformers = ProcessWide(_quiet_transformers)
"""Without progress bars, notices, and reports of weights that are left out on purpose."""
