"""PyTorch pickles: refused until their conversion is asked for, and then read where it is safe."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch

from tests.indexer.encoders.tiny import cosine, pixels, save_classifier, save_pair, save_tower
from vitrail.indexer.encoders import EncoderSettings, load_encoder, read_fingerprint
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.encoders.directories import convert_pickle
from vitrail.indexer.encoders.foreign import pickle_process, pickles
from vitrail.indexer.errors import CheckpointError


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in this process: one of its own for each of many tiny pickles takes too long."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            code = pickle_process.main(command[3:])
        return subprocess.CompletedProcess(command, code, stdout="", stderr=told.getvalue())

    monkeypatch.setattr(
        pickles, "subprocess", SimpleNamespace(run=run, TimeoutExpired=TimeoutError)
    )


def kept(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache" / "checkpoints"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def to_pickle(folder: Path, name: str = "pytorch_model.bin") -> None:
    """In place of a folder's safetensors, the same weights as torch.save writes them."""
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / name)
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("kind", ["vit", "clip"])
@pytest.mark.usefixtures("here")
def test_a_converted_pickle_gives_the_same_vectors(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, plain = tmp_path / "model", tmp_path / "plain"
    save = save_pair if kind == "clip" else save_classifier
    save(kind, folder)
    shutil.copytree(folder, plain)
    to_pickle(folder)
    with pytest.raises(CheckpointError, match="--convert-pickle"):
        find_encoder_checkpoint(str(folder))
    with caplog.at_level(logging.WARNING):
        convert_pickle(str(folder))
    assert "is a pickle: reading it in a process of its own, weights only" in caplog.text
    made = [
        load_encoder(EncoderSettings(str(one), runtime="torch", precision="fp32"))
        for one in (folder, plain)
    ]
    [ours, theirs] = [next(iter(one.encode(pixels()).vectors.values())) for one in made]
    assert cosine(ours, theirs) > 0.999999
    assert len(kept(tmp_path)) == 1


def test_a_pickle_that_runs_code_runs_none_and_leaves_nothing(tmp_path: Path) -> None:
    folder, sign = tmp_path / "model", tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {sign}",)

    save_tower("vit", folder)
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Evil()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="something else than plain weights") as caught:
        convert_pickle(str(folder))
    assert "\n" not in str(caught.value)
    assert not sign.exists()
    assert kept(tmp_path) == []


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({"epoch": 3}, "holds epoch, which is a int, no weight"),
        ([torch.ones(2)], "holds a list, not named weights"),
        ({"state_dict": {"some.weight": torch.ones(2)}}, "does not fit its config"),
    ],
)
def test_what_is_no_checkpoint_is_told(held: object, told: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_tower("vit", folder)
    (folder / "model.safetensors").unlink()
    torch.save(held, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=told):
        convert_pickle(str(folder))
    assert kept(tmp_path) == []


def test_weights_in_safetensors_need_no_conversion(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_tower("vit", folder)
    assert convert_pickle(str(folder)) == folder
    assert kept(tmp_path) == []


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A Hub of one repository, which is copied into the cache as huggingface_hub does."""

    def __init__(self, repository: Path, cache: Path) -> None:
        self.repository, self.cache = repository, cache
        self.fetched: list[str] = []

    def model_info(self, *_: object, **__: object) -> SimpleNamespace:
        names = [SimpleNamespace(rfilename=path.name) for path in self.repository.iterdir()]
        return SimpleNamespace(sha=COMMIT, siblings=names)

    def snapshot_download(self, name: str, *, allow_patterns: list[str], **_: object) -> str:
        model = self.cache / f"models--{name.replace('/', '--')}"
        folder = model / "snapshots" / COMMIT
        folder.mkdir(parents=True, exist_ok=True)
        (model / "refs").mkdir(exist_ok=True)
        (model / "refs" / "main").write_text(COMMIT)
        for path in self.repository.iterdir():
            if any(path.match(pattern) for pattern in allow_patterns):
                self.fetched.append(path.name)
                shutil.copyfile(path, folder / path.name)
        return str(folder)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub(tmp_path / "repository", tmp_path / "hub")
    made.repository.mkdir()
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(made.cache))
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", made.model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", made.snapshot_download)
    return made


FILES = Path(__file__).parent / "files"


def test_hub_names_serve_with_whatever_weights_there_are(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FILES / "keras-vit-head", hub.repository, dirs_exist_ok=True)
    shutil.copyfile(FILES / "flax-vit" / "flax_model.msgpack", hub.repository / "other.msgpack")
    assert read_fingerprint("some/vit").spaces == (("cls@2", 16),)
    wanted = {"config.json", "preprocessor_config.json", "tf_model.h5"}
    assert set(hub.fetched) == wanted
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # and from the cache from then on
    assert read_fingerprint("some/vit").spaces == (("cls@2", 16),)


def test_an_archive_of_googles_is_found_on_the_hub(hub: Hub) -> None:
    shutil.copyfile(FILES / "google-linen" / "model.npz", hub.repository / "ViT-B_16.npz")
    assert read_fingerprint("some/vit").spaces == (("cls@2", 16),)


def test_safetensors_on_the_hub_leave_the_others_there(hub: Hub) -> None:
    save_tower("vit", hub.repository)
    shutil.copyfile(FILES / "keras-vit" / "tf_model.h5", hub.repository / "tf_model.h5")
    assert read_fingerprint("some/vit").spaces == (("cls@3", 32),)
    assert "tf_model.h5" not in hub.fetched


@pytest.mark.usefixtures("here")
def test_a_pickle_on_the_hub_is_fetched_only_when_asked_for(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tower("vit", hub.repository)
    to_pickle(hub.repository)
    with pytest.raises(CheckpointError, match="--convert-pickle fetches and converts"):
        read_fingerprint("some/vit")
    assert "pytorch_model.bin" not in hub.fetched
    convert_pickle("some/vit")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = read_fingerprint("some/vit")
    assert found.spaces == (("cls@3", 32),)
