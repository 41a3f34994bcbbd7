"""What a generator learns from: images found, the class that is to stay drawn, all encoded."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.operations.captioned import check_tokens, find_captioned, find_class
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress

if TYPE_CHECKING:
    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.training.adapting import GeneratorTrainee
    from vitrail.generator.training.captioned import CaptionedImage
    from vitrail.generator.training.tuning import GeneratorTuning
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.service.operations.generator_records import BegunGenerator, GeneratorRequest


@dataclass(frozen=True, slots=True)
class GeneratorLesson:
    """What is done before anything is learned.

    Attributes:
        request: what is to be learned by what.
        info: the checkpoint.
        side: in pixels, to which images are cut.
        inner: folder of what is about the run.
        progress: told how far it is.
        cancellation: looked at in between.
    """

    request: GeneratorRequest
    info: CheckpointInfo
    side: int
    inner: str
    progress: Progress
    cancellation: Cancellation

    def images(self) -> tuple[CaptionedImage, ...]:
        """Those that are to be learned, found and read.

        Raises:
            InputError: a source or captions that nothing can be learned of.
            CollectionError: the collection is missing or damaged.
            CancelledError: somebody asked to stop.
        """
        found = find_captioned(self.request.source, self.progress, self.cancellation)
        check_tokens(found, self.request.options.tokens)
        return found

    def prior(self, trainee: GeneratorTrainee) -> tuple[CaptionedImage, ...]:
        """Images of what is to stay, drawn where none are given."""
        from vitrail.generator.training.samples import Sampler, draw_prior

        prior = self.request.prior
        if prior is None:
            return ()
        folder = prior.folder
        if folder is None:
            folder = os.path.join(self.inner, "prior")
            tell = self._telling("drawing the prior", prior.count)
            sampler = Sampler(trainee.pipeline, self.info, self.side)
            check = self.cancellation.check
            draw_prior(sampler, prior.prompt, prior.count, folder, tell, check)
        return find_class(folder, prior.prompt, self.progress, self.cancellation)

    def task(self, trainee: GeneratorTrainee, begun: BegunGenerator) -> GeneratorTuning:
        """All images encoded, and captions too where the text encoders stay as they are."""
        from vitrail.generator.models.libraries import quiet
        from vitrail.generator.training.captioned import encode_images, keep_captions
        from vitrail.generator.training.tuning import (
            CaptionedLesson,
            GeneratorTuning,
            number_captions,
        )

        images = (*begun.images, *begun.prior)
        captions, said = number_captions(images)
        options = self.request.options
        with quiet():
            self._note_long(trainee, captions)
            latents = encode_images(
                trainee.pipeline,
                images,
                self.side,
                mirror=options.mirror,
                tell=self._telling("encoding images", len(images)),
            )
            tell = self._telling("encoding captions", len(captions), "caption")
            states = None if trainee.texts else keep_captions(trainee.pipeline, captions, tell)
        lesson = CaptionedLesson(images, len(begun.images), latents, states, captions, said)
        return GeneratorTuning(trainee, lesson, options)

    def _note_long(self, trainee: GeneratorTrainee, captions: tuple[str, ...]) -> None:
        pipeline, tokenizer = trainee.pipeline, trainee.pipeline.tokenizer
        window = int(tokenizer.model_max_length)
        said = pipeline.maybe_convert_prompt(list(captions), tokenizer)
        lengths = [len(tokenizer(one, truncation=False).input_ids) for one in said]
        if (count := sum(length > window for length in lengths)) > 0:
            self.progress(
                Note(
                    f"{counted(count, 'caption')} longer than the {window - 2} tokens that "
                    f"{self.info.name} sees: what comes after is not learned"
                )
            )

    def _telling(self, doing: str, total: int, noun: str = "image") -> Callable[[int], None]:
        def tell(done: int) -> None:
            self.cancellation.check()
            self.progress(AnalysisProgress(doing, done, total, noun))

        return tell
