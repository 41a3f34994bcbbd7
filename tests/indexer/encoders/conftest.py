"""Every encoder test has a cache folder of its own and one thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the whole session, so that the embedded encoder is converted once."""
    return tmp_path_factory.mktemp("vitrail-cache")


@pytest.fixture(autouse=True)
def _cache(shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(shared_cache))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty-hub-cache"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny models gain nothing from threads, and lose much when other work fills the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def compile_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile in this process: a subprocess for each of many tiny models takes too long."""
    try:
        from vitrail.indexer.encoders import openvino_compile, openvino_encoder
    except ImportError:
        return

    def compile_model(source: Path, blob: Path, hint: str, machine: str) -> None:
        openvino_compile.compile_model(str(source), blob, hint)

    monkeypatch.setattr(openvino_encoder, "_compile", compile_model)
