"""A checkpoint whose config.json was edited under a collection."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.indexer.encoders.tiny import save_tower
from vitrail import Collection
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.errors import FingerprintMismatchError
from vitrail.indexer.indexing.reembedding import reembed


def test_it_is_refused_until_all_is_embedded_anew(tmp_path: Path) -> None:
    model, home, folder = tmp_path / "vit", tmp_path / "c", tmp_path / "images"
    save_tower("vit", model)
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    with Collection.create(home, checkpoint=str(model), runtime="torch") as made:
        made.index(folder)
        before = made.search(folder / "2.png").hits
    assert before[0].score == pytest.approx(1, abs=1e-3)
    config = model / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"hidden_act": "relu"}))
    with Collection.open(home, runtime="torch") as opened:
        with pytest.raises(FingerprintMismatchError, match=r"config\.json says otherwise"):
            opened.search(folder / "2.png")
        Image.new("RGB", (40, 40), "red").save(folder / "new.png")
        with pytest.raises(FingerprintMismatchError, match=r"config\.json says otherwise"):
            opened.index(folder)
        assert len(opened.store) == 4
    assert reembed(home, load_encoder(EncoderSettings(str(model), runtime="torch"))).done
    with Collection.open(home, runtime="torch") as opened:
        after = opened.search(folder / "2.png").hits
        assert after[0].paths == before[0].paths
        assert after[0].score == pytest.approx(1, abs=1e-3)
    assert verify(home).clean
    (home / "catalog.duckdb").unlink()
    repair(home)
    with Collection.open(home, runtime="torch") as opened:
        again = opened.search(folder / "2.png").hits
        assert [(hit.id, hit.score) for hit in again] == [(hit.id, hit.score) for hit in after]
