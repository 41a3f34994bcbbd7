"""A wish to stop that threads share."""

from __future__ import annotations

import threading

import pytest

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError


def test_nothing_stops_until_somebody_asks() -> None:
    cancellation = Cancellation()
    cancellation.check()
    seen = [cancellation.cancelled]
    thread = threading.Thread(target=cancellation.cancel)
    thread.start()
    thread.join()
    assert [*seen, cancellation.cancelled] == [False, True]
    for _ in range(2):  # it is never taken back
        cancellation.cancel()
        with pytest.raises(CancelledError, match="run it again") as raised:
            cancellation.check()
        assert raised.value.code == "cancelled"
