"""What a user finds in a collection, and what a scenario may have left when it was cut short."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.scenarios import Scenario, Work, run
from tests.indexer.collection.holdings import content, files, images, vector
from vitrail.indexer.catalog.catalog import FILE, Catalog
from vitrail.indexer.catalog.columns import annotation_columns
from vitrail.indexer.catalog.decisions import standing
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.collection import successor
from vitrail.indexer.collection.layout import is_collection
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import VitrailError
from vitrail.indexer.records import Batch
from vitrail.indexer.segments.segment_file import token_of
from vitrail.indexer.spaces import base_of

NUMBERS = {content(number): number for number in range(1000)}
EXTRA = 900  # a picture that no scenario has
Found = dict[str, list[str]]


def observe(place: Path) -> Found | None:
    """All that a user can see, as text; ``None`` where there is no collection.

    Raises:
        AssertionError: a vector is not its picture's, or parts of the collection disagree.
        VitrailError: as ``Collection.open`` and its readings.
    """
    if not is_collection(str(place)):
        return None
    with CollectionStore.open(place) as reader:
        ids = reader.allowed_ids("true").tolist()
        rows = reader.metadata(ids)
        assert len({row["content_hash"] for row in rows}) == len(ids), "an image is there twice"
        for space in reader.spaces:
            index = reader.index(space)
            assert index.ids().tolist() == ids, "an index and the catalog disagree"
            if base_of(space) is not None:
                _check_derived(reader, space, ids)
                continue
            for row, found in zip(rows, index.vectors(np.array(ids, np.int64)), strict=True):
                expected = vector(NUMBERS[row["content_hash"]], space)
                assert np.array_equal(found, expected), "a vector is another picture's"
        known = sorted((ascii(path), str(file)) for path, file in reader.known_files().items())
        log = reader.decisions()
        roots = [f"{root.path!a} {root.options}" for root in reader.roots()]
        with reader.reading() as connection:
            own = annotation_columns(connection)
            listed = ", ".join(map(quote, ["content_hash", *own]))
            rows_of = connection.execute(f"SELECT {listed} FROM annotations ORDER BY content_hash")
            annotations = [str(own), *map(str, rows_of.fetchall())]
        return {
            "encoder": [reader.fingerprint.digest],
            "spaces": [str(reader.state.derived), str(reader.default_weights)],
            "images": [_text(row.to_dict()) for row in rows],
            "files": [f"{path} {file}" for path, file in known],
            "rejects": [str(reject) for reject in reader.rejects()],
            "roots": roots,
            "annotations": annotations,
            "decisions": [f"{n} {one.kind} {one.contents}" for n, one in enumerate(log)],
            "standing": [f"{one.kind} {one.contents}" for one in standing(log)],
        }


def _check_derived(reader: CollectionStore, space: str, ids: list[int]) -> None:
    """Hold a derived space to its transform and the stored vectors."""
    stored = reader.vectors(ids, str(base_of(space)))
    expected = reader.snapshot().transform(space).apply(stored)
    found = reader.vectors(ids, space)
    assert np.allclose(found, expected, rtol=0, atol=1e-6), "a vector is not worked out"


def _text(row: dict[str, Any]) -> str:
    # One run's clock is not another's.
    return ascii(sorted((name, str(value)) for name, value in row.items() if name != "added_at"))


@dataclass(frozen=True, slots=True)
class Course:
    """What a scenario does when nothing goes wrong.

    Attributes:
        states: what a user finds before the first commit, and after each.
        ends: index in ``states`` of what each operation has led to; the first is of before.
    """

    states: list[Found | None]
    ends: list[int]

    def allowed(self, done: int, *, begun: int = 1) -> list[Found | None]:
        """What may be found when so many operations had returned, and so many more were begun."""
        last = self.ends[min(done + begun, len(self.ends) - 1)]
        return self.states[self.ends[done] : last + 1]


def follow(scenario: Scenario, place: Path, beside: Path) -> Course:
    """Do a scenario, and look after every commit."""
    states = [recover(place)]
    ends = [0]
    with _looking(place, states):
        for _ in run(scenario, Work(place, beside)):
            states.append(observe(place))
            ends.append(len(states) - 1)
    return Course(states, ends)


@contextmanager
def _looking(place: Path, states: list[Found | None]) -> Iterator[None]:
    """Look at a collection after each commit of its catalog."""
    real = Catalog.writing

    @contextmanager
    def writing(self: Catalog, *arguments: Any, **named: Any) -> Iterator[Any]:
        with real(self, *arguments, **named) as transaction:
            yield transaction
        if self.path == str(place / FILE):
            states.append(observe(place))

    Catalog.writing = writing  # type: ignore[method-assign]
    try:
        yield
    finally:
        Catalog.writing = real  # type: ignore[method-assign]


def recover(place: Path) -> Found | None:
    """What a user finds who repairs, without giving anything up, where it cannot be opened.

    Raises:
        VitrailError: it cannot be repaired without losing anything.
    """
    try:
        found = observe(place)
        if found is None or verify(place).clean:
            return found
    except VitrailError:
        pass
    repair(place)
    return observe(place)


def go_on(place: Path, found: Found | None, beside: Path) -> None:
    """Write to it as a next command does, and see that all is in order then.

    Raises:
        AssertionError: it is not.
    """
    work = Work(place, beside)
    if found is None:
        work.create()
    work.writer.commit(Batch(images([EXTRA]), files([EXTRA])))
    work.close()
    after = observe(place)
    assert after is not None
    assert any(content(EXTRA) in row for row in after["images"])
    for kind, rows in (found or {}).items():
        kept = {row for row in rows if "missing=True" not in row}  # whose time may have come
        assert kept <= set(after[kind]), kind
    report = verify(place)
    assert report.clean, report.findings
    begun = place / successor.FOLDER  # is gone on with by the command that began it
    with CollectionStore.open(place) as reader:
        reserved = reader.state.reserved  # what is staged stays while its reservation lasts
    left = [
        p.name
        for p in place.rglob("*")
        if ".tmp" in p.name and begun not in p.parents and token_of(p.name) not in reserved
    ]
    assert not left, f"left behind: {left}"
    copy = place.with_name(place.name + "-copy")
    shutil.copytree(place, copy)
    (copy / FILE).unlink()
    repair(copy)
    assert observe(copy) == after, "the copies tell something else than the catalog"
    shutil.rmtree(copy)
