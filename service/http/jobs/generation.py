"""Making images as jobs: from prompts and images, into the collection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from vitrail.generator.checks import Sampling
from vitrail.indexer.errors import UnknownImageError
from vitrail.service.documents.guards import line_document, record_document, refused_document
from vitrail.service.documents.plain import named_path
from vitrail.service.http.asking import checkpoint_of
from vitrail.service.http.jobs.images import reference_to
from vitrail.service.http.jobs.kinds import JobKind, JobRun, Outcome, Setting
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.schemas.bodies import set_sql
from vitrail.service.http.schemas.generation import (
    DrawingBody,
    GenerateBody,
    ImageToImageBody,
    InpaintBody,
    MaskBody,
    SizedBody,
    StyleBody,
)
from vitrail.service.operations.references import (
    ContentHash,
    ImageReference,
    IndexedPath,
    find_image,
)
from vitrail.service.operations.tasks import (
    GenerationOptions,
    ImageToImage,
    Inpaint,
    MaskShape,
    StyleTransfer,
    Task,
    TextToImage,
)

if TYPE_CHECKING:
    from vitrail.generator.batch import GeneratedFile
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.service.operations.guarding import CollectionGuard, GuardOptions
    from vitrail.service.operations.making import Generated, Work

D = TypeVar("D", bound=DrawingBody)


class DrawingJobs(JobKind[D]):
    """Kinds that make images; those that are there already are not made again."""

    lane = "generation"
    resumable = True

    def writes(self, body: D) -> bool:  # noqa: ARG002
        """They do."""
        return True

    @abstractmethod
    def task(self, setting: Setting, body: D) -> Task:
        """What is to be made."""

    def guard(self, run: JobRun, body: D) -> CollectionGuard | None:  # noqa: ARG002
        """What judges images before they are kept; what is drawn from an image is near it."""
        return None

    def check(self, setting: Setting, body: D) -> None:
        """Read the images, and plan the recipes; no model is loaded.

        Raises:
            UnknownImageError: an image is not in the collection.
            InputError: an image, prompt, mask or option is unusable.
            CheckpointError: the model cannot be had.
        """
        self._plan(setting, body)

    def run(self, run: JobRun, body: D) -> Outcome:
        """Make and index them.

        Raises:
            VitrailError: as of ``vitrail.service.operations.generating.make``.
        """
        from vitrail.service.operations.generating import make

        collection = run.setting.hosted.collection
        made = make(
            collection,
            self._plan(run.setting, body),
            guard=self.guard(run, body),
            progress=run.progress,
            cancellation=run.cancellation,
            preview=run.preview,
        )
        told = generated_document(collection.store, made)
        return Outcome(told, complete=not made.interrupted)

    def _plan(self, setting: Setting, body: D) -> Work:
        from vitrail.service.operations.generating import plan_in

        options = _options(setting.options, body)
        return plan_in(setting.hosted.collection.store, self.task(setting, body), options)


class GenerateJobs(DrawingJobs[GenerateBody]):
    """Images from prompts."""

    name = "generate"
    body = GenerateBody

    def task(self, setting: Setting, body: GenerateBody) -> Task:  # noqa: ARG002
        """The prompts."""
        return TextToImage(body.prompts)

    def check(self, setting: Setting, body: GenerateBody) -> None:
        """As that, and refuse what cannot be guarded.

        Raises:
            InputError: a guard's filter or column cannot be used, or too few images fulfil it.
        """
        from vitrail.service.operations.guarding import check_guard, check_seeds

        super().check(setting, body)
        options = _guard(body)
        if options is not None:
            check_seeds(options, body.seed, body.n)
            check_guard(setting.hosted.collection.store.snapshot(), options)

    def guard(self, run: JobRun, body: GenerateBody) -> CollectionGuard | None:
        """The guard that was asked for.

        Raises:
            InputError: too few innocent images for its rate.
        """
        from vitrail.service.operations.guarding import fit_guard

        options = _guard(body)
        if options is None:
            return None
        return fit_guard(
            run.setting.hosted.collection,
            options,
            body.n,
            progress=run.progress,
            cancellation=run.cancellation,
        )


class ImageToImageJobs(DrawingJobs[ImageToImageBody]):
    """An image drawn anew."""

    name = "image-to-image"
    body = ImageToImageBody

    def task(self, setting: Setting, body: ImageToImageBody) -> Task:
        """The image and the prompt."""
        return ImageToImage(reference_to(setting, body.image), body.prompt, body.strength)


class InpaintJobs(DrawingJobs[InpaintBody]):
    """Part of an image repainted."""

    name = "inpaint"
    body = InpaintBody

    def task(self, setting: Setting, body: InpaintBody) -> Task:
        """The image, the mask and the prompt."""
        return Inpaint(
            reference_to(setting, body.image),
            body.prompt,
            _mask(setting, body.mask),
            body.strength,
            body.feather,
        )


class StyleJobs(DrawingJobs[StyleBody]):
    """The look of one image given to another."""

    name = "style"
    body = StyleBody

    def task(self, setting: Setting, body: StyleBody) -> Task:
        """Both images and the prompt."""
        return StyleTransfer(
            reference_to(setting, body.content),
            reference_to(setting, body.style),
            body.prompt,
            body.style_strength,
            body.content_strength,
        )


def generated_document(store: CollectionStore, made: Generated) -> dict[str, Any]:
    """What was made, as JSON: each image by its id."""
    return {
        "total": made.total,
        "made": made.made,
        "there": made.there,
        "lacking": made.lacking,
        "interrupted": made.interrupted,
        "guard": line_document(made.line),
        "refused": [refused_document(one) for one in made.refused],
        "notes": list(made.notes),
        "images": [_image(store, file) for file in made.files],
    }


def _image(store: CollectionStore, file: GeneratedFile) -> Mapping[str, Any]:
    path, found = str(file.path), file.recipe.guard
    told = {"id": _known(store, IndexedPath(path)), **named_path(path)}
    if found is None:
        return told
    copied = None if found.copy_of is None else _known(store, ContentHash(found.copy_of))
    return {**told, "seed": file.recipe.seed, "guard": record_document(found), "copies": copied}


def _known(store: CollectionStore, image: IndexedPath | ContentHash) -> int | None:
    """The id of an image; ``None`` where it was taken out meanwhile."""
    try:
        return find_image(store, image)
    except UnknownImageError:
        return None


def _guard(body: GenerateBody) -> GuardOptions | None:
    from vitrail.service.operations.guarding import GuardOptions

    said = body.guard
    if said is None:
        return None
    return GuardOptions(said.rate, set_sql(said.against), said.retries, said.mark)


def _mask(setting: Setting, mask: MaskBody) -> MaskShape | ImageReference:
    if mask.image is not None:
        return reference_to(setting, mask.image)
    if mask.box is not None:
        return MaskShape("box", ",".join(map(_digits, mask.box)))
    assert mask.polygon is not None, "a body names exactly one"
    corners = (",".join(map(_digits, corner)) for corner in mask.polygon)
    return MaskShape("polygon", " ".join(corners))


def _digits(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def _options(options: ServiceOptions, body: DrawingBody) -> GenerationOptions:
    sized = body if isinstance(body, SizedBody) else None
    return GenerationOptions(
        Sampling(
            body.n, body.seed, body.negative_prompt, body.scheduler, body.steps, body.guidance
        ),
        width=None if sized is None else sized.width,
        height=None if sized is None else sized.height,
        model=checkpoint_of(body.model, options),
        device=options.device,
        force=body.force,
    )
