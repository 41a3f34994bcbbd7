"""Bells that threads ring, and half-made images for who asks."""

from __future__ import annotations

import asyncio
import io
import threading

import pytest
from PIL import Image

from vitrail.service.http.jobs.watching import ASKED_SECONDS, LivePreview, Watchers


def test_a_bell_wakes_who_listens_and_nobody_else() -> None:
    async def listen() -> list[str]:
        watchers, woken = Watchers(), []
        with watchers.listening("a") as one, watchers.listening("b") as other:
            assert len(watchers) == 2
            threading.Thread(target=watchers.ring, args=("a",)).start()
            await asyncio.wait_for(one.wait(), 5)
            woken.append("a")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(other.wait(), 0.05)
            threading.Thread(target=watchers.close).start()
            await asyncio.wait_for(other.wait(), 5)
            woken.append("b")
            assert watchers.closed
        assert len(watchers) == 0
        return woken

    assert asyncio.run(listen()) == ["a", "b"]


def test_who_has_gone_is_rung_in_vain() -> None:
    watchers = Watchers()

    async def listen() -> None:
        watchers.listening("a").__enter__()  # and its loop ends meanwhile

    asyncio.run(listen())
    watchers.ring("a")


def test_nothing_is_drawn_unless_somebody_asks() -> None:
    now = [0.0]
    preview = LivePreview(lambda: now[0])
    assert not preview.wants()
    assert preview.ask() is None
    assert preview.wants()
    now[0] += 0.02  # it took so long to work out
    preview.show(Image.new("RGB", (16, 16), (200, 30, 30)))
    assert not preview.wants(), "not twice at once"
    data = preview.ask()
    assert data is not None
    with Image.open(io.BytesIO(data)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (16, 16))
    now[0] += 1.0
    assert preview.wants()
    now[0] += ASKED_SECONDS
    assert not preview.wants(), "nobody has asked for a while"


def test_an_image_that_takes_long_comes_seldom() -> None:
    now = [0.0]
    preview = LivePreview(lambda: now[0])
    preview.ask()
    assert preview.wants()
    now[0] += 0.5
    preview.show(Image.new("RGB", (8, 8)))
    drawn = now[0]
    while not preview.wants():
        now[0] += 0.1
        preview.ask()
    assert now[0] - drawn >= 5.0  # a tenth of the time, at most
