"""The torch runtime: any device, any precision; the reference of the other runtimes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vitrail.indexer.encoders.base import Encoded, PatchTokens
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.devices import PRECISIONS, choose_device, choose_precision
from vitrail.indexer.encoders.libraries import quiet_transformers
from vitrail.indexer.encoders.settings import SPREAD
from vitrail.indexer.encoders.tower import Head, Projection, Tower
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.memory import is_out_of_memory
from vitrail.indexer.spaces import EmbeddingSpace
from vitrail.indexer.wording import first_line


class TorchEncoder:
    """Implements ``vitrail.indexer.encoders.base.Encoder`` with torch."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        spaces: Sequence[EmbeddingSpace],
        *,
        device: str = "auto",
        precision: str = "auto",
        classify: bool = False,
    ) -> None:
        self._device = choose_device(device)
        self._precision = choose_precision(precision, self._device)
        self.spaces = tuple(spaces)
        self.fingerprint: Fingerprint = checkpoint.fingerprint(spaces)
        self.preprocess: Preprocess = checkpoint.preprocess
        self.image_size = checkpoint.image_size
        self.labels = checkpoint.labels if classify else None
        self._tower = build_tower(checkpoint, spaces, classify=classify)
        self._tower.to(PRECISIONS[self._precision])
        self._place = str(self._device)
        if device == SPREAD:
            from vitrail.indexer.encoders.spreading import spread

            self._place = f"spread over {', '.join(spread(self._tower, self._device))}"
        else:
            self._tower.to(self._device)
        # A batch takes all of the device's cores, and a second one at once only more memory.
        self._turn = threading.Lock()

    @property
    def runtime(self) -> str:
        """For people, such as ``torch fp32 (cpu)``."""
        return f"torch {self._precision} ({self._place})"

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Embed (n, S, S, 3) uint8.

        Raises:
            MemoryError: the batch does not fit.
        """
        with self._turn, _memory_errors(self._device), torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
            outputs = [tensor.cpu().numpy() for tensor in self._tower(batch)]
        names = [space.name for space in self.spaces]
        logits = outputs[len(names)] if self.labels is not None else None
        return Encoded(vectors=dict(zip(names, outputs, strict=False)), logits=logits)

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """The tokens of single patches of (n, S, S, 3) uint8.

        Raises:
            InputError: a layer that this encoder does not run.
            MemoryError: the batch does not fit.
        """
        deepest = len(self._tower.blocks)
        wrong = [layer for layer in layers if not 0 <= layer <= deepest]
        if wrong or not layers:
            raise InputError(
                f"patch tokens are asked of layer {wrong[0] if wrong else 'none'}, and this "
                f"encoder runs 0 to {deepest}; name one of these"
            )
        with self._turn, _memory_errors(self._device), torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
            found = self._tower.patch_tokens(batch, layers)
            return PatchTokens(
                {layer: tokens.cpu().numpy() for layer, tokens in found.items()}, self._tower.side
            )


@contextlib.contextmanager
def _memory_errors(device: torch.device) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise MemoryError(str(error)) from error
    except RuntimeError as error:
        if is_out_of_memory(error):
            if device.type == "mps":
                torch.mps.empty_cache()
            raise MemoryError(str(error)) from error
        raise


def build_tower(
    checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace], *, classify: bool
) -> Tower:
    """The float32 tower on the CPU, in eval mode.

    Raises:
        CheckpointError: weights are missing, or there is no head to classify with.
    """
    if any(space.pooling == "proj" for space in spaces):
        return _build_projecting(checkpoint, spaces)
    family = checkpoint.family
    if classify:
        checkpoint.classes()
    name = (checkpoint.architecture or family.classifier_class) if classify else family.tower_class
    instead = "leave out --classify" if classify else "install a newer one"
    model = load_model(checkpoint, str(name), instead)
    prefix = family.prefix(checkpoint.config)
    body = model.get_submodule(family.body) if classify else model
    head = Head(head_linears(model), family.head_input, prefix) if classify else None
    return _tower(checkpoint, spaces, body, head=head)


def _build_projecting(checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace]) -> Tower:
    """Of the model of both towers: classes of one alone read its width elsewhere in the config."""
    text = checkpoint.text_family()
    model = load_model(checkpoint, text.model_class)
    projection = Projection(model.get_submodule(text.image_projection), text.image_reads)
    body = model.get_submodule(text.image_tower)
    return _tower(checkpoint, spaces, body, projection=projection)


def _tower(
    checkpoint: Checkpoint,
    spaces: Sequence[EmbeddingSpace],
    body: nn.Module,
    *,
    head: Head | None = None,
    projection: Projection | None = None,
) -> Tower:
    family = checkpoint.family
    tower = Tower(
        body,
        family=family,
        spaces=spaces,
        preprocess=checkpoint.preprocess,
        image_size=checkpoint.image_size,
        prefix=family.prefix(checkpoint.config),
        head=head,
        projection=projection,
    )
    return tower.eval().requires_grad_(False)


def head_linears(model: nn.Module) -> list[nn.Module]:
    """The linear layers of a model's classification head, that of the class token first."""
    names = ("classifier", "cls_classifier", "distillation_classifier")
    children = dict(model.named_children())
    return [children[name] for name in names if name in children]


def load_model(
    checkpoint: Checkpoint,
    name: str,
    instead: str = "install a newer one",
    *,
    config: Any = None,
    fresh: tuple[str, ...] = (),
) -> nn.Module:
    """A checkpoint's weights as one of transformers' classes, float32, in eval mode.

    Args:
        checkpoint: where they are.
        name: of the class.
        instead: what to do where transformers has no such class.
        config: transformers' own, in the place of the checkpoint's.
        fresh: how the names of weights begin that need not be there, and are drawn at random then.

    Raises:
        CheckpointError: it has none, or the weights are damaged or do not fit the config.
    """
    return load_class(
        checkpoint.directory, name, checkpoint.name, instead, config=config, fresh=fresh
    )


def load_class(
    directory: Path,
    name: str,
    checkpoint: str,
    instead: str = "install a newer one",
    *,
    config: Any = None,
    fresh: tuple[str, ...] = (),
) -> nn.Module:
    """The weights in a directory as one of transformers' classes, float32, in eval mode.

    Args:
        directory: holds config.json and the safetensors.
        name: of the class.
        checkpoint: what the user wrote, for messages.
        instead: what to do where transformers has no such class.
        config: transformers' own, in the place of the directory's.
        fresh: how the names of weights begin that need not be there, and are drawn at random then.

    Raises:
        CheckpointError: it has none, or the weights are damaged or do not fit the config.
    """
    import transformers

    kind = getattr(transformers, name, None)
    if kind is None:
        raise CheckpointError(
            f"{checkpoint!r} is a {name}, which transformers {transformers.__version__} does "
            f"not know: {instead}"
        )
    try:
        with quiet_transformers(), _memory_errors(torch.device("cpu")):
            model, info = kind.from_pretrained(
                directory,
                dtype=torch.float32,
                attn_implementation="sdpa",
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are told below, by name
                **({} if config is None else {"config": config}),
            )
    except MemoryError:
        raise
    except Exception as error:  # a damaged checkpoint makes the libraries raise many kinds
        line = first_line(error)
        raise CheckpointError(
            f"{checkpoint!r} is damaged or incomplete ({line}): download it again"
        ) from error
    # A tensor that is not in the file would be random, and so would every vector be.
    lacking = [*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])]
    missing = sorted(key for key in lacking if not _is_unused(key) and not key.startswith(fresh))
    if missing:
        what = missing[0]
        raise CheckpointError(
            f"{checkpoint!r} does not fit its config: {what} is missing or has another shape; "
            f"download it again"
        )
    return model.eval()  # type: ignore[no-any-return]


def _is_unused(key: str) -> bool:
    return key.startswith(("pooler.", "head.")) or key.endswith("mask_token")
