"""Which checkpoint of a generator's training to take: what each makes, held against all else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CollectionLockedError, InputError
from vitrail.indexer.paths import at_home, display
from vitrail.indexer.wording import counted
from vitrail.search.classification.labelled import first_few
from vitrail.search.picking.choosing import Comparison, compare_checkpoints
from vitrail.search.picking.made_sets import MadeSet
from vitrail.search.replication.thresholds import needed_for
from vitrail.service.operations.innocent_images import check_references, references_in, some_of
from vitrail.service.operations.pick_records import BEGINNING, PickedRun, PickOptions
from vitrail.service.operations.picked_models import (
    begun_step_of,
    check_out,
    record_of,
    step_of,
)
from vitrail.service.operations.picked_runs import FinishedRun, read_run
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress, nobody
from vitrail.service.operations.taught_images import TaughtImages
from vitrail.service.operations.training_memory import enough_memory
from vitrail.service.operations.training_records import FOLDER, GENERATOR, run_folder

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.generator.training.adapting import GeneratorTrainee
    from vitrail.generator.training.kept import KeptWeights
    from vitrail.generator.training.samples import Sampler

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
LEAST_TAUGHT = 3
"""Images from which on it can be told how near what was taught is to itself."""
_PROMPTS = 4  # of either kind, where nobody names any
_MOST_TAUGHT = 1000
_MOST_DRAWN = 100  # innocent images that are drawn where there are too few, at most
_SETS = "picked"  # folder of what checkpoints make, in that of what is about the run


def pick_checkpoint(
    options: PickOptions,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> PickedRun:
    """Hold the checkpoints that a training of a generator kept against one another.

    Each makes one fixed set: the same prompts from the same seeds. What is made stays in the run's
    folder, so that a comparison that was stopped goes on.

    Args:
        options: which run, and by what.
        progress: told how far it is.
        cancellation: looked at between the steps of an image.

    Raises:
        InputError: the folder holds no such run, it kept no weights, or too few images are there.
        CheckpointError: a checkpoint cannot be had, or is damaged.
        TrainingError: memory is too small.
        CollectionError: the disk is full.
        CollectionLockedError: another process trains into the folder, or compares there.
        CancelledError: somebody asked to stop; what was made is kept.
    """
    folder = os.path.abspath(at_home(options.run))
    check_references(options.references)
    run = read_run(folder, options.step)
    if options.out is not None:
        check_out(os.path.abspath(at_home(options.out)), run.told)
    with _alone(folder):
        work = _Work(options, run, progress, cancellation or Cancellation())
        with work.undisturbed():
            return work.done()


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    try:
        with run_folder(folder, GENERATOR):
            yield
    except CollectionLockedError as error:
        raise CollectionLockedError(str(error.problem), remedy="wait for it to end") from error


@dataclass(slots=True)
class _Work:
    """One call of ``pick_checkpoint``."""

    options: PickOptions
    run: FinishedRun
    progress: Progress
    cancellation: Cancellation
    prompts: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    drawn: dict[int, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    _made: int = 0
    _before: Doubles = field(default_factory=lambda: np.empty(0))  # what copies nothing scores

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Have the libraries to oneself; a small model draws on one thread."""
        from vitrail.generator.models.libraries import threads, turn
        from vitrail.indexer.encoders.devices import choose_device

        alone = self.run.info.small and choose_device(self.options.device).type == "cpu"
        memory = enough_memory(
            repr(self.run.info.name),
            "close other programs, or give --device cpu; run again, and what was drawn is not "
            "drawn again",
        )
        with turn(self.cancellation.check), threads(1 if alone else None), memory:
            yield

    def done(self) -> PickedRun:
        """Draw, compare, and write the model where one is wanted."""
        from vitrail.generator.training.adapting import build_trainee
        from vitrail.indexer.encoders.devices import choose_device

        squares, paths = self._squares()
        self._choose_set()
        self._tell("loading the checkpoint")
        trainee = build_trainee(self.run.info, self.run.options)
        trainee.pipeline.to(choose_device(self.options.device))
        self._tell("loading the encoder")
        taught = self._taught(squares, self._sampler(trainee).redraw)
        base = self._set(trainee, taught, None)
        nulls = self._nulls(trainee, taught)
        made = [self._set(trainee, taught, kept) for kept in self.run.kept]
        self._tell("comparing")
        found = compare_checkpoints(base, made, taught.rows, nulls, self.options.rate)
        step = self._save(trainee, found)
        return PickedRun(
            run=self.run.folder,
            source=self.run.info.name,
            method=self.run.options.method,
            finished=self.run.finished,
            prompts=self.prompts,
            others=self.others,
            seeds=self.seeds,
            taught=paths,
            drawn=self.drawn,
            copying={one.step: one.copying for one in (base, *made)},
            encoder=self.options.checkpoint,
            space=taught.space,
            found=found,
            out=None if step is None else os.path.abspath(at_home(str(self.options.out))),
            out_step=step,
        )

    def _tell(self, doing: str, done: int = 0, total: int = 0, told: str = "") -> None:
        self.cancellation.check()
        self.progress(AnalysisProgress(doing, done, total, told=told))

    # What is compared

    def _squares(self) -> tuple[list[Image.Image], tuple[str, ...]]:
        """The taught images as they were learned from, and their paths; those gone are told."""
        from vitrail.generator.training.captioned import read_cut

        squares, paths, gone = [], [], []
        chosen = some_of(self.run.begun.images, _MOST_TAUGHT)
        for done, image in enumerate(chosen):
            self._tell("reading the taught images", done, len(chosen))
            try:
                squares.append(read_cut(image, self.run.side).pixels)
                paths.append(image.path)
            except InputError:
                gone.append(display(image.path))
        if len(squares) < LEAST_TAUGHT:
            raise InputError(
                f"{counted(len(squares), 'taught image')} can be read, and from {LEAST_TAUGHT} on "
                "it can be told how near one is to another"
                + (f": bring these back: {first_few(gone)}" if gone else "; train with more")
            )
        if gone:
            told = f"{counted(len(gone), 'taught image')} cannot be read as learned from"
            self.progress(Note(f"{told}, and did not count: {first_few(gone)}"))
        return squares, tuple(paths)

    def _choose_set(self) -> None:
        """Prompts and seeds that all checkpoints draw."""
        from vitrail.generator.checkpoints.scope import some_known

        begun, info = self.run.begun, self.run.info
        captions = tuple(dict.fromkeys(image.caption for image in begun.images))
        self.prompts = self.options.prompts or captions[:_PROMPTS]
        prior = tuple(dict.fromkeys(image.caption for image in begun.prior))
        others = self.options.others or prior[:_PROMPTS]
        if not others:
            others = some_known(info, [*captions, *self.prompts], _PROMPTS)
        self.others = tuple(one for one in others if one not in self.prompts)
        self.seeds = tuple(range(self.options.seeds))
        if not self.others:
            self.progress(
                Note(
                    "nothing says what is to stay as it was, so that drift is not told: name "
                    "prompts of it by --other"
                )
            )

    def _taught(
        self, squares: list[Image.Image], redraw: Callable[[Image.Image], Image.Image]
    ) -> TaughtImages:
        from vitrail.indexer.encoders import EncoderSettings, load_encoder

        named = self.options.space
        encoder = load_encoder(
            EncoderSettings(
                self.options.checkpoint,
                () if named is None else (named,),
                device=self.options.device,
            )
        )
        return TaughtImages(encoder, encoder.spaces[0].name, squares, redraw)

    # What is made

    def _sampler(self, trainee: GeneratorTrainee) -> Sampler:
        from vitrail.generator.training.samples import Sampler

        return Sampler(trainee.pipeline, self.run.info, self.run.side)

    def _set(
        self, trainee: GeneratorTrainee, taught: TaughtImages, kept: KeptWeights | None
    ) -> MadeSet:
        """What the trainee makes of the fixed set by some weights; ``None``: by those it has."""
        from vitrail.generator.training.fixed_sets import draw_set
        from vitrail.generator.training.kept import load_kept

        step, name = BEGINNING, "beginning"
        if kept is not None:
            step, name = kept.step, f"step-{kept.step:08d}-{kept.digest}"
            load_kept(kept, trainee.trained())
        rows: list[Floats] = []
        copying: list[float] = []
        paths: list[str] = []
        total = len(self.prompts + self.others) * len(self.seeds) * (1 + len(self.run.kept))
        for path, image in draw_set(
            self._sampler(trainee),
            self._folder(name),
            self.prompts + self.others,
            self.seeds,
            self.cancellation.check,
        ):
            (row,) = taught.embed([image])
            if kept is None or len(rows) < len(self.prompts) * len(self.seeds):
                copying.append(taught.copied_by(image, row))
            rows.append(row)
            paths.append(path)
            self._made += 1
            self._tell("drawing and comparing", self._made, total, _after(step))
        each = len(self.seeds)
        self.drawn[step] = tuple(
            tuple(paths[first : first + each]) for first in range(0, len(paths), each)
        )
        vectors = np.stack(rows).reshape(-1, each, taught.rows.shape[1])
        own, scores = len(self.prompts), np.array(copying).reshape(-1, each)
        if kept is None:
            self._before = scores.ravel()
        return MadeSet(step, vectors[:own], vectors[own:], scores[:own])

    def _folder(self, name: str) -> str:
        return os.path.join(self.run.folder, FOLDER, _SETS, name)

    def _nulls(self, trainee: GeneratorTrainee, taught: TaughtImages) -> Doubles:
        """How far images agree with taught ones that copy nothing.

        These are what the checkpoint made of the same prompts before it had seen any, the prior's
        images, references that were given, and taught images held against the others. Where they
        are too few and some more would do, these are drawn as well.
        """
        found = [self._before, taught.innocent_themselves()]
        images = references_in(
            (*self.options.references, *(image.path for image in self.run.begun.prior)),
            {image.sha256 for image in self.run.begun.images},
            self.run.side,
            self.progress,
            self.cancellation,
        )
        given = [taught.innocent(image) for image in images]
        found.append(np.array([one for one in given if one is not None]))
        there = sum(map(len, found))
        lacking = needed_for(self.options.rate) - there
        if 0 < lacking <= _MOST_DRAWN:
            found.append(self._more(trainee, taught, lacking))
        return np.concatenate(found)

    def _more(self, trainee: GeneratorTrainee, taught: TaughtImages, count: int) -> Doubles:
        """So many more that the checkpoint makes before it has seen any taught image."""
        from vitrail.generator.training.fixed_sets import draw_set

        prompts = self.prompts + self.others
        each = -(-count // len(prompts))
        first = len(self.seeds)
        scores = []
        for _, image in draw_set(
            self._sampler(trainee),
            self._folder("beginning"),
            prompts,
            range(first, first + each),
            self.cancellation.check,
        ):
            scores.append(taught.copied_by(image, taught.embed([image])[0]))
            self._tell("drawing images that copy nothing", len(scores), each * len(prompts))
        return np.array(scores)

    # After

    def _save(self, trainee: GeneratorTrainee, found: Comparison) -> int | None:
        """Write the model of the best checkpoint, or of the one that was asked for.

        What is there whole, of the same step, stays: a kill came afterwards.
        """
        from vitrail.generator.training.kept import load_kept
        from vitrail.generator.training.saving import save_generator

        best = None if found.picked is None else found.picked.step
        step = self.options.step or best
        if self.options.out is None or step is None:
            return None
        out = os.path.abspath(at_home(self.options.out))
        held = step_of(out, self.run.told)
        if held == step:
            return step
        what = "the model" if held is not None else "what was begun of the model"
        held = held if held is not None else begun_step_of(out, self.run.told)
        if held not in (None, step):
            raise InputError(
                f"{display(out)!r} holds {what} after step {held}, and the one after step {step}"
                " is to be written: name a new folder by --out; nothing is drawn again"
            )
        self._tell("writing the model")
        (kept,) = (one for one in self.run.kept if one.step == step)
        load_kept(kept, trainee.trained())
        captions = dict.fromkeys(image.caption for image in self.run.begun.images)
        known = (*captions, *self.run.options.tokens)
        save_generator(trainee, out, record_of(self.run.told, step), known)
        return step


def _after(step: int) -> str:
    return f"step {step}" if step else "before it learned"
