"""Recipes into images into the collection: what the generating operations share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.errors import CancelledError
from vitrail.indexer.wording import counted
from vitrail.service.operations.marks import write_marks
from vitrail.service.operations.progress import (
    GenerationProgress,
    ImageRefused,
    Progress,
    nobody,
)
from vitrail.service.operations.refusals import RefusedCopy

if TYPE_CHECKING:
    from vitrail.generator.adapters.loras import LoraFile
    from vitrail.generator.batch import GeneratedFile
    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.images import InputImage
    from vitrail.generator.models.pipelines import DiffusionModel
    from vitrail.generator.monitoring import Monitor, Preview
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.recipes.recipe import Recipe
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.guarding import CollectionGuard, GuardLine

CHUNK = 16  # images made before they are indexed: what a kill can leave for the next run to index


@dataclass(frozen=True, slots=True)
class Work:
    """Recipes of one model, and the images they start from.

    Attributes:
        info: the checkpoint.
        recipes: what to make, in order.
        inputs: role -> image, for recipes with parents.
        loras: low-rank weights of all of them.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``fp32``, ``fp16`` or ``bf16``.
        force: make images again that are there already.
    """

    info: CheckpointInfo
    recipes: Sequence[Recipe]
    inputs: Mapping[str, InputImage] = field(default_factory=dict)
    loras: Sequence[LoraFile] = ()
    device: str = "auto"
    precision: str = "auto"
    force: bool = False

    def load(self) -> DiffusionModel:
        """The model that makes them; loaded once, however often it is asked for."""
        from vitrail.generator.models.pipelines import load_model

        return load_model(self.info, loras=self.loras, device=self.device, precision=self.precision)


@dataclass(frozen=True, slots=True)
class Generated:
    """What came of the recipes.

    Attributes:
        total: images asked for.
        made: of them, those that were generated.
        there: of them, those that were there already.
        files: of those that are kept, in the recipes' order.
        refused: those that a guard refused, of whatever seed.
        line: where copies begin, by the guard; ``None`` without one.
        notes: what is to be known about them, a line each.
        interrupted: whether it was cancelled before its end; what was made is kept and indexed.
    """

    total: int
    made: int = 0
    there: int = 0
    files: tuple[GeneratedFile, ...] = ()
    refused: tuple[RefusedCopy, ...] = ()
    line: GuardLine | None = None
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of the files that are kept."""
        return tuple(file.path for file in self.files)

    @property
    def lacking(self) -> int:
        """Images that were asked for, and of which every seed that was tried is refused."""
        return sum(copy.last for copy in self.refused)


def make_and_index(
    collection: Collection,
    work: Work,
    *,
    guard: CollectionGuard | None = None,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
    preview: Preview | None = None,
) -> Generated:
    """Make every recipe's image that is not there yet, and index it, a chunk at a time.

    Files appear whole or not at all, and the collection commits each chunk; so a kill, or whoever
    interrupts at once, loses at most the image being made, and the next run indexes what was left
    unindexed.

    Args:
        collection: that gets them.
        work: the recipes and their model.
        guard: judges each image before it is kept; ``None`` for nobody.
        progress: told after every step and image.
        cancellation: looked at after every step; what is made by then is indexed.
        preview: asked after every step whether it wants the half-made image.

    Raises:
        GenerationError: an image could not be made; those before it are kept and indexed.
        CollectionLockedError: another process is writing.
    """
    run = _Run(collection, work, guard, progress)
    try:
        run.make(cancellation, preview)
    except CancelledError:
        return replace(run.finished(), interrupted=True)
    except Exception:
        run.index()
        raise
    return run.finished()


class _Run:
    """How far the recipes are."""

    def __init__(
        self,
        collection: Collection,
        work: Work,
        guard: CollectionGuard | None,
        progress: Progress,
    ) -> None:
        self._collection, self._work, self._progress = collection, work, progress
        self._guard = guard
        self._made: list[GeneratedFile] = []
        self._refused: list[RefusedCopy] = []
        self._unindexed: list[GeneratedFile] = []
        self._unmarked = 0

    def make(self, cancellation: Cancellation | None, preview: Preview | None) -> None:
        """Make what is missing, and index whole chunks."""
        from vitrail.generator.monitoring import Monitor

        directory = Path(self._collection.store.generated_directory)
        directory.mkdir(parents=True, exist_ok=True)
        monitor = Monitor(on_step=self._step, cancellation=cancellation, preview=preview)
        self._progress(GenerationProgress("loading", len(self._work.recipes)))
        for found in self._images(directory, monitor):
            if isinstance(found, RefusedCopy):
                self._refused.append(found)
                self._progress(ImageRefused(found))
            else:
                self._made.append(found)
                self._unindexed.append(found)
            self._progress(self._state())
            if len(self._unindexed) >= CHUNK:
                self.index()

    def _images(self, directory: Path, monitor: Monitor) -> Iterator[GeneratedFile | RefusedCopy]:
        from vitrail.generator.batch import GeneratedFile, Maker, generate_all
        from vitrail.generator.guarded import generate_guarded

        work = self._work
        if self._guard is None:
            yield from generate_all(
                work.recipes,
                directory,
                work.load,
                inputs=work.inputs,
                force=work.force,
                monitor=monitor,
            )
            return
        maker = Maker(directory, work.load, work.inputs, force=work.force, monitor=monitor)
        for found in generate_guarded(work.recipes, maker, self._guard):
            yield found if isinstance(found, GeneratedFile) else self._guard.refusal(found)

    def index(self) -> None:
        """Index what was made since the last time."""
        if self._unindexed:
            self._progress(replace(self._state(), stage="indexing"))
            self._collection.index(*(file.path for file in self._unindexed))
            if self._guard is not None and self._guard.options.mark is not None:
                mark = self._guard.options.mark
                self._unmarked += write_marks(self._collection, mark, self._unindexed)
            self._unindexed.clear()

    def finished(self) -> Generated:
        """Index the rest, and tell what came of it all."""
        self.index()
        state = self._state()
        notes = dict.fromkeys(note for file in self._made for note in file.notes)
        if self._unmarked:
            told = f"{counted(self._unmarked, 'image')} that you removed from the collection"
            notes[f"{told} stay so, and have no mark"] = None
        line = None if self._guard is None else self._guard.line
        files, refused = tuple(self._made), tuple(self._refused)
        return Generated(state.total, state.made, state.there, files, refused, line, tuple(notes))

    def _step(self, done: int, total: int) -> None:
        self._progress(replace(self._state(), step=done, steps=total))

    def _state(self) -> GenerationProgress:
        made = sum(file.made for file in self._made)
        there = len(self._made) - made
        lacking = sum(copy.last for copy in self._refused)
        return GenerationProgress("generating", len(self._work.recipes), made, there, lacking)
