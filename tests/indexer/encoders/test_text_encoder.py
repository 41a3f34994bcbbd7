"""Text towers: tiny random CLIP and SigLIP against transformers' own similarity."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.indexer.encoders.tiny import (
    LONGEST,
    PAIRS,
    normalised,
    pixels,
    save_classifier,
    save_pair,
    save_tower,
)
from vitrail.indexer.encoders import EncoderSettings, load_encoder, load_text_encoder
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.errors import CheckpointError, InputError

TEXTS = ["a dog on a beach", "fox", "the Red apple", "zzz"]


def similarity(name: str, model: Any, directory: Path, texts: list[str], images: Any) -> Any:
    """(texts, images) cosines as transformers computes them, from its own pixels and tokens."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    padding = "max_length" if name == "siglip" else True
    given = tokenizer(
        [text.lower() for text in texts],
        padding=padding,
        truncation=True,
        max_length=LONGEST,
        return_tensors="pt",
    )
    with torch.no_grad():
        out = model(**given, pixel_values=normalised(images))
    bias = getattr(model, "logit_bias", torch.zeros(1))
    return ((out.logits_per_text - bias) / model.logit_scale.exp()).detach().numpy()


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("runtime", ["torch", "openvino"])
@pytest.mark.usefixtures("compile_here")
def test_texts_and_images_are_as_near_as_transformers_has_them(
    name: str, runtime: str, tmp_path: Path
) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    model = save_pair(name, tmp_path)
    settings = EncoderSettings(
        str(tmp_path), ("proj@3", "mean@2"), runtime=runtime, precision="fp32"
    )
    images = pixels(24)
    rows = load_encoder(settings).encode(images).vectors["proj@3"]
    texts = load_text_encoder(settings).embed(TEXTS).vectors
    expected = similarity(name, model, tmp_path, TEXTS, images)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(texts @ rows.T, expected, atol=2e-5)
    assert (np.argsort(-(texts @ rows.T)) == np.argsort(-expected)).all()
    alone = load_text_encoder(settings).embed(TEXTS[:1]).vectors
    np.testing.assert_allclose(alone, texts[:1], atol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_a_long_text_is_cut_and_says_so(name: str, tmp_path: Path) -> None:
    save_pair(name, tmp_path)
    encoder = load_text_encoder(EncoderSettings(str(tmp_path)))
    assert encoder.longest == LONGEST
    made = encoder.embed(["dog", "dog " * LONGEST])
    assert made.cut == (False, True)
    assert np.isfinite(made.vectors).all()


@pytest.mark.parametrize("name", PAIRS)
def test_letters_are_lowered(name: str, tmp_path: Path) -> None:
    save_pair(name, tmp_path)
    encoder = load_text_encoder(EncoderSettings(str(tmp_path)))
    upper, lower, other = encoder.embed(["A DOG", "a dog", "a fox"]).vectors
    np.testing.assert_array_equal(upper, lower)
    assert not np.allclose(lower, other)


def test_threads_that_share_a_text_encoder_get_their_own_rows(tmp_path: Path) -> None:
    save_pair("clip", tmp_path)
    encoder = load_text_encoder(EncoderSettings(str(tmp_path)))
    given = [["dog " * (1 + number % 5), "fox"][: 1 + number % 2] for number in range(64)]
    alone = [encoder.embed(texts).vectors for texts in given]
    start = threading.Barrier(8)

    def ask(first: int) -> list[Any]:
        start.wait(30)
        return [encoder.embed(texts).vectors for texts in given[first::8]]

    with ThreadPoolExecutor(8) as pool:
        for first, share in enumerate(pool.map(ask, range(8))):
            for together, expected in zip(share, alone[first::8], strict=True):
                np.testing.assert_array_equal(together, expected)


def test_what_reads_no_text_says_so(tmp_path: Path) -> None:
    save_tower("vit", tmp_path / "vit")
    save_tower("clip", tmp_path / "tower")
    save_classifier("clip", tmp_path / "classifier")
    for name in ("vit", "tower", "classifier"):
        found = find_encoder_checkpoint(str(tmp_path / name))
        assert found.projected is None
        with pytest.raises(CheckpointError, match="has no text tower"):
            load_text_encoder(EncoderSettings(str(tmp_path / name)))
        with pytest.raises(InputError, match=r"proj@3.*no text tower.*mean@3"):
            found.select(["proj@3"])


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_is_searched_by_what_text_is_compared_with(name: str, tmp_path: Path) -> None:
    save_pair(name, tmp_path)
    found = find_encoder_checkpoint(str(tmp_path))
    (space,) = found.select()
    assert (space.name, space.dim) == ("proj@3", found.projected)
    assert [one.name for one in found.select(["mean@3"])] == ["mean@3"]
    with pytest.raises(InputError, match=r"proj@2.*write proj@3"):
        found.select(["proj@2"])


def test_a_tokenizer_that_is_missing_or_broken_is_told(tmp_path: Path) -> None:
    save_pair("clip", tmp_path)
    settings = EncoderSettings(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"the tokenizer of .* cannot be read"):
        load_text_encoder(settings)
    (tmp_path / "tokenizer.json").unlink()
    assert (tmp_path / "tokenizer_config.json").is_file(), "which makes one that knows no words"
    with pytest.raises(CheckpointError, match="has no tokenizer"):
        load_text_encoder(settings)
    save_pair("clip", tmp_path)
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["one more"] = len(tokenizer["model"]["vocab"])
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(CheckpointError, match="more words than its text tower knows"):
        load_text_encoder(settings)


def in_pieces(directory: Path, vocabulary: bytes) -> None:
    """Give a checkpoint the files of a tokenizer that SigLIP's own checkpoints have."""
    (directory / "tokenizer.json").unlink()
    (directory / "spiece.model").write_bytes(vocabulary)
    (directory / "tokenizer_config.json").write_text('{"tokenizer_class": "SiglipTokenizer"}')


def test_texts_are_cut_into_sentence_pieces_where_the_checkpoint_has_them(tmp_path: Path) -> None:
    pieces = pytest.importorskip("sentencepiece")
    model = save_pair("siglip", tmp_path)
    written = io.BytesIO()
    pieces.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20),
        model_writer=written,
        vocab_size=40,
        hard_vocab_limit=False,
        **{"pad_id": 0, "eos_id": 1, "bos_id": -1, "unk_id": 2, "minloglevel": 2},
    )
    in_pieces(tmp_path, written.getvalue())
    settings = EncoderSettings(str(tmp_path), ("proj@3",), runtime="torch", precision="fp32")
    images = pixels(24)
    rows = load_encoder(settings).encode(images).vectors["proj@3"]
    texts = load_text_encoder(settings).embed(TEXTS).vectors
    expected = similarity("siglip", model, tmp_path, TEXTS, images)
    np.testing.assert_allclose(texts @ rows.T, expected, atol=2e-5)


def test_what_reads_the_tokenizer_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_pair("siglip", tmp_path)
    in_pieces(tmp_path, b"pieces")

    def absent(*_: object, **__: object) -> None:
        raise ImportError("SiglipTokenizer requires the SentencePiece library")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", absent)
    with pytest.raises(
        CheckpointError, match=r"needs sentencepiece.*pip install 'vitrail\[text\]'"
    ):
        load_text_encoder(EncoderSettings(str(tmp_path)))


def test_a_text_tower_that_does_not_fit_its_config_is_refused(tmp_path: Path) -> None:
    save_pair("clip", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] += 1
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="does not fit its config"):
        load_text_encoder(EncoderSettings(str(tmp_path)))
