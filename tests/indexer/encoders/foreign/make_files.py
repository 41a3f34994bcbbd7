"""Makes the files that the tests of foreign weights read: genuine ones, of tiny random models.

Run in an environment of its own, which nothing else needs (2.7 GB; TF_USE_LEGACY_KERAS=1):

    pip install transformers==4.57.6 flax tensorflow-cpu tf-keras
    python make_files.py files

Each directory gets the weights as their framework writes them, config.json, and truth.npz: pixels
(1, 16, 16, 3), and what the framework makes of them: tokens (1, t, 16), and logits of a head.
"""
# mypy: ignore-errors

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 8,
}
PIXELS = np.random.default_rng(3).standard_normal((1, 16, 16, 3)).astype(np.float32)
PROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "size": {"height": 16, "width": 16},
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


def main(target: Path) -> None:
    """Make all of them."""
    import transformers as t

    vit = t.ViTConfig(**SIZES, intermediate_size=24, num_labels=3)
    deit = t.DeiTConfig(**SIZES, intermediate_size=24, num_labels=3)
    dino = t.Dinov2Config(**SIZES, mlp_ratio=2, num_labels=3)
    flax(target / "flax-vit", t.FlaxViTModel(vit, input_shape=(1, 16, 16, 3)))
    flax(target / "flax-vit-head", t.FlaxViTForImageClassification(vit, input_shape=(1, 16, 16, 3)))
    flax(
        target / "flax-dinov2-head",
        t.FlaxDinov2ForImageClassification(dino, input_shape=(1, 16, 16, 3)),
    )
    keras(target / "keras-vit", t.TFViTModel(vit), "vit")
    keras(target / "keras-vit-head", t.TFViTForImageClassification(vit), "vit")
    keras(target / "keras-deit-head", t.TFDeiTForImageClassificationWithTeacher(deit), "deit")
    linen(target / "google-linen", old=True, inside="")
    linen(target / "google-big-vision", old=False, inside="params/")


def shaken(array, generator):
    """Far from initialisation, where every part would hardly matter."""
    return np.asarray(array) + generator.standard_normal(np.shape(array)).astype(np.float32) * 0.15


def flax(folder: Path, model) -> None:
    """A model of transformers' Flax classes."""
    import jax

    generator = np.random.default_rng(5)
    model.params = jax.tree.map(lambda one: shaken(one, generator), model.params)
    model.save_pretrained(folder)
    values = PIXELS.transpose(0, 3, 1, 2)
    made = model(values)
    if hasattr(made, "logits"):
        tower = type(model).__name__.replace("ForImageClassification", "Model")
        import transformers

        body = getattr(transformers, tower)(model.config, input_shape=(1, 16, 16, 3))
        inner = next(key for key in model.params if key != "classifier")
        body.params = {**body.params, **model.params[inner]}
        finish(folder, body(values).last_hidden_state, made.logits)
    else:
        finish(folder, made.last_hidden_state, None)


def keras(folder: Path, model, body: str) -> None:
    """A model of transformers' TensorFlow classes."""
    values = PIXELS.transpose(0, 3, 1, 2)
    model(values)
    generator = np.random.default_rng(5)
    model.set_weights([shaken(one, generator) for one in model.get_weights()])
    model.save_pretrained(folder)
    made = model(values)
    tokens = made.last_hidden_state if not hasattr(made, "logits") else None
    if tokens is None:
        tokens = getattr(model, body)(values).last_hidden_state
    finish(folder, tokens, getattr(made, "logits", None))


def linen(folder: Path, *, old: bool, inside: str) -> None:
    """Google's ViT, of Flax's own modules; the numbers in its names are Flax's or the old API's."""
    import jax
    import jax.numpy as jnp
    from flax import linen as nn
    from flax.traverse_util import flatten_dict

    def named(new: str, former: str) -> str:
        return former if old else new

    class Mlp(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(16, name="Dense_1")(nn.gelu(nn.Dense(24, name="Dense_0")(x)))

    class Block(nn.Module):
        @nn.compact
        def __call__(self, x):
            y = nn.LayerNorm(name="LayerNorm_0")(x)
            attention = named("MultiHeadDotProductAttention_0", "MultiHeadDotProductAttention_1")
            x = x + nn.MultiHeadDotProductAttention(num_heads=2, name=attention)(y, y)
            y = nn.LayerNorm(name=named("LayerNorm_1", "LayerNorm_2"))(x)
            return x + Mlp(name=named("MlpBlock_0", "MlpBlock_3"))(y)

    class Positions(nn.Module):
        @nn.compact
        def __call__(self, x):
            normal = nn.initializers.normal(0.02)
            return x + self.param("pos_embedding", normal, (1, *x.shape[1:]))

    class Encoder(nn.Module):
        @nn.compact
        def __call__(self, x):
            if old:
                x = Positions(name="posembed_input")(x)
            for layer in range(2):
                x = Block(name=f"encoderblock_{layer}")(x)
            return nn.LayerNorm(name="encoder_norm")(x)

    class Vit(nn.Module):
        @nn.compact
        def __call__(self, image):
            x = nn.Conv(16, (8, 8), strides=(8, 8), padding="VALID", name="embedding")(image)
            x = x.reshape(len(x), -1, 16)
            normal = nn.initializers.normal(0.02)
            if not old:  # big_vision places the patches alone, before the class token joins them
                x = x + self.param("pos_embedding", normal, (1, 4, 16))
            first = jnp.tile(self.param("cls", normal, (1, 1, 16)), (len(x), 1, 1))
            x = Encoder(name="Transformer")(jnp.concatenate([first, x], axis=1))
            return x, nn.Dense(3, name="head")(x[:, 0])

    model = Vit()
    generator = np.random.default_rng(5)
    params = model.init(jax.random.PRNGKey(0), PIXELS)
    params = jax.tree.map(lambda one: shaken(one, generator), params)
    tokens, logits = model.apply(params, PIXELS)
    folder.mkdir(parents=True, exist_ok=True)
    flat = {
        f"{inside}{'/'.join(key)}": value for key, value in flatten_dict(params["params"]).items()
    }
    np.savez(folder / "model.npz", **flat)
    np.savez(folder / "truth.npz", pixels=PIXELS, tokens=tokens, logits=logits)


def finish(folder: Path, tokens, logits) -> None:
    """Write what the weights compute, and the processor."""
    truth = {"pixels": PIXELS, "tokens": np.asarray(tokens)}
    if logits is not None:
        truth["logits"] = np.asarray(logits)
    np.savez(folder / "truth.npz", **truth)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
