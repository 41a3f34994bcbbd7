"""Threads that share an encoder: each gets what it would get alone, in fewer batches."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.fakes import SIDE, ColourEncoder, LabellingEncoder
from vitrail.indexer.encoders.gathering import GatheringEncoder

SECONDS = 60  # within which a thread has to come, on however busy a machine


def images(seed: int, count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


class Gate:
    """Lets the first batch wait until as many threads have asked as are named."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, _: int) -> None:
        self.entered.set()
        assert self.open.wait(SECONDS)


def ask_during(gathering: GatheringEncoder, gate: Gate, sizes: list[int]) -> list[int]:
    """Ask by a thread each while a batch of one image runs; how many differ from alone."""
    with ThreadPoolExecutor(len(sizes) + 1) as pool:
        first = pool.submit(gathering.encode, images(999, 1))
        assert gate.entered.wait(SECONDS)
        asked = [pool.submit(gathering.encode, images(i, n)) for i, n in enumerate(sizes)]
        while len(gathering._waiting) < len(sizes):
            threading.Event().wait(0.001)
        gate.open.set()
        made = [one.result(SECONDS).vectors["mean@1"] for one in asked]
        first.result(SECONDS)
    alone = [ColourEncoder().encode(images(i, n)).vectors["mean@1"] for i, n in enumerate(sizes)]
    return [
        i for i, (one, other) in enumerate(zip(made, alone, strict=True)) if (one != other).any()
    ]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=12))
def test_each_gets_its_own_and_what_waits_shares_batches(sizes: list[int]) -> None:
    gate = Gate()
    encoder = ColourEncoder(before=gate)
    gathering = GatheringEncoder(encoder, most=16)
    assert not ask_during(gathering, gate, sizes)
    assert encoder.sizes[0] == 1
    assert sum(encoder.sizes) == 1 + sum(sizes)
    # two that follow one another would have been one, had they fitted
    later = encoder.sizes[1:]
    assert all(one <= 16 for one in later)
    assert all(one + other > 16 for one, other in itertools.pairwise(later))


def test_who_asks_alone_waits_for_nobody() -> None:
    encoder = ColourEncoder()
    gathering = GatheringEncoder(encoder)
    for count in (40, 1):
        gathering.encode(images(0, count))
    assert encoder.sizes == [40, 1]  # not cut, either


def test_many_at_once_let_few_in_between_where_few_are_asked_for() -> None:
    gate = Gate()
    gate.open.set()
    encoder = LabellingEncoder()
    encoder.before = gate
    gathering = GatheringEncoder(encoder)
    gathering.encode(images(0, 1))
    gate.entered.clear()
    gate.open.clear()
    with ThreadPoolExecutor(2) as pool:
        many = pool.submit(gathering.encode, images(1, 30))
        assert gate.entered.wait(SECONDS)
        few = pool.submit(gathering.encode, images(2, 2))
        while not gathering._waiting:
            threading.Event().wait(0.001)
        gate.open.set()
        made = [one.result(SECONDS) for one in (many, few)]
    assert encoder.sizes == [1, 8, 2, 8, 8, 6]
    for found, asked in zip(made, (images(1, 30), images(2, 2)), strict=True):
        alone = LabellingEncoder().encode(asked)
        assert np.array_equal(found.vectors["mean@1"], alone.vectors["mean@1"])
        assert found.logits is not None
        assert alone.logits is not None
        assert np.array_equal(found.logits, alone.logits)


def test_each_has_its_own_error() -> None:
    gate = Gate()

    def before(count: int) -> None:
        gate(count)
        if count >= 5:
            raise MemoryError(f"{count} are too many")

    gathering = GatheringEncoder(ColourEncoder(before=before))
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(gathering.encode, images(0, 1))
        assert gate.entered.wait(SECONDS)
        asked = [pool.submit(gathering.encode, images(n, n)) for n in (2, 5, 3)]
        while len(gathering._waiting) < 3:
            threading.Event().wait(0.001)
        gate.open.set()
        assert len(first.result(SECONDS).vectors["mean@1"]) == 1
        assert len(asked[0].result(SECONDS).vectors["mean@1"]) == 2
        assert len(asked[2].result(SECONDS).vectors["mean@1"]) == 3
        with pytest.raises(MemoryError, match="5 are too many"):
            asked[1].result(SECONDS)


def test_an_interruption_of_one_thread_is_not_the_others() -> None:
    gate, interrupts = Gate(), [False, True]

    def before(count: int) -> None:
        gate(count)
        if interrupts.pop(0) if interrupts else False:
            raise KeyboardInterrupt

    gathering = GatheringEncoder(ColourEncoder(before=before))
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(gathering.encode, images(0, 1))
        assert gate.entered.wait(SECONDS)
        asked = [pool.submit(gathering.encode, images(n, n)) for n in (2, 3)]
        while len(gathering._waiting) < 2:
            threading.Event().wait(0.001)
        gate.open.set()
        first.result(SECONDS)
        errors = [one.exception(SECONDS) for one in asked]
    assert sum(isinstance(one, KeyboardInterrupt) for one in errors) == 1
    assert sum(one is None for one in errors) == 1


def test_it_tells_what_the_encoder_tells() -> None:
    encoder = ColourEncoder()
    gathering = GatheringEncoder(encoder)
    assert gathering.fingerprint == encoder.fingerprint
    assert gathering.spaces == encoder.spaces
    assert gathering.preprocess == encoder.preprocess
    assert (gathering.image_size, gathering.labels, gathering.runtime) == (SIDE, None, "by hand")
    tokens = gathering.patch_tokens(images(1, 2), [1]).layers[1]
    assert np.array_equal(tokens, encoder.patch_tokens(images(1, 2), [1]).layers[1])
