"""What an encoder has to know about its checkpoint, read from the directory; no framework."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitrail.indexer.encoders.directories import find_directory, no_weights
from vitrail.indexer.encoders.exports import Export, is_export, read_export
from vitrail.indexer.encoders.families import Family, TextFamily, family_of, projected_width
from vitrail.indexer.encoders.focus import SOURCE_SHA256
from vitrail.indexer.encoders.processors import read_preprocess
from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT, EMBEDDED
from vitrail.indexer.encoders.weights import check_plain, read_object, weight_files
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.files.cache import file_sha256
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import EmbeddingSpace, parse_space, space_of

# Its last block was bent by its training for saliency. Of 27 spaces, on 267 emoji of 14 kinds, 1-NN
# agreement of kind and top-1 retrieval from a degraded copy were: gem@9 0.607 and 0.903, cls@10
# 0.629 and 0.801, gem@8 0.562 and 0.910, cls@12 0.532 and 0.704, mean@12 0.423 and 0.375. The first
# figure's standard error is 0.03, so kinds do not tell gem@9 from cls@10; degraded copies do.
EMBEDDED_SPACES = ("gem@9",)
EMBEDDED_DEFAULT = "gem@9/w"  # docs/layers.md says why


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model directory that has been looked at, but not loaded.

    Attributes:
        name: what the user wrote.
        directory: where config.json and the safetensors are; of a checkpoint of another framework,
            its conversion.
        family: how the tower is built.
        config: config.json's part about the vision tower.
        architecture: the class that wrote the checkpoint, or ``None``.
        preprocess: pixels as the checkpoint's own processor makes them.
        weights: sha256 (hex) of the weights, as they were found.
        labels: class names of its head; empty when it has none.
        projected: width of the embedding that texts are compared with; ``None`` without a text
            tower.
        export: what it is an export of; ``None`` where it holds weights of its own.
    """

    name: str
    directory: Path
    family: Family
    config: dict[str, Any]
    architecture: str | None
    preprocess: Preprocess
    weights: str
    labels: tuple[str, ...]
    projected: int | None = None
    export: Export | None = None

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return int(self.config["num_hidden_layers"])

    @property
    def dim(self) -> int:
        """Width of the tokens."""
        return int(self.config["hidden_size"])

    @property
    def image_size(self) -> int:
        """Side of the square input in pixels."""
        return self.preprocess.image_size

    def classes(self) -> tuple[str, ...]:
        """The class names of its head.

        Raises:
            CheckpointError: it has none.
        """
        if not self.labels:
            raise CheckpointError(
                f"{self.name!r} has no classification head: leave out --classify, or use a "
                f"checkpoint with one, such as {DEFAULT_CHECKPOINT}"
            )
        return self.labels

    def text_family(self) -> TextFamily:
        """How its text tower is built.

        Raises:
            CheckpointError: it has none.
        """
        if self.export is not None:
            raise CheckpointError(
                f"{self.name!r} is an export, which holds no text tower: ask by texts with "
                f"{self.export.source.checkpoint}, which it was made from"
            )
        text = self.family.text
        if text is None or self.projected is None:
            raise CheckpointError(
                f"{self.name!r} has no text tower, to which its images could be compared: use a "
                "CLIP or SigLIP checkpoint that has both towers"
            )
        return text

    def select(self, names: Sequence[str] = ()) -> tuple[EmbeddingSpace, ...]:
        """The named spaces, or the checkpoint's default ones where none is named.

        Raises:
            InputError: a name this checkpoint cannot serve.
        """
        if self.export is not None:
            return _exported_spaces(self.export, self.name, names)
        spaces = [
            parse_space(
                name,
                depth=self.depth,
                dim=self.dim,
                has_cls=self.family.has_cls,
                projected=self.projected,
            )
            for name in names or self._default_spaces()
        ]
        return tuple(dict.fromkeys(spaces))

    def _default_spaces(self) -> tuple[str, ...]:
        if self.name == EMBEDDED:
            return EMBEDDED_SPACES
        if self.projected is not None:  # by which images and texts are compared
            return (f"proj@{self.depth}",)
        return self.family.default_spaces(self.depth)

    def fingerprint(self, spaces: Sequence[EmbeddingSpace]) -> Fingerprint:
        """Identity of the vectors of these spaces."""
        return Fingerprint(
            checkpoint=self.name,
            weights=self.weights,
            preprocess=self.preprocess.to_dict(),
            spaces=tuple((space.name, space.dim) for space in spaces),
            settings=_settings(self.config),
            variant=None if self.export is None or self.export.doubt else self.export.variant,
            doubt="" if self.export is None else self.export.doubt,
        )


def _exported_spaces(export: Export, name: str, names: Sequence[str]) -> tuple[EmbeddingSpace, ...]:
    """Those named, of the ones that an export's graph gives; all of them where none is named."""
    widths = dict(export.source.spaces)
    wanted = [one.strip() for one in names] or [*widths]
    for one in wanted:
        if one not in widths:
            raise InputError(
                f"{name!r} is an export that gives {', '.join(widths)}, and not {one!r}: name one "
                "of these, or export its source again with --space"
            )
    return tuple(space_of(one, widths[one]) for one in dict.fromkeys(wanted))


def awaited_space(fingerprint: Fingerprint) -> str | None:
    """The whitened space that searches of a new collection weigh once it can be fitted.

    Args:
        fingerprint: of the collection's encoder.

    Returns:
        ``None`` where they weigh the stored spaces: of other checkpoints than the embedded one, or
        of other spaces of it.
    """
    names = tuple(name for name, _ in fingerprint.spaces)
    usual = fingerprint.weights == SOURCE_SHA256 and names == EMBEDDED_SPACES
    return EMBEDDED_DEFAULT if usual else None


def find_encoder_checkpoint(name: str, *, tokenizer: bool = False) -> Checkpoint:
    """Resolve a Hub name (``org/name`` or ``org/name@revision``), a directory, or the embedded one.

    Args:
        name: of the checkpoint.
        tokenizer: ask the Hub where the cache lacks it, as what was fetched for images alone does.

    Weights of another framework are converted, once, into the cache folder.

    Raises:
        CheckpointError: not found, pickle-only, no vision tower of a supported family, or
            without usable preprocessing.
        CacheError: there is no room for a conversion.
    """
    directory, source = find_directory(name, tokenizer=tokenizer)
    config = _config(directory, name)
    family, vision = family_of(config, name)
    vision = _with_defaults(vision, family, name)
    export = read_export(directory, name) if is_export(directory) else None
    if export is not None:
        weights = _export_hash(export)
    else:
        weights = source or _weights_hash(name, directory)
    preprocess = read_preprocess(directory, model_type=family.model_type, name=name)
    architecture = _architecture(config)
    labels = _labels(config, architecture, name)
    projected = projected_width(config, family, architecture)
    if export is not None:
        _hold_to_export(export, vision, preprocess, name)
    return Checkpoint(
        name,
        directory,
        family,
        vision,
        architecture,
        preprocess,
        weights,
        labels,
        projected,
        export,
    )


def _export_hash(export: Export) -> str:
    """The weights that an export's vectors are of: its source's, if it is certified."""
    return export.source.weights if export.certified else export.digest


def _hold_to_export(
    export: Export, config: Mapping[str, Any], preprocess: Preprocess, name: str
) -> None:
    """Refuse configurations that were edited beside a graph which has its own built in."""
    for file, agrees in (
        ("config.json", export.source.settings in (None, _settings(config))),
        ("preprocessor_config.json", export.source.preprocess == preprocess.to_dict()),
    ):
        if not agrees:
            raise CheckpointError(
                f"{name!r} has a {file} that is not of what was exported, and the graph has the "
                "former built in: bring that back, or export again"
            )


def _config(directory: Path, name: str) -> dict[str, Any]:
    path = directory / "config.json"
    if not path.is_file():
        raise CheckpointError(
            f"{name!r} has no config.json: give a directory in transformers' layout "
            f"(model.save_pretrained)"
        )
    return read_object(path)


# What transformers leaves out of config.json because it is the default of the config class.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "clip_vision_model": {"hidden_size": 768, "num_hidden_layers": 12, "image_size": 224},
    "siglip_vision_model": {"hidden_size": 768, "num_hidden_layers": 12, "image_size": 224},
    "dinov3_vit": {"hidden_size": 384, "num_hidden_layers": 12, "image_size": 224},
    "dinov2_with_registers": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "image_size": 224,
        "num_register_tokens": 4,
    },
}
_COMMON = {"hidden_size": 768, "num_hidden_layers": 12, "image_size": 224}


def _with_defaults(config: Mapping[str, Any], family: Family, name: str) -> dict[str, Any]:
    whole = {**_DEFAULTS.get(family.model_type, _COMMON), **config}
    for key in ("hidden_size", "num_hidden_layers"):
        if type(whole[key]) is not int or whole[key] < 1:
            raise CheckpointError(
                f"{name!r} has the {key} {whole[key]!r} in its config.json, which must be a "
                f"number from 1: download it again"
            )
    return whole


# What a config says besides how its weights are used when nothing is trained.
_IDLE = {
    *("architectures", "id2label", "label2id", "num_labels", "problem_type"),
    *("dtype", "torch_dtype", "transformers_version", "attn_implementation", "tie_word_embeddings"),
    *("initializer_range", "initializer_factor", "layerscale_value", "lambda_value"),
    *("encoder_stride", "mask_token", "use_mask_token", "apply_layernorm", "reshape_hidden_states"),
    *("out_features", "out_indices", "stage_names", "output_attentions", "output_hidden_states"),
    *("return_dict", "use_cache", "projection_dim", "logit_scale_init_value"),
    *("chunk_size_feed_forward", "loss_type", "semantic_loss_ignore_index"),
    *("is_encoder_decoder", "pruned_heads", "torchscript", "finetuning_task", "name_or_path"),
}


def _settings(config: Mapping[str, Any]) -> str:
    """Sha256 (hex) of what decides, beside the weights, what they compute.

    Vectors of the same weights with another activation or number of heads are of no use together.
    """
    used = {
        key: value
        for key, value in config.items()
        if key not in _IDLE
        and not key.startswith("_")
        and not key.endswith(("dropout", "dropout_prob", "drop_path_rate", "dropout_rate"))
        and value is not None
    }
    return hashlib.sha256(json.dumps(used, sort_keys=True, default=str).encode()).hexdigest()


def _architecture(config: Mapping[str, Any]) -> str | None:
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else None


def _weights_hash(name: str, directory: Path) -> str:
    if name == EMBEDDED:
        # The source's hash: the same whichever safetensors version wrote the converted file.
        return SOURCE_SHA256
    check_plain(directory, name)
    files = weight_files(directory, name)
    if not files:
        raise CheckpointError(no_weights(name, directory))
    hashes = [file_sha256(path) for path in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _labels(config: Mapping[str, Any], architecture: str | None, name: str) -> tuple[str, ...]:
    if "ImageClassification" not in str(architecture):
        return ()
    names = config.get("id2label")
    try:
        if isinstance(names, Mapping) and names:
            return tuple(str(names[key]) for key in sorted(names, key=int))
        return tuple(f"LABEL_{i}" for i in range(int(config.get("num_labels", 2))))
    except (ValueError, TypeError):
        raise CheckpointError(
            f"{name!r} has labels in its config.json that are not numbered: download it again"
        ) from None
