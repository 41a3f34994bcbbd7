"""The processor's time of work that may be interrupted and go on: of all attempts together."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_EVERY = 1.0  # seconds of the processor between two notes, which is what a kill may lose


@contextmanager
def counted_time(file: Path) -> Iterator[Callable[[], None]]:
    """Add this attempt's processor time to what the ones before took, until one comes to its end.

    What is done twice, since a kill came before it was kept, counts twice: it was spent.

    Args:
        file: what was spent so far is noted there.

    Yields:
        notes what was spent by now; to be called now and then.
    """
    before, over = _noted(file)
    started = last = time.process_time()

    def note(*, done: bool = False) -> None:
        if not over:
            beside = file.with_name(f"{file.name}.begun")
            told = {"seconds": before + time.process_time() - started, "done": done}
            beside.write_text(json.dumps(told), "utf-8")
            os.replace(beside, file)

    def now_and_then() -> None:
        nonlocal last
        if time.process_time() - last >= _EVERY:
            last = time.process_time()
            note()

    try:
        yield now_and_then
    except BaseException:
        note()
        raise
    note(done=True)


def spent(file: Path) -> float:
    """Seconds that a file of ``counted_time`` tells; 0 without any."""
    return _noted(file)[0]


def _noted(file: Path) -> tuple[float, bool]:
    """Seconds, and whether the work is done."""
    if not file.exists():
        return 0.0, False
    told = json.loads(file.read_text("utf-8"))
    return float(told["seconds"]), bool(told["done"])
