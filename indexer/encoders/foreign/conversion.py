"""One conversion to safetensors: read, held to a forward pass of the file's own layout, kept."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vitrail.indexer.encoders.converted import WEIGHTS, is_whole, make_once
from vitrail.indexer.encoders.families import Family, family_of
from vitrail.indexer.encoders.foreign.arrays import Array, Arrays
from vitrail.indexer.encoders.foreign.kept import conversion_place, present
from vitrail.indexer.encoders.foreign.operations import Values
from vitrail.indexer.encoders.foreign.sources import WeightSource
from vitrail.indexer.encoders.weights import read_object
from vitrail.indexer.errors import CheckpointError

PROCESSOR = "preprocessor_config.json"

_LOG = logging.getLogger(__name__)


class ForeignModel(Protocol):
    """A model as it lies in a file of another framework."""

    @property
    def has_head(self) -> bool:
        """Whether it has a classification head that is kept."""

    def weights(self) -> dict[str, Array]:
        """All weights under PyTorch's names."""

    def tokens(self, pixels: Values) -> Values:
        """(n, S, S, c) normalised values to (n, t, d) tokens, as the file's own framework does."""

    def logits(self, tokens: Values) -> Values:
        """(n, classes) of the head, from (n, t, d) tokens."""

    def unread(self) -> list[str]:
        """Names of what the forward pass had no use for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A foreign checkpoint that was read.

    Attributes:
        model: its weights.
        family: its tower's.
        config: all of config.json.
    """

    model: ForeignModel
    family: Family
    config: dict[str, Any]


def converted_directory(
    source: WeightSource, beside: Path | None, carried: Sequence[str], name: str
) -> Path:
    """The directory of a checkpoint's conversion, made when it is not there.

    Args:
        source: the weights.
        beside: the directory of the files that belong to them; ``None`` where there are none.
        carried: names of these files, which are copied.
        name: the checkpoint, for messages.

    Raises:
        CheckpointError: the weights are broken, are not what the config says, or their conversion
            does not compute what they do.
        CacheError: the cache folder is full or may not be written.
    """
    directory = conversion_place(source, beside, carried)
    if not is_whole(directory):
        files = present(beside, carried)
        opened = _opened(source, files, name)
        make_once(
            directory, source.sha256(), lambda made: _write(opened, files, made, source, name)
        )
        _LOG.info("%s was converted from %s, once, to %s", name, source.name, directory)
    return directory


def _opened(source: WeightSource, files: Sequence[Path], name: str) -> Opened:
    config = next((read_object(file) for file in files if file.name == "config.json"), None)
    if source.format.kind == "google":
        return _open_google(source, config, name)
    if config is None:
        raise CheckpointError(
            f"{name!r} has no config.json: give a directory in transformers' layout "
            f"(model.save_pretrained)"
        )
    return _open_tree(source, config, name)


def _open_google(source: WeightSource, given: Mapping[str, Any] | None, name: str) -> Opened:
    from vitrail.indexer.encoders.foreign.google_files import read_google
    from vitrail.indexer.encoders.foreign.google_layout import GoogleModel

    path = source.files[0]
    model = GoogleModel(Arrays(str(path), read_google(path)), name)
    config = model.config()
    labels = (given or {}).get("id2label")
    if isinstance(labels, Mapping) and len(labels) == len(config.get("id2label", ())):
        config["id2label"] = dict(labels)
        config["label2id"] = {label: int(key) for key, label in labels.items()}
    return Opened(model, family_of(config, name)[0], config)


def _open_tree(source: WeightSource, config: dict[str, Any], name: str) -> Opened:
    from vitrail.indexer.encoders.foreign.flax_files import read_flax
    from vitrail.indexer.encoders.foreign.keras_files import read_keras
    from vitrail.indexer.encoders.foreign.tree_layout import FAMILIES, TreeModel

    family, vision = family_of(config, name)
    if family.model_type not in FAMILIES:
        raise CheckpointError(
            f"{name!r} is a {family.name} checkpoint in {source.name}, and of "
            f"{source.format.title} files ViT, DeiT and DINOv2 are converted: give its "
            f"safetensors, or convert it with transformers 4, where from_pretrained takes "
            f"from_flax=True and from_tf=True"
        )
    read = read_flax if source.format.kind == "flax" else read_keras
    arrays = Arrays(str(source.files[0]), read(source.files))
    return Opened(TreeModel(arrays, family, vision, name), family, config)


def _write(
    opened: Opened, files: Sequence[Path], made: Path, source: WeightSource, name: str
) -> None:
    from safetensors.numpy import save_file

    from vitrail.indexer.encoders.foreign.parity import check_parity, reference

    # The file's own forward pass first: it names what the file lacks as the file would call it.
    expected = reference(opened.model, opened.config, name)
    told = {"format": "pt", "source": source.name, "source_sha256": source.sha256()}
    save_file(opened.model.weights(), made / WEIGHTS, metadata=told)
    for file in files:
        shutil.copyfile(file, made / file.name)
    class_name = _class_name(opened)
    config = {**opened.config, "architectures": [class_name], "dtype": "float32"}
    (made / "config.json").write_text(json.dumps(config, indent=2))
    if source.format.kind == "google" and not (made / PROCESSOR).is_file():
        (made / PROCESSOR).write_text(json.dumps(_google_processor(config["image_size"]), indent=2))
    check_parity(expected, made, class_name, opened.family, name)


def _class_name(opened: Opened) -> str:
    """Transformers' class of what is in the file, which may be less than its config says."""
    if not opened.model.has_head:
        return opened.family.tower_class
    given = next(iter(opened.config.get("architectures") or ()), "")
    if "ImageClassification" in str(given):
        return str(given)
    return str(opened.family.classifier_class)


def _google_processor(side: int) -> dict[str, Any]:
    """As these models were trained: squeezed to a square, and values from -1 to 1."""
    return {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": side, "width": side},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
