"""A collection that is embedded anew while a thread searches it by pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.indexer.encoders.tiny import save_tower
from vitrail import Collection
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.indexing.reembedding import reembed
from vitrail.search.query import SearchResult

WAYS: dict[str, Callable[[Collection, Path], SearchResult]] = {
    "search": lambda pictures, path: pictures.search(path),
    "search many": lambda pictures, path: pictures.search_many([path])[0],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_is_embedded_by_the_encoder_of_the_commit_that_answers(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread's refresh comes between the two: widths agree, and nothing would tell."""
    model, home, folder = tmp_path / "vit", tmp_path / "c", tmp_path / "images"
    save_tower("vit", model)
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    with Collection.create(home, checkpoint=str(model), runtime="torch") as made:
        made.index(folder)
    snapshot = CollectionStore.snapshot
    moved: list[CollectionStore] = []

    def overtaken(store: CollectionStore, *spaces: str) -> Any:
        if not moved:
            moved.append(store)
            config = model / "config.json"
            config.write_text(json.dumps(json.loads(config.read_text()) | {"hidden_act": "relu"}))
            assert reembed(home, load_encoder(EncoderSettings(str(model), runtime="torch"))).done
            assert store.refresh()
        return snapshot(store, *spaces)

    with Collection.open(home, runtime="torch") as pictures:
        pictures.embed(folder / "2.png")
        monkeypatch.setattr(CollectionStore, "snapshot", overtaken)
        (first, *_) = WAYS[way](pictures, folder / "2.png").hits
    assert moved
    assert first.paths == (str(folder / "2.png"),)
    assert first.score == pytest.approx(1, abs=1e-3)
