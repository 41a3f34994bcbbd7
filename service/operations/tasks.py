"""What can be generated, and how: plain types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from vitrail.generator.checks import DEFAULTS, Sampling
from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import InputError
from vitrail.service.operations.opening import AS_IT_IS, EncoderChoice
from vitrail.service.operations.references import ImageReference

if TYPE_CHECKING:
    from vitrail.service.operations.guarding import GuardOptions


@dataclass(frozen=True, slots=True)
class TextToImage:
    """Images from prompts: each prompt's, seed by seed."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageToImage:
    """An image drawn anew under a prompt.

    Attributes:
        image: to start from.
        prompt: what to draw.
        strength: 0 keeps the image, 1 keeps nothing of it.
    """

    image: ImageReference
    prompt: str
    strength: float = 0.6


@dataclass(frozen=True, slots=True)
class MaskShape:
    """A part of an image.

    Attributes:
        kind: ``box`` or ``polygon``.
        shape: ``x0,y0,x1,y1`` in pixels, the last two not part of it; or ``x,y x,y x,y ...``.
        name: what messages call it.

    Raises:
        InputError: the shape is none of that kind.
    """

    kind: Literal["box", "polygon"]
    shape: str
    name: str = "mask"

    def __post_init__(self) -> None:
        from vitrail.generator.tasks.masks import BOX, POLYGON

        if not (BOX if self.kind == "box" else POLYGON).fullmatch(self.shape):
            raise InputError(
                f"{self.name} {self.shape!r} is no {self.kind}; give a box x0,y0,x1,y1 or a "
                "polygon x,y x,y x,y"
            )


@dataclass(frozen=True, slots=True)
class Inpaint:
    """Part of an image repainted; every pixel outside of the mask stays.

    Attributes:
        image: to start from.
        prompt: what to draw.
        mask: what to repaint: a shape, or an image, white where to repaint.
        strength: 1 draws from noise, less keeps something of what was there.
        feather: pixels inside the mask's edge over which old and new blend.
    """

    image: ImageReference
    prompt: str
    mask: MaskShape | ImageReference
    strength: float = 1.0
    feather: int = 0


@dataclass(frozen=True, slots=True)
class StyleTransfer:
    """The look of one image given to another.

    Attributes:
        content: whose things are kept.
        style: whose look is taken.
        prompt: what the content shows.
        style_strength: how far the look moves to the style's, 0 to 1.
        content_strength: how far the result is drawn anew, 0 to 1; ``None`` for the method's own.
        method: ``statistics`` of the latents, or ``attention`` that is lent the style's keys and
            values.
        query_kept: by attention, how much the content keeps of what it asks the style for, 0 to 1;
            ``None`` for the default.
        ip_adapter: safetensors file or directory of an IP-Adapter; ``None`` for the checkpoint's.
        ip_adapter_scale: how much it says, 0 to 1; ``None`` for the default.
    """

    content: ImageReference
    style: ImageReference
    prompt: str
    style_strength: float = 0.8
    content_strength: float | None = None
    method: str = "statistics"
    query_kept: float | None = None
    ip_adapter: str | None = None
    ip_adapter_scale: float | None = None


Task: TypeAlias = TextToImage | ImageToImage | Inpaint | StyleTransfer


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How to generate, whatever the task.

    Attributes:
        sampling: seeds, sampler, steps and guidance.
        width: pixels; ``None`` is the model's own, or by the image that is started from.
        height: as ``width``.
        loras: LoRAs as ``FILE`` or ``FILE:WEIGHT``.
        model: Stable Diffusion checkpoint: embedded, Hub name, directory or file.
        device: of the generator.
        precision: of the generator.
        force: make images again that are there already.
        encoder: of a collection that is not there yet.
        guard: what images from prompts are held against before they are kept; ``None`` for nothing.

    Raises:
        InputError: a device or precision that no machine has.
    """

    sampling: Sampling = DEFAULTS
    width: int | None = None
    height: int | None = None
    loras: tuple[str, ...] = ()
    model: str = "embedded"
    device: str = "auto"
    precision: str = "auto"
    force: bool = False
    encoder: EncoderChoice = AS_IT_IS
    guard: GuardOptions | None = None

    def __post_init__(self) -> None:
        check_placement(self.device, self.precision)


AS_THE_MODEL = GenerationOptions()
"""One image by the embedded model, everything as it has it."""
