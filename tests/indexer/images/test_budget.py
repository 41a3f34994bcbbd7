"""Bytes shared by threads, and what is refused because it could not fit."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from tests.badfiles import bomb, encode
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import budget as budgets
from vitrail.indexer.images import opening, pixels
from vitrail.indexer.images.budget import MemoryBudget, free_memory
from vitrail.indexer.images.containers import take_apart
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.images.pixels import bytes_needed


def wait_until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.001)


def test_never_more_than_the_total_is_held() -> None:
    budget = MemoryBudget(100)
    lock, held, most = threading.Lock(), 0, 0

    def take(count: int) -> None:
        nonlocal held, most
        with budget.hold(count):
            with lock:
                held += count
                most = max(most, held)
            time.sleep(0.0005)
            with lock:
                held -= count

    threads = [threading.Thread(target=take, args=(count % 60 + 1,)) for count in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held == 0
    assert 60 <= most <= 100


def test_who_asked_first_goes_first() -> None:
    """Or small pictures would keep a large one waiting as long as there are any."""
    budget = MemoryBudget(100)
    order: list[str] = []

    def take(name: str, count: int) -> None:
        with budget.hold(count):
            order.append(name)

    large, small = (threading.Thread(target=take, args=one) for one in (("large", 90), ("s", 10)))
    with budget.hold(50):
        large.start()
        wait_until(lambda: len(budget._waiting) == 1)
        small.start()
        wait_until(lambda: len(budget._waiting) == 2)
        assert order == []
    large.join()
    small.join()
    assert order == ["large", "s"]


def test_more_than_all_waits_for_all() -> None:
    with MemoryBudget(10).hold(1000):
        pass


def test_free_memory_knows_containers() -> None:
    files = {"/sys/fs/cgroup/memory.max": "3000000\n", "/sys/fs/cgroup/memory.current": "1000000\n"}

    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    assert free_memory(read) == 2_000_000
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert free_memory(read) > 2_000_000
    assert MemoryBudget.of_free_memory().total >= budgets._FEWEST


def test_what_does_not_fit_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageRejectedError) as caught:
        open_image(bomb(13_370, 13_370), budget=MemoryBudget(500_000_000), target=224)
    assert caught.value.reason == "out-of-memory"
    for told in ("13,370 x 13,370", "500 MB", "close other programs", "scale it down"):
        assert told in caught.value.detail
    assert "\n" not in caught.value.detail


def test_the_budget_is_held_while_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = MemoryBudget(1 << 30)
    left: list[int] = []
    real = pixels.decode

    def decode(*given: object) -> Image.Image:
        left.append(budget._left)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "decode", decode)
    data = encode(Image.new("RGBA", (300, 200)), "PNG")
    open_image(data, budget=budget)
    assert left == [(1 << 30) - bytes_needed(take_apart("PNG", data), "PNG", None)]
    assert budget._left == 1 << 30


@pytest.mark.parametrize(("mode", "most"), [("RGBA", 6), ("RGB", 6), ("LA", 6), ("L", 3)])
def test_large_pictures_take_few_bytes_a_pixel(mode: str, most: int) -> None:
    """It was 25 for alpha; ``benchmarks/decode_memory.py`` measures that these numbers are true."""
    kind = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}[mode]
    header = bytearray(bomb(13_370, 13_370))
    header[25] = kind
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    need = bytes_needed(take_apart("PNG", bytes(header)), "PNG", 224)
    assert need <= most * 13_370**2
