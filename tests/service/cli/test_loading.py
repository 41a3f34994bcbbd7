"""When a run over folders loads its encoder: only where there is something to embed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.colours import CHECKPOINT, TwoSpaceEncoder, load_colours
from tests.service.conftest import Vitrail
from vitrail.indexer import encoders
from vitrail.indexer.encoders import EncoderSettings


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checkpoints that were loaded, in order."""
    done: list[str] = []

    def load(settings: EncoderSettings) -> TwoSpaceEncoder:
        done.append(settings.checkpoint)
        return load_colours(settings)

    monkeypatch.setattr(encoders, "load_encoder", load)
    return done


def test_only_what_must_be_embedded_loads_the_encoder(
    vitrail: Vitrail, folder: Path, loads: list[str], paint: Callable[..., Path]
) -> None:
    assert "5 new" in vitrail("index", folder, "--checkpoint", CHECKPOINT).err
    assert len(loads) == 1
    assert "5 unchanged" in vitrail("index", folder).err
    (folder / "warm").rename(folder / "hot")
    shutil.copy(folder / "cold" / "navy.png", folder / "copy.png")
    (folder / "cold" / "blue.png").unlink()
    (folder / "bad.png").write_bytes(b"no picture")
    told = vitrail("index", folder, "--label-from", "parent").err
    assert "0 new, 2 moved, 1 copy, 1 rejected, 2 unchanged, 1 gone" in told
    assert vitrail("index", folder, "--rehash").code == 0
    (folder / "cold" / "navy.png").touch()
    assert vitrail("index", folder).code == 0
    assert len(loads) == 1, "nothing was new"
    paint("new.png", (1, 200, 3))
    assert "1 new" in vitrail("index", folder).err
    assert len(loads) == 2


def test_a_lost_disk_is_told_before_anything_is_loaded(
    vitrail: Vitrail, folder: Path, loads: list[str]
) -> None:
    assert vitrail("index", folder, "--checkpoint", CHECKPOINT).code == 0
    folder.rename(folder.with_name("away"))
    folder.mkdir()
    vitrail.fails("index", folder, "--quiet", code=1, says=["holds nothing"])
    assert len(loads) == 1


def test_another_encoder_than_the_collection_s_embeds_nothing(
    vitrail: Vitrail,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    paint: Callable[..., Path],
) -> None:
    vitrail.index(folder)

    class Changed(TwoSpaceEncoder):
        def encode(self, pixels: Any) -> Any:
            return pytest.fail("it was asked for vectors")

    def load(_: EncoderSettings) -> Any:
        return Changed(["mean@2"])

    monkeypatch.setattr(encoders, "load_encoder", load)
    paint("new.png", (1, 200, 3))
    assert vitrail("index", folder / "warm").code == 0, "nothing to embed there"
    vitrail.fails("index", folder, "--quiet", code=1, says=["cannot be compared", "mean@2"])
    assert vitrail("info", "--json").json["images"] == 5
    assert vitrail("verify").code == 0
