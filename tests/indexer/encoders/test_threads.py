"""One encoder, many threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.encoders import EncoderSettings, load_encoder

THREADS = 8


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    save_tower("vit", tmp_path / "vit")
    return str(tmp_path / "vit")


@pytest.mark.usefixtures("compile_here")
@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_threads_that_share_an_encoder_get_their_own_vectors(checkpoint: str, runtime: str) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    encoder = load_encoder(EncoderSettings(checkpoint, runtime=runtime, spaces=("cls@3", "mean@1")))
    rng = np.random.default_rng(0)
    # Batches of several sizes, so that an answer of another thread would not even fit.
    batches = [
        rng.integers(0, 256, (1 + number % 5, 32, 32, 3), dtype=np.uint8) for number in range(120)
    ]
    alone = [encoder.encode(batch).vectors for batch in batches]
    start = threading.Barrier(THREADS)

    def encode(first: int) -> list[dict[str, Any]]:
        start.wait()
        return [encoder.encode(batch).vectors for batch in batches[first::THREADS]]

    with ThreadPoolExecutor(THREADS) as pool:
        shares = list(pool.map(encode, range(THREADS)))
    for first, share in enumerate(shares):
        for together, expected in zip(share, alone[first::THREADS], strict=True):
            for space, vectors in expected.items():
                np.testing.assert_array_equal(together[space], vectors)


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
