"""How often somebody may ask: by key where there is one, by address otherwise."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from vitrail.indexer.errors import InputError


def parse_rate(text: str) -> RateLimitItem:
    """A rate such as ``600/minute``.

    Raises:
        InputError: it is none.
    """
    try:
        return parse(text)
    except ValueError:
        raise InputError(
            f"the rate {text!r} is none; write it like 600/minute or 20/second"
        ) from None


class Rates:
    """Counts what was asked in a window that moves along.

    Args:
        rate: such as ``600/minute``; ``None`` counts nothing.
    """

    def __init__(self, rate: str | None) -> None:
        self._rate = None if rate is None else parse_rate(rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, who: str) -> int | None:
        """Count a request; seconds to wait where it is one too many, else ``None``."""
        if self._rate is None or self._limiter.hit(self._rate, who):
            return None
        stats = self._limiter.get_window_stats(self._rate, who)
        return max(1, math.ceil(stats.reset_time - time.time()))
