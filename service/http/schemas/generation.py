"""What jobs that make images are asked with."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from vitrail.generator.checks import MAX_PROMPT, MAX_SEED, MAX_STEPS
from vitrail.service.http.schemas.base import Open
from vitrail.service.http.schemas.bodies import AnySet, JobBody
from vitrail.service.http.schemas.queries import ImageRef

Prompt = Annotated[str, Field(min_length=1, max_length=MAX_PROMPT)]
Strength = Annotated[float, Field(ge=0, le=1)]
_Side = Annotated[int, Field(ge=8, le=4096)]
_Number = Annotated[float, Field(ge=-1e6, le=1e6)]
_Corner = Annotated[list[_Number], Field(min_length=2, max_length=2)]


class DrawingBody(JobBody):
    """How to draw, whatever is drawn; what is not given is as the model has it.

    Attributes:
        n: how many images, from consecutive seeds.
        seed: of the first.
        negative_prompt: what not to draw.
        scheduler: name of the sampler.
        steps: of denoising.
        guidance: weight of the prompt.
        model: one of the names that the service is set up with.
        force: make images again that are there already.
    """

    n: Annotated[int, Field(ge=1, le=256)] = 1
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    negative_prompt: Annotated[str, Field(max_length=MAX_PROMPT)] = ""
    scheduler: Annotated[str, Field(max_length=64)] | None = None
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    guidance: Annotated[float, Field(ge=0, le=1000)] | None = None
    model: Annotated[str, Field(max_length=64)] = "embedded"
    force: bool = False


class SizedBody(DrawingBody):
    """As that, of a size.

    Attributes:
        width: in pixels.
        height: in pixels.
    """

    width: _Side | None = None
    height: _Side | None = None


class GuardBody(JobBody):
    """What images are held against before they are kept, as an audit would.

    Attributes:
        rate: share of innocent images that would be held to be copies.
        against: filter of the images that may be copied.
        retries: other seeds that are tried in the place of one whose image is refused.
        mark: column that gets each image's false-positive rate; copies are kept then.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"rate": 0.01, "retries": 3}]})

    rate: Annotated[float, Field(gt=0, lt=1)]
    against: AnySet = "not generated"
    retries: Annotated[int, Field(ge=0, le=1000)] = 0
    mark: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class GenerateBody(SizedBody):
    """Images from prompts: each prompt's, seed by seed.

    Attributes:
        prompt: what to draw; or several, each ``n`` times.
        guard: keeps no copies of what is indexed; without, every image is kept.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "a red apple", "n": 4, "seed": 1}]}
    )

    prompt: Prompt | Annotated[list[Prompt], Field(min_length=1, max_length=1000)]
    guard: GuardBody | None = None

    @property
    def prompts(self) -> tuple[str, ...]:
        """All of them."""
        return (self.prompt,) if isinstance(self.prompt, str) else tuple(self.prompt)


class ImageToImageBody(SizedBody):
    """An image drawn anew under a prompt.

    Attributes:
        image: to start from.
        prompt: what to draw.
        strength: 0 keeps the image, 1 keeps nothing of it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"image": {"id": 17}, "prompt": "a green apple", "strength": 0.6}]
        }
    )

    image: ImageRef
    prompt: Prompt
    strength: Strength = 0.6


class MaskBody(JobBody):
    """What to repaint: exactly one of these.

    Attributes:
        box: x0, y0, x1, y1 in pixels, the last two not part of it.
        polygon: its corners, x and y in pixels.
        image: as large as the other, white where to repaint.
    """

    box: Annotated[list[_Number], Field(min_length=4, max_length=4)] | None = None
    polygon: Annotated[list[_Corner], Field(min_length=3, max_length=10_000)] | None = None
    image: ImageRef | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.box, self.polygon, self.image)) != 1:
            raise ValueError("give exactly one of box, polygon and image")
        return self


class InpaintBody(DrawingBody):
    """Part of an image repainted; every pixel outside of the mask stays.

    Attributes:
        image: to start from.
        prompt: what to draw.
        mask: what to repaint.
        strength: 1 draws from noise, less keeps something of what was there.
        feather: pixels inside the mask's edge over which old and new blend.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"image": {"id": 17}, "prompt": "a blue hat", "mask": {"box": [16, 0, 48, 20]}}
            ]
        }
    )

    image: ImageRef
    prompt: Prompt
    mask: MaskBody
    strength: Annotated[float, Field(gt=0, le=1)] = 1.0
    feather: Annotated[int, Field(ge=0, le=256)] = 0


class StyleBody(SizedBody):
    """The look of one image given to another.

    Attributes:
        content: whose things are kept.
        style: whose look is taken.
        prompt: what the content shows.
        style_strength: how far the look moves to the style's.
        content_strength: how far the result is drawn anew; without, as the method has it.
        method: ``statistics`` of latents, or ``attention`` with the style's keys and values, which
            leaves nothing to chance, so that ``n`` is 1.
        query_kept: by attention, how much the content keeps of what it asks the style for.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"content": {"id": 17}, "style": {"id": 4}, "prompt": "a cat"},
                {
                    "content": {"id": 17},
                    "style": {"id": 4},
                    "prompt": "a cat",
                    "method": "attention",
                },
            ]
        }
    )

    content: ImageRef
    style: ImageRef
    prompt: Prompt
    style_strength: Strength = 0.8
    content_strength: Strength | None = None
    method: Literal["statistics", "attention"] = "statistics"
    query_kept: Strength | None = None


class ModelsReply(Open):
    """What may draw.

    Attributes:
        models: names, as bodies give them; the default first.
    """

    models: list[str]
