"""Sequences of operations on a collection, one for each way of writing, without an encoder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.indexer.collection.holdings import (
    FINGERPRINT,
    SPACES,
    content,
    file,
    files,
    image,
    images,
)
from vitrail.indexer.catalog.roots import put_root
from vitrail.indexer.collection import maintenance, successor
from vitrail.indexer.collection.deciding import decide, undo
from vitrail.indexer.collection.derivation import drop, set_default_weights, whiten
from vitrail.indexer.collection.losses import Losses
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.staging import Staged
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import set_grace, take_out, tidy
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.files.durability import disk_guard
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.records import Batch, RejectRecord

GOLDEN = Path(__file__).parent.parent / "golden"
OTHER = Fingerprint("other-vit", "1" * 64, {"size": [32, 32]}, SPACES)

Operation = Callable[["Work"], None]


class Work:
    """A collection that operations are done on.

    Args:
        place: its directory.
        beside: a folder with the files that operations read.
    """

    def __init__(self, place: Path, beside: Path) -> None:
        self.place = place
        self.beside = beside
        self.staged: list[Staged] = []
        self._open: CollectionStore | None = None

    @property
    def writer(self) -> CollectionStore:
        """The collection, open for writing."""
        if self._open is None:
            self._open = CollectionStore.open(self.place, writable=True)
        return self._open

    def create(self) -> None:
        """Make it."""
        self._open = CollectionStore.create(self.place, FINGERPRINT)

    def close(self) -> None:
        """Close it, tidying up."""
        writer, self._open = self.writer, None
        writer.close()


def prepare(beside: Path) -> None:
    """Write the files that operations read, none of which may go wrong."""
    beside.mkdir()
    (beside / "own.csv").write_text('path,stars,note\n4.jpg,5,"a,""b"""\n6.jpg,,x\n')
    (beside / "more.csv").write_text("path,Stars,weight\n6.jpg,many,1.5\n7.jpg,3,2\n")
    with CollectionStore.create(beside / "source", FINGERPRINT) as source:
        source.commit(Batch(images(range(20, 23)), files(range(20, 23))))
        source.annotate(str(beside / "own21.csv")) if _write_21(beside) else None
        decide(source, "same", [content(20), content(21)])
        undo(source)
        decide(source, "not-duplicates", [content(20), content(22)])
        export(source, beside / "all.parquet")


def _write_21(beside: Path) -> bool:
    return bool((beside / "own21.csv").write_text("path,stars\n21.jpg,4\n"))


def begin(name: str, beside: Path) -> None:
    """Make what a scenario begins with, if anything, beside the files that operations read."""
    scenario, place = SCENARIOS[name], beside / name
    if not scenario.before:
        return
    if isinstance(scenario.before, str):
        shutil.copytree(GOLDEN / scenario.before, place)
        return
    work = Work(place, beside)
    for operation in scenario.before:
        operation(work)
    if scenario.harm is not None:
        scenario.harm(place)


def create(work: Work) -> None:
    work.create()


def close(work: Work) -> None:
    work.close()


def index(work: Work) -> None:
    made = image(3, recipe={"prompt": "an apple", "seed": 7}, predictions=(("apple", 0.75),))
    odd = [file("/pictures/\udcff.jpg", 1, label="a"), file("/backup/1.jpg", 1, label="b")]
    reject = RejectRecord("/bad", 1, 2, "truncated", "short")
    work.writer.commit(Batch([*images(range(3)), made], [*files(range(4)), *odd], [reject]))


def index_more(work: Work) -> None:
    work.writer.commit(Batch(images(range(4, 9)), files(range(4, 9))))


def annotate(work: Work) -> None:
    work.writer.annotate(str(work.beside / "own.csv"))


def annotate_again(work: Work) -> None:
    work.writer.annotate(str(work.beside / "more.csv"))


def change(work: Work) -> None:
    moved, changed = file("/moved.jpg", 2), file("/pictures/0.jpg", 9, label="new")
    rejects = [RejectRecord("/pictures/3.jpg", 5, 6, "truncated", "")]
    work.writer.commit(Batch([image(9)], [moved, changed], rejects, ["/pictures/2.jpg", "/bad"]))


def remove(work: Work) -> None:
    work.writer.remove([work.writer.resolve("/pictures/5.jpg")])


def remove_1(work: Work) -> None:
    work.writer.remove([work.writer.resolve("/pictures/1.jpg")])


def exclude(work: Work) -> None:
    work.writer.commit(Batch(excluded=["/pictures/6.jpg"], missing=["/backup/1.jpg"]))


def revive(work: Work) -> None:
    work.writer.commit(Batch(files=[file("/again.jpg", 6)]))


def learn(work: Work) -> None:
    told = replace(
        image(4, recipe={"prompt": "a pear", "tool": "ComfyUI"}),
        taken_at=datetime(2024, 2, 29, 1, 2, 3),
        keywords=("a, b",),
        rating=4,
        read_version=1,
        vectors={},
    )
    ranked: tuple[tuple[str, float], ...] = (("pear", 0.5), ("plum", 0.25))
    labels = {"/pictures/1.jpg": "other", "/pictures/\udcff.jpg": None}
    work.writer.commit(Batch(readings=[told], predictions={content(7): ranked}, labels=labels))


def know_roots(work: Work) -> None:
    with work.writer.transaction("roots") as transaction:
        put_root(transaction, "/pictures", {"label": "parent"}, indexed=True)
        put_root(transaction, "/other", {}, indexed=False)


def take_files_out(work: Work) -> None:
    take_out(work.writer, ["/pictures/\udcff.jpg"], roots=["/other"])


def import_file(work: Work) -> None:
    import_into(work.writer, work.beside / "all.parquet")


def stage(work: Work) -> None:
    """Three segments, of which one has content that is here, and content and a path of another."""
    parts = [
        (images([40, 41]), files([40, 41])),
        (images([42, 43, 4]), [*files([42, 43]), file("/backup/4.jpg", 4)]),
        (images([44, 42]), [file("/pictures/44.jpg", 44), file("/pictures/41.jpg", 42)]),
    ]
    given = [work.writer.reserve(3) for _ in parts]
    for reservation, part in reversed([*zip(given, parts, strict=True)]):
        work.staged.append(work.writer.stage(reservation, *part))


def stage_late(work: Work) -> None:
    reservation = work.writer.reserve(2)
    work.writer.commit(Batch(images([400]), files([400])))
    work.staged.append(work.writer.stage(reservation, images([401, 402]), files([401, 402])))


def adopt_last(work: Work) -> None:
    work.writer.adopt([work.staged.pop(0)])


def adopt_all(work: Work) -> None:
    work.writer.adopt(work.staged)
    work.staged.clear()


def merge(work: Work) -> None:
    writer = work.writer
    folder = str(work.place / "segments")
    with disk_guard(writer.directory, 0):
        merge_segments(writer._catalog, folder, writer.fingerprint, writer.state.segments)
    writer.refresh()


def maintain(work: Work) -> None:
    work.writer.maintain()


def snapshot(work: Work) -> None:
    work.writer.copy_tables()


def lose_and_give_up(work: Work) -> None:
    work.writer.commit(Batch(gone=["/again.jpg", "/pictures/8.jpg"]))


def end_waiting(work: Work) -> None:
    set_grace(work.writer, 0)


def tidy_now(work: Work) -> None:
    tidy(work.writer, now=True)


def fold(work: Work) -> None:
    """Commit with a journal that has grown too large."""
    before = maintenance.FOLD_BYTES
    maintenance.FOLD_BYTES = 0
    try:
        work.writer.commit(Batch(images([30]), files([30])))
    finally:
        maintenance.FOLD_BYTES = before


def index_late(work: Work) -> None:
    work.writer.commit(Batch(images(range(40, 42)), files(range(40, 42))))


def fill(work: Work) -> None:
    """As many images as a whitening is fitted on, and more."""
    work.writer.commit(Batch(images(range(100, 140)), files(range(100, 140))))


def derive(work: Work) -> None:
    whiten(work.writer, "cls@2")
    whiten(work.writer, "mean@1", 2)


def weigh(work: Work) -> None:
    set_default_weights(work.writer, {"cls@2/w": 3.0, "mean@1": 1.0})


def derive_again(work: Work) -> None:
    """The same space fitted on other images, in the place of what was."""
    work.writer.remove([1, 2, 3])
    whiten(work.writer, "cls@2")


def decide_all(work: Work) -> None:
    """Of images that are here, that were removed, and that never were."""
    decide(work.writer, "same", [content(number) for number in (1, 2, 5)])
    decide(work.writer, "not-duplicates", [content(number) for number in (1, 2)])
    decide(work.writer, "keep", [content(900)])


def undo_last(work: Work) -> None:
    undo(work.writer)


def drop_one(work: Work) -> None:
    drop(work.writer, "mean@1/w2")


def repair_all(work: Work) -> None:
    repair(work.place, accept=_refuse)


def succeed(work: Work, fingerprint: Fingerprint = OTHER) -> None:
    """Embed all again by another encoder, whose vectors are the same here, and take its place."""
    old = work.writer
    with suppress(OSError):
        shutil.rmtree(work.place / successor.FOLDER)
    new = successor.begin(str(work.place), fingerprint, restart=True)
    for row in old.metadata(old.allowed_ids("true").tolist()):
        number = next(n for n in range(50) if content(n) == row["content_hash"])
        batch = Batch(images([number]), [file(path, number) for path in row["paths"]])
        new.commit(replace(batch, ids={content(number): row["id"]}))
    successor.take_over(old, new)
    work._open = None


def _refuse(losses: Losses) -> bool:
    return False


def _lose_catalog(place: Path) -> None:
    os.unlink(place / "catalog.duckdb")


def _tear_catalog(place: Path) -> None:
    data = bytearray((place / "catalog.duckdb").read_bytes())
    data[3 * 4096 : 4 * 4096] = bytes(4096)  # a page of the block that every commit rewrites
    (place / "catalog.duckdb").write_bytes(data)


class Scenario:
    """One sequence.

    Args:
        operations: the sequence.
        before: what is done first, while nothing goes wrong; or the name of a golden collection.
        harm: done to it then.
    """

    def __init__(
        self,
        *operations: Operation,
        before: tuple[Operation, ...] | str = (),
        harm: Callable[[Path], None] | None = None,
    ) -> None:
        self.operations = operations
        self.before = before
        self.harm = harm


_FILLED = (create, index, index_more, annotate, remove, exclude)
SCENARIOS = {
    "create": Scenario(create, index, close),
    "index": Scenario(index, index_more, change, index_late, close, before=(create, close)),
    "know": Scenario(
        *(annotate, remove, exclude, learn, know_roots, revive, annotate_again, take_files_out),
        close,
        before=(create, index, index_more, close),
    ),
    "import": Scenario(import_file, import_file, close, before=(*_FILLED, close)),
    "stage": Scenario(
        *(stage, adopt_last, annotate, merge, exclude, adopt_all, maintain, merge, close),
        before=(create, index, index_more, close),
    ),
    "maintain": Scenario(
        *(maintain, merge, snapshot, fold, learn, snapshot, annotate_again, close),
        before=(*_FILLED, learn, change, close),
    ),
    "tidy": Scenario(
        *(lose_and_give_up, end_waiting, tidy_now, index_late, close),
        before=(*_FILLED, revive, change, close),
    ),
    "migrate-1": Scenario(annotate, close, before="collection-v1"),
    "migrate-2": Scenario(annotate, index_late, close, before="collection-v2"),
    "migrate-3": Scenario(stage_late, adopt_all, close, before="collection-v3"),
    "migrate-4": Scenario(*(derive, weigh, stage_late, adopt_all, close), before="collection-v4"),
    "derive": Scenario(
        *(derive, weigh, maintain, derive_again, drop_one, index_more, close),
        before=(create, fill, close),
    ),
    "migrate-5": Scenario(*(decide_all, undo_last, weigh, close), before="collection-v5"),
    "decide": Scenario(
        *(decide_all, merge, undo_last, remove_1, snapshot, decide_all, import_file, close),
        before=(*_FILLED, close),
    ),
    "repair-lost": Scenario(
        *(repair_all, annotate_again, close),
        before=(*_FILLED, decide_all, close),
        harm=_lose_catalog,
    ),
    "repair-torn": Scenario(
        *(repair_all, annotate_again, close),
        before=(*_FILLED, decide_all, snapshot, learn, undo_last, close),
        harm=_tear_catalog,
    ),
    "reembed": Scenario(succeed, index_late, close, before=(*_FILLED, decide_all, close)),
}


def run(scenario: Scenario, work: Work) -> Iterator[int]:
    """Do a scenario's operations; how many have been done, after each."""
    for number, operation in enumerate(scenario.operations, 1):
        operation(work)
        yield number
