"""A probe is kept and used again, and what is not the one that was asked for is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.service.operations.painted import kind_of
from vitrail.indexer.collection.probes import FOLDER, probe_names
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import (
    CollectionError,
    DamagedError,
    FingerprintMismatchError,
    UnreadableError,
)
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.search.classification.probe_file import from_bytes, to_bytes
from vitrail.service.operations import labels
from vitrail.service.operations.classifications import ClassifyOptions
from vitrail.service.operations.classifying import classify
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import Event, Note
from vitrail.service.operations.references import ImageFile


def test_a_probe_is_kept_and_used_again(colours: Collection, others: list[str]) -> None:
    first = colours.classify(*others, labels="label", by="probe")
    (name,) = probe_names(colours.store.directory)
    path = Path(colours.store.directory, FOLDER, name)
    before = path.stat().st_mtime_ns
    again = colours.classify(*others, labels="LABEL", by="probe")
    assert (again.probabilities == first.probabilities).all()
    assert path.stat().st_mtime_ns == before
    colours.classify(others[0], labels="label", by="probe", refit=True)
    assert path.stat().st_mtime_ns > before
    saved = from_bytes(path.read_bytes())
    assert (saved.column, saved.space, saved.images) == ("label", "mean@1", 39)


def test_a_probe_that_more_labels_came_after_says_so(
    colours: Collection, others: list[str]
) -> None:
    options = ClassifyOptions("probe", "label")
    notes: list[Event] = []
    classify(colours, [ImageFile(others[0])], options, progress=notes.append)
    colours.index(os.path.dirname(others[0]), options=IndexOptions(label_from="parent"))
    assert not any("--refit" in note.text for note in notes if isinstance(note, Note))
    classify(colours, [ImageFile(others[0])], options, progress=notes.append)
    (told,) = [n.text for n in notes if isinstance(n, Note) and "--refit" in n.text]
    assert "when 39 images had a label, and 43 have one now" in told


def test_another_encoders_probe_is_refused(colours: Collection, others: list[str]) -> None:
    colours.classify(others[0], labels="label", by="probe")
    (name,) = probe_names(colours.store.directory)
    path = Path(colours.store.directory, FOLDER, name)
    saved = from_bytes(path.read_bytes())
    path.write_bytes(to_bytes(replace(saved, fingerprint="a" * 64)))
    with pytest.raises(FingerprintMismatchError, match=r"aaaaaaaaaaaa.*--labels label --refit"):
        colours.classify(others[0], labels="label", by="probe")
    colours.classify(others[0], labels="label", by="probe", refit=True)
    assert from_bytes(path.read_bytes()).fingerprint == saved.fingerprint


def test_a_torn_probe_is_told_and_learned_anew(colours: Collection, others: list[str]) -> None:
    colours.classify(others[0], labels="label", by="probe")
    (name,) = probe_names(colours.store.directory)
    path = Path(colours.store.directory, FOLDER, name)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DamagedError, match=rf"'label' in {FOLDER}/{name} .*--refit"):
        colours.classify(others[0], labels="label", by="probe")
    colours.classify(others[0], labels="label", by="probe", refit=True)
    assert colours.classify(others[0], labels="label", by="probe").images[0].label == kind_of(
        others[0]
    )


@pytest.mark.parametrize("refit", [False, True])
def test_a_folder_in_the_place_of_its_file_is_told_before_a_probe_is_learned(
    colours: Collection, others: list[str], refit: bool
) -> None:
    colours.classify(others[0], labels="label", by="probe")
    (name,) = probe_names(colours.store.directory)
    path = Path(colours.store.directory, FOLDER, name)
    path.unlink()
    path.mkdir()
    seen: list[Event] = []
    with pytest.raises(UnreadableError, match=rf"{name} cannot .*: move that away, and run again"):
        classify(
            colours,
            [ImageFile(others[0])],
            ClassifyOptions("probe", "label", refit=refit),
            progress=seen.append,
        )
    assert "fitting" not in str(seen)
    assert os.listdir(path.parent) == [name]


@pytest.mark.parametrize("what", ["width", "column", "space"])
def test_another_probe_under_its_name_is_refused(
    colours: Collection, others: list[str], what: str
) -> None:
    colours.classify(others[0], labels="label", by="probe")
    (name,) = probe_names(colours.store.directory)
    path = Path(colours.store.directory, FOLDER, name)
    saved = from_bytes(path.read_bytes())
    probe = saved.probe
    part = replace(
        probe, mean=probe.mean[:2], scale=probe.scale[:2], weights=probe.weights[:2].copy()
    )
    other = {
        "width": replace(saved, probe=part),
        "column": replace(saved, column="mood"),
        "space": replace(saved, space="cls@12"),
    }[what]
    path.write_bytes(to_bytes(other))
    told = {"width": "rows of 2 numbers", "column": "'mood'", "space": r"'cls@12'"}[what]
    with pytest.raises(DamagedError, match=rf"'label' .*{told}.*--labels label --refit"):
        colours.classify(others[0], labels="label", by="probe")


def test_a_probe_serves_while_another_process_writes(
    colours: Collection, others: list[str]
) -> None:
    notes: list[Event] = []
    with CollectionStore.open(colours.store.directory, writable=True):
        made = classify(
            colours,
            [ImageFile(others[0])],
            ClassifyOptions("probe", "label"),
            progress=notes.append,
        )
    assert made.images[0].label == kind_of(others[0])
    assert any(isinstance(note, Note) and "is not kept" in note.text for note in notes)
    assert not probe_names(colours.store.directory)


def test_a_probe_serves_where_the_disk_is_full(
    colours: Collection, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise CollectionError("disk full while writing to the collection")

    monkeypatch.setattr(labels, "write_probe", full)
    notes: list[Event] = []
    options = ClassifyOptions("probe", "label")
    made = classify(colours, [ImageFile(others[0])], options, progress=notes.append)
    assert made.images[0].label == kind_of(others[0])
    assert any(isinstance(note, Note) and "not kept: disk full" in note.text for note in notes)
    assert not probe_names(colours.store.directory)
