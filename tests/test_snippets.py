"""Every block of Python in the documents runs as it stands."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.fakes import ColourEncoder
from tests.generator.tiny import build_sd
from tests.service.http.processes import answering
from vitrail.indexer import encoders
from vitrail.indexer.encoders.base import Encoded, EncodedTexts, PatchTokens
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import EmbeddingSpace
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DEFAULT = ("gem@9",)
ADDRESS = "http://127.0.0.1:8000"  # where pages say that a service answers


class NamedEncoder(ColourEncoder):
    """Quadrants' colours under whichever names of spaces are asked for."""

    def __init__(self, checkpoint: str, spaces: Sequence[str]) -> None:
        super().__init__(checkpoint)
        names = [name.split("@") for name in spaces or DEFAULT]
        self.spaces = tuple(EmbeddingSpace(int(layer), kind, 12) for kind, layer in names)  # type: ignore[arg-type]

    @property
    def fingerprint(self) -> Fingerprint:
        spaces = tuple((space.name, space.dim) for space in self.spaces)
        return Fingerprint(self.name, self.name, self.preprocess.to_dict(), spaces)

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        (rows,) = super().encode(pixels).vectors.values()
        return Encoded({space.name: rows for space in self.spaces}, None)

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        made = super().patch_tokens(pixels, layers)
        return PatchTokens({n: np.tile(one, 4) for n, one in made.layers.items()}, made.side)


class Reader:
    """Reads any text as the same colours."""

    longest = 77

    def __init__(self, weights: str) -> None:
        self.weights = weights

    def embed(self, texts: Sequence[str]) -> EncodedTexts:
        rows = np.full((len(texts), 12), 12**-0.5, np.float32)
        return EncodedTexts(rows, (False,) * len(texts))


def load(settings: EncoderSettings) -> NamedEncoder:
    return NamedEncoder(settings.checkpoint, settings.spaces)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pictures that the pages speak of, and an encoder for any checkpoint."""
    monkeypatch.setattr(
        encoders,
        "read_fingerprint",
        lambda checkpoint, spaces=(): NamedEncoder(checkpoint, spaces).fingerprint,
    )
    monkeypatch.setattr(encoders, "load_encoder", load)
    monkeypatch.setattr(encoders, "load_text_encoder", lambda settings: Reader(settings.checkpoint))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pictures").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    random = np.random.default_rng(0)
    for name in ("a", "b", "query", "Pictures/one", "Pictures/two", "Pictures/three"):
        pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.jpg")
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page in PAGES if BLOCK.search(page.read_text("utf-8"))], ids=lambda p: p.name
)
def test_every_block_runs(page: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("pandas") is None:
        monkeypatch.setattr("vitrail.search.frames.hits_to_pandas", lambda _: None)
    names: dict[str, Any] = {"__name__": page.stem}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # open("a.jpg").read(), as people write it
        blocks = BLOCK.findall(page.read_text("utf-8"))
        with gallery(home) if any(ADDRESS in block for block in blocks) else nullcontext() as there:
            for block in blocks:
                code = block if there is None else block.replace(ADDRESS, there)
                exec(compile(code, str(page), "exec"), names)
    assert {"Collection", "Client"} & names.keys()


@contextmanager
def gallery(home: Path) -> Iterator[str]:
    """A service such as pages ask; its address."""
    with Collection.create(home / "gallery", checkpoint="dinov2-small-focus") as made:
        made.index(home / "Pictures")
    options = ServiceOptions(
        {"gallery": home / "gallery"},
        home / "state",
        roots={"photos": home / "Pictures"},
        models={"embedded": str(build_sd(home / "tiny", steps=2))},
        warm=False,
    )
    with answering(options) as port:
        yield f"http://127.0.0.1:{port}"
