from __future__ import annotations

import shutil
from pathlib import Path

import huggingface_hub
import pytest

from tests.indexer.encoders.tiny import save_pair, save_tower
from vitrail.indexer.encoders import EncoderSettings, load_text_encoder, read_fingerprint
from vitrail.indexer.errors import CheckpointError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def filled_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The layout huggingface_hub writes, made by hand."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / "models--some--vit"
    save_tower("vit", model / "snapshots" / COMMIT)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    return model


def refuse(*args: object, **kwargs: object) -> None:
    raise ConnectionError("[Errno 111] Connection refused")


THREE_WAYS = r"local directory.*cache.*--checkpoint dinov2-small-focus"


def test_unreachable_hub_names_three_ways_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    with pytest.raises(CheckpointError, match=f"cannot be reached.*{THREE_WAYS}") as caught:
        read_fingerprint("some/vit")
    assert "\n" not in str(caught.value)


def test_switched_off_hub_names_three_ways_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match=f"HF_HUB_OFFLINE.*{THREE_WAYS}"):
        read_fingerprint("some/vit")


@pytest.mark.parametrize("name", ["some/vit", "some/vit@main", f"some/vit@{COMMIT}"])
def test_filled_cache_serves_offline(
    name: str, filled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert read_fingerprint(name).spaces == (("cls@3", 32),)


def test_a_filled_cache_serves_without_asking(
    filled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*args: object, **kwargs: object) -> None:
        pytest.fail("the Hub was asked for what the cache holds")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", asked)
    assert read_fingerprint("some/vit").checkpoint == "some/vit"


@pytest.mark.parametrize("part", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_cache_that_lacks_a_part_asks(
    part: str, filled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    (filled_cache / "snapshots" / COMMIT / part).unlink()
    with pytest.raises(CheckpointError, match=f"cannot be reached.*{THREE_WAYS}"):
        read_fingerprint("some/vit")


def test_a_cache_without_the_tokenizer_asks_only_for_texts(
    filled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one is that was filled for images alone, by a version that read no texts."""
    folder = filled_cache / "snapshots" / COMMIT
    shutil.rmtree(folder)
    save_pair("clip", folder)
    settings = EncoderSettings("some/vit")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    assert load_text_encoder(settings).embed(["a dog"]).vectors.shape == (1, 24)
    (folder / "tokenizer.json").unlink()
    assert read_fingerprint("some/vit").spaces == (("proj@3", 24),)
    with pytest.raises(CheckpointError, match=f"cannot be reached.*{THREE_WAYS}"):
        load_text_encoder(settings)


def test_cache_without_the_revision_is_not_enough(
    filled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match=THREE_WAYS):
        read_fingerprint("some/vit@v2")
    shutil.rmtree(filled_cache / "snapshots")
    with pytest.raises(CheckpointError, match=THREE_WAYS):
        read_fingerprint("some/vit")
