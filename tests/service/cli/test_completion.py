"""What a shell offers after an option."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.vectors.vector_sets import unit
from tests.service.conftest import Vitrail
from tests.test_docs import COMMANDS
from vitrail.indexer.collection.derivation import put
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transforms import to_file
from vitrail.indexer.spaces import whitened_name
from vitrail.indexer.vectors.whitening import Moments

Offer = Callable[[str], list[str]]


@pytest.fixture
def offer(vitrail: Vitrail, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """What bash would offer at the end of a line."""
    # a program run as ``python -m`` would be known by that name, and pytest may be
    monkeypatch.setattr(sys.modules["__main__"], "__package__", None)

    def complete(line: str) -> list[str]:
        monkeypatch.setenv("_VITRAIL_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        done = vitrail()
        monkeypatch.delenv("_VITRAIL_COMPLETE")
        return done.out.split()

    return complete


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("vitrail search --only ", ["all", "generated", "real"]),
        ("vitrail search --only g", ["generated"]),
        ("vitrail search --fusion ", ["mean", "rrf", "best-score"]),
        ("vitrail index --label-from ", ["parent", "none"]),
        ("vitrail index --runtime ", ["auto", "openvino", "onnx", "torch"]),
        ("vitrail search --runtime o", ["openvino", "onnx"]),
        ("vitrail generate --device c", ["cpu", "cuda"]),
        ("vitrail index --device m", ["mps"]),
        ("vitrail generate --precision f", ["fp32", "fp16"]),
        ("vitrail search --precision b", ["bf16"]),
        ("vitrail generate --scheduler e", ["euler", "euler_a"]),
        ("vitrail index --checkpoint d", ["dinov2-small-focus"]),
        ("vitrail generate --checkpoint d", ["dinov2-small-focus"]),
        ("vitrail index --space gem", ["gem@12", "gem@9"]),
    ],
)
def test_values_are_offered_where_files_were(offer: Offer, line: str, values: list[str]) -> None:
    assert offer(line) == values


VALUED = {
    *("--only", "--fusion", "--space", "--label-from", "--runtime", "--device", "--precision"),
    *("--checkpoint", "--scheduler"),
}


def test_no_command_offers_files_after_an_option_of_values(offer: Offer) -> None:
    asked = 0
    for name, command in COMMANDS.items():
        for option in {option for one in command.params for option in one.opts} & VALUED:
            assert offer(f"vitrail {name} {option} "), f"vitrail {name} {option}"
            asked += 1
    assert asked > len(VALUED)


def test_spaces_are_those_of_the_collection(vitrail: Vitrail, offer: Offer, folder: Path) -> None:
    vitrail.index(folder, "--space", "mean@1", "--space", "mean@2")
    assert offer("vitrail search --space ") == ["mean@1", "mean@2"]
    assert offer("vitrail search --space mean@1:0.5,m") == ["mean@1:0.5,mean@2"]
    nothing = f"vitrail search -c {folder} --space mean@9"
    assert offer(nothing) == ["mean@9"]
    with CollectionStore.open(vitrail.home, writable=True) as store:
        random = np.random.default_rng(0)
        rows = random.normal(0, 1, (40, store.spaces["mean@1"]))
        for cut in (None, 3, store.spaces["mean@2"]):
            base = "mean@1" if cut != store.spaces["mean@2"] else "mean@2"
            moments = Moments(store.spaces[base])
            moments.add(unit(rows[:, : store.spaces[base]]))
            data = to_file(moments.whitening(cut), base, store.fingerprint, 40, 1, cut)
            put(store, whitened_name(base, cut), data)
    assert offer("vitrail search --space mean@1/") == ["mean@1/w", "mean@1/w3"]
    assert offer("vitrail search --space mean@2/") == ["mean@2/w4"]
    (vitrail.home / "transforms" / "torn.safetensors").write_bytes(b"\xff" * 20)
    os.mkdir(vitrail.home / "transforms" / "folder.safetensors")
    assert offer("vitrail search --space mean@1/w3") == ["mean@1/w3"]
    os.rmdir(vitrail.home / "transforms" / "folder.safetensors")
    (vitrail.home / "vitrail.json").write_text("torn {")
    assert offer("vitrail search --space mean@9") == ["mean@9"]
