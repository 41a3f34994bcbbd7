"""A checkpoint's pipeline made ready to learn: which parts do, what lies beside their weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.models.pipelines import load_pipeline
from vitrail.generator.training.options import GeneratorOptions
from vitrail.generator.training.tokens import OwnRows, add_tokens, merge_rows
from vitrail.indexer.errors import InputError
from vitrail.indexer.training.acceleration import INSTALL

UNET = "unet"
TEXTS = ("text_encoder", "text_encoder_2")
_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
_BLOCKS = ("down_blocks.", "mid_block.", "up_blocks.")  # what files of other tools have names for
_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj")


@dataclass(slots=True)
class GeneratorTrainee:
    """A pipeline that learns.

    Attributes:
        info: the checkpoint that it was.
        pipeline: diffusers' own, in float32.
        parts: names of what learns in it: the U-Net, and text encoders where they do.
        low_rank: peft's hold on low-rank weights, by part; empty without.
        rows: of tokens of one's own, by text encoder; empty without.
    """

    info: CheckpointInfo
    pipeline: Any
    parts: tuple[str, ...]
    low_rank: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, OwnRows] = field(default_factory=dict)

    @property
    def unet(self) -> Any:
        """The U-Net."""
        return self.pipeline.unet

    @property
    def device(self) -> torch.device:
        """Where the pipeline is."""
        found: torch.device = self.unet.device
        return found

    @property
    def texts(self) -> bool:
        """Whether a text encoder learns, or rows of its embedding."""
        return any(part in TEXTS for part in self.parts)

    def part(self, name: str) -> nn.Module:
        """A part that learns, by its name."""
        found = self.pipeline.components[name]
        assert isinstance(found, nn.Module)
        return found

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by part and name."""
        return {
            f"{part}.{name}": parameter
            for part in self.parts
            for name, parameter in self.part(part).named_parameters()
            if parameter.requires_grad
        }

    def low_rank_weights(self) -> dict[str, dict[str, Tensor]]:
        """Low-rank weights by part, by the names that peft gives them without the adapter's.

        Each is (r, in, ...) or (out, r, ...) float32, on the CPU.
        """
        found: dict[str, dict[str, Tensor]] = {part: {} for part in self.low_rank}
        for part, own in found.items():
            for name, parameter in self.part(part).named_parameters():
                if parameter.requires_grad:
                    kept = parameter.detach().cpu().clone()
                    own[name.replace(f".{_ADAPTER}.", ".")] = kept
        return found

    def token_rows(self) -> dict[str, dict[str, Tensor]]:
        """What was learned of each token, (k, d) float32 by text encoder, on the CPU."""
        learned = {part: rows.learned() for part, rows in self.rows.items()}
        tokens = next(iter(learned.values()), {})
        return {token: {part: own[token] for part, own in learned.items()} for token in tokens}

    def merge(self) -> None:
        """Make what lies beside a part's own weights part of them; harmless without any."""
        for held in self.low_rank.values():
            held.merge_and_unload()
        for part, rows in self.rows.items():
            merge_rows(self.part(part), rows)
        self.low_rank, self.rows = {}, {}

    @contextmanager
    def learning(self) -> Iterator[None]:
        """As it learns, with what drops at random; afterwards as it draws."""
        for part in self.parts:
            self.part(part).train()
        try:
            yield
        finally:
            for part in self.parts:
                self.part(part).eval()


_ADAPTER = "default"


def check_trainable(info: CheckpointInfo, side: int | None) -> int:
    """The side in pixels that images are cut to for a checkpoint.

    Args:
        info: which.
        side: what was asked for; ``None`` for its own.

    Raises:
        InputError: such checkpoints, or that side, cannot be trained here.
    """
    if info.family == "lcm":
        raise InputError(
            f"{info.name!r} is a latent consistency model, which is distilled from another: train "
            "that one"
        )
    if info.inpaints:
        raise InputError(
            f"{info.name!r} is made for inpainting, which is not trained here: give the checkpoint "
            "that it was made of"
        )
    chosen = info.native if side is None else side
    if chosen % info.multiple:
        nearest = max(info.multiple, round(chosen / info.multiple) * info.multiple)
        raise InputError(
            f"side is {chosen}, but {info.name!r} draws multiples of {info.multiple}: give "
            f"{nearest}"
        )
    return chosen


def build_trainee(info: CheckpointInfo, options: GeneratorOptions) -> GeneratorTrainee:
    """A checkpoint's pipeline with what is to learn made to, and all else frozen.

    Args:
        info: which checkpoint.
        options: what learns, and how.

    Raises:
        CheckpointError: it is damaged or incomplete, or diffusers is not installed.
        InputError: it cannot be trained here, or peft is not installed, or tokens cannot be used.
    """
    check_trainable(info, options.side)
    pipeline = load_pipeline(info)
    if pipeline.components.get("text_encoder") is None:
        raise InputError(
            f"{info.name!r} is a refiner, which is not trained here: give the base checkpoint"
        )
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.requires_grad_(False).eval()
    trainee = GeneratorTrainee(info, pipeline, _learning_parts(pipeline, options))
    if options.method == "lora":
        _add_low_rank(trainee, options)
    elif options.method == "inversion":
        for part in trainee.parts:
            trainee.rows[part] = add_tokens(pipeline, part, info, options)
    else:
        for name in trainee.parts:
            trainee.part(name).requires_grad_(True)
    if options.recompute:  # text encoders keep little
        trainee.unet.enable_gradient_checkpointing()
    return trainee


def _learning_parts(pipeline: Any, options: GeneratorOptions) -> tuple[str, ...]:
    texts = tuple(name for name in TEXTS if pipeline.components.get(name) is not None)
    if options.method == "inversion":
        return texts
    return (UNET, *(texts if options.text else ()))


def _add_low_rank(trainee: GeneratorTrainee, options: GeneratorOptions) -> None:
    try:
        from peft import LoraConfig, LoraModel
    except ImportError as error:
        raise InputError(f"low-rank weights need peft, which is not installed: {INSTALL}") from (
            error
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        for part in trainee.parts:
            names = _beside(trainee.part(part), part, options)
            config = LoraConfig(r=options.rank, lora_alpha=options.rank, target_modules=names)
            trainee.low_rank[part] = LoraModel(trainee.part(part), config, _ADAPTER)


def _beside(model: nn.Module, part: str, options: GeneratorOptions) -> list[str]:
    """Names of the layers that low-rank weights lie beside."""
    found = []
    for name, layer in model.named_modules():
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        if part != UNET:
            wanted = name.endswith(_TEXT) and ".layers." in f".{name}"
        elif options.targets == "attention":
            wanted = name.endswith(_ATTENTION)
        else:
            wanted = name.startswith(_BLOCKS)
        if wanted:
            found.append(name)
    if not found:
        raise InputError(
            f"the {part} has no layers that low-rank weights can lie beside: train it by "
            "--method full"
        )
    return found
