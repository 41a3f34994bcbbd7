"""A small encoder taught by a large one, on images that need no labels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.exports import refuse_export
from vitrail.service.operations.encoder_records import BegunRun, read_begun, write_begun
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress, nobody
from vitrail.service.operations.training_images import (
    group_copies,
    read_images,
    survey_images,
)
from vitrail.service.operations.training_memory import enough_memory
from vitrail.service.operations.training_records import (
    DONE_ALREADY,
    check_same,
    read_done,
    run_folder,
    write_done,
)
from vitrail.service.operations.training_results import PARTS
from vitrail.service.operations.unlabelled import (
    UnlabelledSource,
    check_enough,
    find_unlabelled,
)

if TYPE_CHECKING:
    from vitrail.indexer.training.distillation import Distillation
    from vitrail.indexer.training.distilling import DistillingOptions
    from vitrail.indexer.training.fidelity import Fidelity
    from vitrail.indexer.training.samples import LabelledImage
    from vitrail.indexer.training.splits import SplitShares
    from vitrail.indexer.training.students import Cut
    from vitrail.indexer.training.tasks import LoopProgress, LoopResult
    from vitrail.indexer.training.teaching import Pair


_LESSON = 3  # counts changes of what is learned from the same options


@dataclass(frozen=True, slots=True)
class DistilRequest:
    """What is to be learned from what.

    Attributes:
        source: of the images.
        teacher: checkpoint to learn from: Hub name, directory or the embedded one.
        folder: of the student, which becomes a model directory; new, or that of the same run.
        cut: what is left of the teacher; nothing said where a student is given.
        options: how it is taught.
        shares: of the images by which states are judged, and which are held out to measure by.
        student: checkpoint that learns; ``None`` cuts one out of the teacher.
    """

    source: UnlabelledSource
    teacher: str
    folder: str
    cut: Cut
    options: DistillingOptions
    shares: SplitShares
    student: str | None = None

    def settings(self, teacher: str, student: str | None) -> dict[str, Any]:
        """What decides a run, as plain JSON types.

        Args:
            teacher: sha256 (hex) of its weights.
            student: likewise, where one is given.
        """
        folders = [os.path.abspath(one) for one in self.source.folders]
        return {
            "source": {**asdict(self.source), "folders": folders},
            "teacher": self.teacher,
            "teacher_weights": teacher,
            "student": self.student,
            "student_weights": student,
            "layers": self.cut.layers,
            "width": self.cut.width,
            "mlp_ratio": self.cut.mlp_ratio,
            "shares": asdict(self.shares),
            "options": self.options.to_dict(),
            "lesson": _LESSON,
        }


@dataclass(frozen=True, slots=True)
class Distilled:
    """A student that has learned.

    Attributes:
        folder: the model directory.
        teacher: that it learned from.
        spaces: the teacher's space that was kept, and what the student has in its place.
        parts: how many images were learned from, judged by and held out.
        steps: done.
        best_step: after which the student was best, as it is now; 0 where it learned nothing that
            made it better than it began.
        fidelity: what it keeps of the teacher's retrieval, on images held out.
    """

    folder: str
    teacher: str
    spaces: tuple[str, str]
    parts: tuple[int, int, int]
    steps: int
    best_step: int
    fidelity: Fidelity

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "folder": self.folder,
            "teacher": self.teacher,
            "spaces": dict(zip(("teacher", "student"), self.spaces, strict=True)),
            "images": dict(zip(PARTS[:3], self.parts, strict=True)),
            "steps": self.steps,
            "best_step": self.best_step,
            "retrieval": self.fidelity.to_dict(),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], folder: str) -> Distilled:
        """Read what ``to_dict`` made.

        Args:
            raw: of a run that is done.
            folder: where its model lies now.
        """
        from vitrail.indexer.training.fidelity import Fidelity

        training, validation, held_out = (raw["images"][part] for part in PARTS[:3])
        return cls(
            folder,
            raw["teacher"],
            (raw["spaces"]["teacher"], raw["spaces"]["student"]),
            (training, validation, held_out),
            raw["steps"],
            raw["best_step"],
            Fidelity.from_dict(raw["retrieval"]),
        )


def request_of(
    source: UnlabelledSource,
    teacher: str,
    folder: str,
    options: DistillingOptions,
    *,
    student: str | None = None,
    layers: int | None = None,
    width: int | None = None,
    mlp_ratio: int | None = None,
    validation: float = 0.1,
    held_out: float = 0.15,
) -> DistilRequest:
    """What is asked for, of plain values; see ``DistilRequest``.

    Raises:
        InputError: shares that leave nothing to learn from.
    """
    from vitrail.indexer.training.splits import SplitShares
    from vitrail.indexer.training.students import Cut

    shares, cut = SplitShares(validation, held_out), Cut(layers, width, mlp_ratio)
    return DistilRequest(source, teacher, folder, cut, options, shares, student)


def distil(
    request: DistilRequest,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Distilled:
    """Teach a student and write it as a model directory, or go on with what was begun there.

    What is done is told again.

    Args:
        request: what is to be learned from what.
        progress: told how far it is.
        cancellation: looked at between the parts of steps.

    Raises:
        InputError: too few images, a student that cannot be made, or a folder that holds something
            else.
        CheckpointError: a checkpoint cannot be had, or what lies in the folder is damaged.
        TrainingError: the loss is no number any more, or memory is too small.
        CollectionError: the disk is full, or the collection cannot be read.
        CollectionLockedError: another process trains into the folder.
        CancelledError: somebody asked to stop; what was learned is kept.
    """
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
    from vitrail.indexer.training.acceleration import Acceleration
    from vitrail.indexer.training.states import forget_states
    from vitrail.indexer.training.teaching import make_pair

    acceleration = Acceleration(request.options.device, request.options.precision)
    progress(AnalysisProgress("loading the teacher"))
    teacher = find_encoder_checkpoint(request.teacher)
    student = None if request.student is None else find_encoder_checkpoint(request.student)
    refuse_export(request.teacher, teacher.export)
    if student is not None:
        refuse_export(student.name, student.export)
    pair = make_pair(teacher, student, request.cut, request.options)
    settings = request.settings(teacher.weights, None if student is None else student.weights)
    folder = os.path.abspath(request.folder)
    work = _Work(request, pair, progress, cancellation or Cancellation())
    memory = enough_memory(
        f"{request.teacher!r} and its student", "close other programs and run again"
    )
    with run_folder(folder) as inner, memory:
        begun = read_begun(inner)
        if begun is None:
            begun = work.begin(settings)
            write_begun(inner, begun)
        else:
            check_same(begun, settings, request.options, folder)
        done = read_done(inner, lambda raw: Distilled.from_dict(raw, folder))
        if done is not None:
            progress(Note(DONE_ALREADY))
        else:
            done = work.learn(begun, folder, inner, acceleration)
            write_done(inner, done.to_dict())
        forget_states(inner)
    return done


@dataclass(slots=True)
class _Work:
    """One call of ``distil``."""

    request: DistilRequest
    pair: Pair
    progress: Progress
    cancellation: Cancellation
    parts: list[list[LabelledImage]] = field(default_factory=list)

    def begin(self, settings: dict[str, Any]) -> BegunRun:
        """Look at the images and part them, copies together."""
        from vitrail.indexer.encoders import EncoderSettings, load_encoder
        from vitrail.indexer.training.splits import split

        candidates = find_unlabelled(self.request.source)
        options, space = self.request.options, self.pair.spaces[0].name
        nothing = np.empty(0, np.int64)
        shares = self.request.shares
        if not shares.validation and not shares.held_out:  # nothing that copies have to be told for
            preprocess = self.pair.teacher.preprocess
            images = read_images(candidates, preprocess, self.progress, self.cancellation)
            check_enough(len(images))
            none, each = np.zeros(len(images), np.int64), np.arange(len(images))
            return BegunRun(settings, ("",), images, none, each, none, nothing, {})
        encoder = load_encoder(
            EncoderSettings(self.request.teacher, spaces=(space,), device=options.device)
        )
        surveyed = survey_images(candidates, encoder, self.progress, self.cancellation)
        check_enough(len(surveyed.images))
        groups = group_copies(surveyed, space, self.progress, self.cancellation)
        contents = [image.content_hash for image in surveyed.images]
        targets = np.zeros(len(contents), np.int64)
        parts = split(contents, targets, groups, self.request.shares, options.seed)
        return BegunRun(settings, ("",), surveyed.images, targets, groups, parts, nothing, {})

    def learn(self, begun: BegunRun, folder: str, inner: str, acceleration: Any) -> Distilled:
        """Train to the end, measure, and write the model."""
        from vitrail.indexer.training.loop import TrainingLoop
        from vitrail.indexer.training.saving import save_model
        from vitrail.indexer.training.tasks import plan_loop

        training, validation, held_out = self.parts = _parted(begun)
        self._thin(training)
        task = self.pair.task(training, validation, self.request.options)
        options = self.request.options
        plan = plan_loop(options, len(training), options.batch, weighs_start=True)
        # Not before the steps that settle what was learned of small images.
        plan = replace(plan, patient_from=round(options.coarse * plan.steps))
        try:
            result = TrainingLoop(
                task, plan, inner, acceleration, on_step=self._tell, cancellation=self.cancellation
            ).run()
        finally:
            task.close()
        done = self._told(folder, result, self._measured(held_out, task))
        weights = {"options": self.pair.settled(self.request.options).to_dict()}
        record = {
            "made by": "vitrail distil",
            **begun.settings,
            **weights,
            "result": done.to_dict(),
        }
        save_model(self.pair.model, self.pair.student, folder, record)
        return done

    def _thin(self, training: list[LabelledImage]) -> None:
        """Before the first step; where the run goes on, what was learned takes its place."""
        from vitrail.indexer.training.samples import TrainingImages
        from vitrail.indexer.training.thinning import thin_mlps

        if self.pair.origin is not None:
            self.progress(AnalysisProgress("fitting thinner MLPs"))
            options, preprocess = self.request.options, self.pair.teacher.preprocess
            images = TrainingImages(training, preprocess, options.augmentation, options.seed)
            thin_mlps(self.pair, images, options.seed)

    def _tell(self, event: LoopProgress) -> None:
        measures = ", ".join(f"{name} {value:.3f}" for name, value in event.measures.items())
        told = f"loss {event.loss:.4f}" + (f", {measures}" if measures else "")
        self.progress(AnalysisProgress("learning", event.step, event.steps, "step", told))

    def _measured(self, held_out: list[LabelledImage], task: Distillation) -> Fidelity:
        from vitrail.indexer.training.fidelity import measure
        from vitrail.service.operations.tuning_samples import altered_copies

        self.progress(AnalysisProgress("measuring what was kept"))
        asked = self.pair.task([], held_out, self.request.options)
        asked.to(task.device)
        return measure(asked, self.pair.parameters, altered_copies, self.cancellation.check)

    def _told(self, folder: str, result: LoopResult, fidelity: Fidelity) -> Distilled:
        training, validation, held_out = (len(part) for part in self.parts)
        theirs, ours = self.pair.spaces
        return Distilled(
            folder,
            self.request.teacher,
            (theirs.name, ours.name),
            (training, validation, held_out),
            result.steps,
            result.best_step,
            fidelity,
        )


def _parted(begun: BegunRun) -> list[list[LabelledImage]]:
    """Images to learn from, to judge states by, and held out."""
    from vitrail.indexer.training.samples import LabelledImage
    from vitrail.indexer.training.splits import HELD_OUT, TRAINING, VALIDATION

    parts: dict[int, list[LabelledImage]] = {TRAINING: [], VALIDATION: [], HELD_OUT: []}
    for image, part in zip(begun.images, begun.parts.tolist(), strict=True):
        parts[part].append(LabelledImage(image.path, image.content_hash))
    return [parts[TRAINING], parts[VALIDATION], parts[HELD_OUT]]
