"""The ViT families: how each one's config and modules are laid out; no framework is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vitrail.indexer.errors import CheckpointError

HeadInput = Literal["cls", "cls+mean", "mean"]


@dataclass(frozen=True, slots=True)
class TextFamily:
    """How image-text models of a family, read whole, compare images with texts.

    Attributes:
        model_class: transformers' class of both towers.
        image_tower: attribute that is the family's tower.
        image_projection: attribute that makes the image's embedding of its tokens.
        image_reads: the class token alone, or all tokens.
        text_tower: attribute; its ``pooler_output`` is what the projection takes.
        text_projection: attribute, or ``None`` where the tower has made the embedding itself.
        padded: texts are filled up to the longest that there is, as in training.
        lowered: texts are put in small letters, as in training.
    """

    model_class: str
    image_tower: str
    image_projection: str
    image_reads: Literal["cls", "tokens"]
    text_tower: str
    text_projection: str | None
    padded: bool
    lowered: bool


@dataclass(frozen=True, slots=True)
class Family:
    """One architecture as transformers builds it.

    Attributes:
        name: for people.
        model_type: ``model_type`` of the config of the vision tower.
        combined: ``model_type`` of an image-text config that holds such a tower, or ``None``.
        tower_class: transformers' class of the tower.
        classifier_class: transformers' class with the head, or ``None`` where it has none.
        body: attribute of the classifier that is the tower.
        before: attribute of a LayerNorm ahead of the blocks, or ``None``.
        blocks: dotted attribute of the list of blocks.
        norm: attribute of the final LayerNorm.
        has_cls: the first token is a class token.
        extra_tokens: tokens between the class token and the patches that every such model has
            (``num_register_tokens`` of the config come on top).
        head_input: what the classification head reads.
        head_after_norm: the head reads tokens after the final LayerNorm.
        text: of models that are ``combined`` with a text tower; ``None`` where none are.
    """

    name: str
    model_type: str
    tower_class: str
    classifier_class: str | None
    body: str
    blocks: str
    norm: str
    combined: str | None = None
    before: str | None = None
    has_cls: bool = True
    extra_tokens: int = 0
    head_input: HeadInput = "cls"
    head_after_norm: bool = True
    text: TextFamily | None = None

    def prefix(self, config: Mapping[str, Any]) -> int:
        """Number of tokens before the patch tokens."""
        return int(self.has_cls) + self.extra_tokens + int(config.get("num_register_tokens") or 0)

    def default_spaces(self, depth: int) -> tuple[str, ...]:
        """The last layer's class token, or the mean of its patch tokens where there is none."""
        return (f"{'cls' if self.has_cls else 'mean'}@{depth}",)


FAMILIES: tuple[Family, ...] = (
    Family(
        name="ViT",
        model_type="vit",
        tower_class="ViTModel",
        classifier_class="ViTForImageClassification",
        body="vit",
        blocks="layers",
        norm="layernorm",
    ),
    Family(
        name="DeiT",
        model_type="deit",
        tower_class="DeiTModel",
        classifier_class="DeiTForImageClassification",
        body="deit",
        blocks="layers",
        norm="layernorm",
        extra_tokens=1,  # the distillation token
    ),
    Family(
        name="DINOv2",
        model_type="dinov2",
        tower_class="Dinov2Model",
        classifier_class="Dinov2ForImageClassification",
        body="dinov2",
        blocks="encoder.layer",
        norm="layernorm",
        head_input="cls+mean",
    ),
    Family(
        name="DINOv2 with registers",
        model_type="dinov2_with_registers",
        tower_class="Dinov2WithRegistersModel",
        classifier_class="Dinov2WithRegistersForImageClassification",
        body="dinov2_with_registers",
        blocks="encoder.layer",
        norm="layernorm",
        head_input="cls+mean",
    ),
    Family(
        name="DINOv3",
        model_type="dinov3_vit",
        tower_class="DINOv3ViTModel",
        classifier_class=None,
        body="",
        blocks="model.layer",
        norm="norm",
    ),
    Family(
        name="SigLIP",
        model_type="siglip_vision_model",
        combined="siglip",
        tower_class="SiglipVisionModel",
        classifier_class="SiglipForImageClassification",
        body="vision_model",
        blocks="encoder.layers",
        norm="post_layernorm",
        has_cls=False,
        head_input="mean",
        text=TextFamily(
            model_class="SiglipModel",
            image_tower="vision_model",
            image_projection="vision_model.head",
            image_reads="tokens",
            text_tower="text_model",
            text_projection=None,
            padded=True,
            lowered=True,
        ),
    ),
    Family(
        name="CLIP",
        model_type="clip_vision_model",
        combined="clip",
        tower_class="CLIPVisionModel",
        classifier_class="CLIPForImageClassification",
        body="vision_model",
        before="pre_layrnorm",  # spelt so in transformers
        blocks="encoder.layers",
        norm="post_layernorm",
        head_input="mean",
        head_after_norm=False,
        text=TextFamily(
            model_class="CLIPModel",
            image_tower="vision_model",
            image_projection="visual_projection",
            image_reads="cls",
            text_tower="text_model",
            text_projection="text_projection",
            padded=False,
            lowered=False,
        ),
    ),
)


def projected_width(
    config: Mapping[str, Any], family: Family, architecture: str | None
) -> int | None:
    """The width of the embedding that images and texts are compared in.

    Args:
        config: of the whole checkpoint.
        family: of its image tower.
        architecture: the class that wrote it, or ``None``.

    Returns:
        ``None`` where the checkpoint has no text tower, or nothing that makes that embedding.
    """
    if family.text is None or config.get("model_type") != family.combined:
        return None
    if "ImageClassification" in str(architecture):  # its text tower was left out
        return None
    if family.text.image_reads == "cls":
        return int(config.get("projection_dim") or 512)
    vision = config["vision_config"]
    return int(vision.get("hidden_size", 768)) if vision.get("vision_use_head", True) else None


def family_of(config: Mapping[str, Any], checkpoint: str) -> tuple[Family, dict[str, Any]]:
    """The family of a config.json, and the part of it that describes the vision tower.

    Raises:
        CheckpointError: no supported family; the message lists them.
    """
    kind = config.get("model_type")
    for family in FAMILIES:
        if kind == family.model_type:
            return family, dict(config)
        if kind == family.combined and isinstance(config.get("vision_config"), Mapping):
            return family, dict(config["vision_config"])
    names = ", ".join(family.name for family in FAMILIES)
    hint = (
        "; SigLIP 2 works in its fixed-resolution checkpoints, such as "
        "google/siglip2-base-patch16-224, not as NaFlex"
        if kind in ("siglip2", "siglip2_vision_model")
        else ""
    )
    raise CheckpointError(
        f"{checkpoint!r} has model_type {kind!r}, which is none of the supported families: "
        f"{names}{hint}"
    )
