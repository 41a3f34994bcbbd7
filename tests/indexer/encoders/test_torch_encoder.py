from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.indexer.encoders.tiny import (
    CLASSIFIERS,
    DEPTH,
    DIM,
    LABELS,
    SIDE,
    TOWERS,
    cosine,
    normalised,
    pixels,
    save_classifier,
    save_tower,
)
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.encoders.devices import choose_device, choose_precision
from vitrail.indexer.encoders.families import FAMILIES, Family
from vitrail.indexer.errors import CheckpointError, InputError

LAYERS = (0, 1, DEPTH - 1, DEPTH)


def family(model: Any) -> Family:
    return next(one for one in FAMILIES if one.model_type == model.config.model_type)


def spaces_of(model: Any) -> list[str]:
    poolings = ("cls", "mean", "gem") if family(model).has_cls else ("mean", "gem")
    return [f"{pooling}@{layer}" for layer in LAYERS for pooling in poolings]


def references(model: Any, values: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """From transformers' own float32 hidden states, pooled by hand."""
    kind = family(model)
    feed = normalised(values)
    native = getattr(model.config, "image_size", feed.shape[-1])
    more = {"interpolate_pos_encoding": True} if native == 24 else {}
    with torch.no_grad():
        out = model(feed, output_hidden_states=True, **more)
        last = model.post_layernorm(out.last_hidden_state) if kind.name == "CLIP" else None
    layers = [*out.hidden_states[:-1], out.last_hidden_state if last is None else last]
    prefix = kind.prefix(model.config.to_dict())
    found = {}
    for layer in LAYERS:
        tokens = layers[layer].numpy()
        patches = tokens[:, prefix:]
        found[f"cls@{layer}"] = tokens[:, 0]
        found[f"mean@{layer}"] = patches.mean(axis=1)
        found[f"gem@{layer}"] = (np.maximum(patches, 1e-6) ** 3).mean(axis=1) ** (1 / 3)
    return found


@pytest.mark.parametrize("name", TOWERS)
@pytest.mark.parametrize("runtime", ["torch", "openvino"])
@pytest.mark.usefixtures("compile_here")
def test_every_family_and_runtime_agrees_with_transformers(
    name: str, runtime: str, tmp_path: Path
) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    model = save_tower(name, tmp_path)
    names = spaces_of(model)
    encoder = load_encoder(
        EncoderSettings(str(tmp_path), spaces=tuple(names), runtime=runtime, precision="fp32")
    )
    values = pixels()
    expected = references(model, values)
    for batch in (values, values[:1]):  # OpenVINO's graph must not have fixed the batch
        encoded = encoder.encode(batch)
        assert list(encoded.vectors) == names
        assert encoded.logits is None
        for space, vectors in encoded.vectors.items():
            assert vectors.shape == (len(batch), DIM)
            assert vectors.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
            assert cosine(vectors, expected[space][: len(batch)]) > 0.9999, space


@pytest.mark.parametrize("name", TOWERS)
@pytest.mark.parametrize("runtime", ["torch", "openvino"])
@pytest.mark.usefixtures("compile_here")
def test_patch_tokens_are_what_the_mean_is_taken_of(
    name: str, runtime: str, tmp_path: Path
) -> None:
    """In every family: without class and register tokens, the last layer after its norm."""
    if runtime == "openvino":
        pytest.importorskip("openvino")
    save_tower(name, tmp_path)
    names = tuple(f"mean@{layer}" for layer in LAYERS)
    encoder = load_encoder(
        EncoderSettings(str(tmp_path), spaces=names, runtime=runtime, precision="fp32")
    )
    values = pixels()
    found = encoder.patch_tokens(values, LAYERS)
    vectors = encoder.encode(values).vectors
    assert list(found.layers) == list(LAYERS)
    for layer, tokens in found.layers.items():
        assert tokens.shape == (len(values), SIDE // found.side, SIDE // found.side, DIM)
        assert tokens.dtype == np.float32
        assert cosine(tokens.mean(axis=(1, 2)), vectors[f"mean@{layer}"]) > 0.9999


@pytest.mark.parametrize("name", ["vit", "dinov2-registers", "clip"])
def test_patch_tokens_lie_in_rows_from_the_upper_left(name: str, tmp_path: Path) -> None:
    """At layer 0 a patch's token depends on no other: a change of one shows in that one alone."""
    save_tower(name, tmp_path)
    encoder = load_encoder(EncoderSettings(str(tmp_path), runtime="torch", precision="fp32"))
    values = pixels(2)
    values[1] = values[0]
    side = encoder.patch_tokens(values, [0]).side
    values[1, :side, side : 2 * side] ^= 255  # of the first row, the second patch
    before, after = encoder.patch_tokens(values, [0]).layers[0]
    changed = np.abs(after - before).max(axis=-1) > 1e-3
    assert np.argwhere(changed).tolist() == [[0, 1]]


def test_a_layer_that_is_not_run_has_no_patch_tokens(tmp_path: Path) -> None:
    save_tower("vit", tmp_path)
    encoder = load_encoder(EncoderSettings(str(tmp_path), spaces=("cls@1",), runtime="torch"))
    assert [*encoder.patch_tokens(pixels(), (1,)).layers] == [1]
    for layers in ((2,), (-1, 0), ()):
        with pytest.raises(InputError, match=r"this encoder runs 0 to 1; name one of these"):
            encoder.patch_tokens(pixels(), layers)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("runtime", ["torch", "openvino"])
@pytest.mark.usefixtures("compile_here")
def test_logits_come_from_the_same_pass(name: str, runtime: str, tmp_path: Path) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    model = save_classifier(name, tmp_path)
    values = pixels()
    encoder = load_encoder(
        EncoderSettings(
            str(tmp_path), spaces=("mean@1",), runtime=runtime, precision="fp32", classify=True
        )
    )
    encoded = encoder.encode(values)
    with torch.no_grad():
        expected = model(normalised(values)).logits.numpy()
    assert encoder.labels == LABELS
    assert encoded.logits is not None
    np.testing.assert_allclose(encoded.logits, expected, atol=2e-4, rtol=1e-3)
    plain = load_encoder(
        EncoderSettings(str(tmp_path), spaces=("mean@1",), runtime="torch", precision="fp32")
    )
    assert plain.labels is None
    assert cosine(plain.encode(values).vectors["mean@1"], encoded.vectors["mean@1"]) > 0.9999


def test_blocks_after_the_deepest_space_are_dropped(tmp_path: Path) -> None:
    save_tower("vit", tmp_path)
    encoder = load_encoder(EncoderSettings(str(tmp_path), spaces=("cls@1",), runtime="torch"))
    assert len(encoder._tower.blocks) == 1  # type: ignore[attr-defined]


def test_reduced_precision_stays_close(tmp_path: Path) -> None:
    save_tower("vit", tmp_path)
    full = load_encoder(EncoderSettings(str(tmp_path), runtime="torch", precision="fp32")).encode(
        pixels()
    )
    for precision in ("bf16", "fp16"):
        encoder = load_encoder(EncoderSettings(str(tmp_path), runtime="torch", precision=precision))
        assert precision in encoder.runtime
        for space, vectors in encoder.encode(pixels()).vectors.items():
            assert vectors.dtype == np.float32
            assert cosine(vectors, full.vectors[space]) > 0.999


def test_devices_and_precisions_are_checked() -> None:
    with pytest.raises(InputError, match="unknown"):
        choose_device("warp9")
    with pytest.raises(InputError, match="unknown"):
        choose_device("xpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match=r"is not there.*--device cpu"):
            choose_device("cuda")
    if not torch.backends.mps.is_available():
        with pytest.raises(InputError, match=r"'mps' is not there.* sees no MPS; use --device cpu"):
            choose_device("mps")
    with pytest.raises(InputError, match="fp32, bf16, fp16"):
        choose_precision("int3", torch.device("cpu"))
    assert choose_precision("auto", torch.device("mps")) == "fp16"


def test_out_of_memory_becomes_memory_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tower("vit", tmp_path)
    encoder = load_encoder(EncoderSettings(str(tmp_path), runtime="torch"))

    def fail(error: Exception) -> None:
        def forward(batch: torch.Tensor) -> None:
            raise error

        monkeypatch.setattr(encoder, "_tower", forward)

    for error in (
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ):
        fail(error)
        with pytest.raises(MemoryError):
            encoder.encode(pixels())
    fail(RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        encoder.encode(pixels())


def test_a_batch_that_does_not_even_fit_on_the_device_becomes_memory_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tower("vit", tmp_path)
    encoder = load_encoder(EncoderSettings(str(tmp_path), runtime="torch"))

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(torch.Tensor, "to", full)
        with pytest.raises(MemoryError):
            encoder.encode(pixels())
    assert len(encoder.encode(pixels()).vectors)


def test_a_checkpoint_without_a_head_cannot_classify(tmp_path: Path) -> None:
    save_tower("vit", tmp_path)
    with pytest.raises(CheckpointError, match="no classification head"):
        load_encoder(EncoderSettings(str(tmp_path), classify=True, runtime="torch"))


@pytest.mark.parametrize(
    ("told", "instead"),
    [('"num_hidden_layers": 3', '"num_hidden_layers": 4'), ('_size": 48', '_size": 64')],
    ids=["missing", "another shape"],
)
def test_weights_that_do_not_fit_the_config_are_refused(
    told: str, instead: str, tmp_path: Path
) -> None:
    save_tower("vit", tmp_path)
    config = tmp_path / "config.json"
    assert told in config.read_text()
    config.write_text(config.read_text().replace(told, instead))
    logging.disable(logging.CRITICAL)  # transformers prints its own report as well
    try:
        with pytest.raises(CheckpointError, match="does not fit its config"):
            load_encoder(EncoderSettings(str(tmp_path), runtime="torch"))
    finally:
        logging.disable(logging.NOTSET)
