"""``vitrail reembed``: another encoder's vectors, everything else as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import Outcome, Vitrail
from vitrail.indexer.collection import successor
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.segments import leftovers
from vitrail.service.operations.collection import Collection as Pictures


def facts(vitrail: Vitrail) -> dict[int, dict[str, Any]]:
    """All that shall outlast the vectors, by id."""
    kept = ("content_hash", "paths", "label", "stars", "recipe", "width")
    with CollectionStore.open(vitrail.home) as store:
        ids = store.allowed_ids("true").tolist()
        return {
            image_id: {name: row[name] for name in kept}
            for image_id, row in zip(ids, store.metadata(ids), strict=True)
        }


@pytest.fixture
def annotated(vitrail: Vitrail, folder: Path, tmp_path: Path) -> Vitrail:
    """Five pictures with labels and stars, of which one was removed."""
    table = tmp_path / "stars.csv"
    table.write_text("path,stars\nred.png,5\nblue.png,2\ngreen.png,1\n")

    def make() -> Outcome:
        vitrail.index(folder, "--label-from", "parent")
        assert vitrail("annotate", table).code == 0
        done = vitrail("remove", folder / "cold" / "navy.png")
        assert done.code == 0, done.err
        return done

    vitrail.once(["annotated"], make)
    return vitrail


def test_everything_but_the_vectors_stays(annotated: Vitrail, folder: Path) -> None:
    before = facts(annotated)
    done = annotated("reembed", "--space", "mean@1", "--space", "mean@2")
    assert done.code == 0, done.err
    assert "4 images embedded anew" in done.err
    assert facts(annotated) == before
    with CollectionStore.open(annotated.home) as store:
        assert list(store.spaces) == ["mean@1", "mean@2"]
    report = verify(annotated.home)
    assert report.clean, report.damage
    assert not (annotated.home / successor.FOLDER).exists()
    assert annotated("search", folder / "warm" / "red.png", "--k", 1).names == ["red.png"]
    again = annotated("index", folder)
    assert "0 new" in again.err
    assert "5 unchanged" in again.err, "a removed picture came back"


def test_a_lost_catalog_comes_back_after_it(annotated: Vitrail) -> None:
    before = facts(annotated)
    assert annotated("reembed", "--space", "mean@2").code == 0
    os.unlink(annotated.home / "catalog.duckdb")
    done = repair(annotated.home)
    assert done.report is not None
    assert done.report.clean, done.report.damage
    assert facts(annotated) == before


def test_what_is_noted_after_it_comes_back_too(
    annotated: Vitrail, folder: Path, tmp_path: Path
) -> None:
    assert annotated("reembed", "--space", "mean@2").code == 0
    copies = annotated.home / "snapshots"
    (there,) = os.listdir(copies)
    table = tmp_path / "more.csv"
    table.write_text("path,stars\ncrimson.png,4\n")
    assert annotated("annotate", table).code == 0
    assert annotated("remove", folder / "cold" / "green.png").code == 0
    before = facts(annotated)
    for later in set(os.listdir(copies)) - {there}:  # as if the power had gone before they were
        shutil.rmtree(copies / later)
    os.unlink(annotated.home / "catalog.duckdb")
    done = repair(annotated.home)
    assert done.report is not None
    assert done.report.clean, done.report.damage
    assert facts(annotated) == before


def test_an_open_reader_moves_on(annotated: Vitrail, folder: Path) -> None:
    with Pictures.open(annotated.home) as pictures:
        assert len(pictures.search(folder / "warm" / "red.png").hits) == 4
        assert annotated("reembed", "--space", "mean@2").code == 0
        assert len(pictures.search(folder / "warm" / "red.png").hits) == 4, "it is as it was"
        pictures.store.refresh()
        result = pictures.search(folder / "warm" / "red.png")
        assert set(result.hits[0].scores) == {"mean@2"}


def test_a_reader_of_before_goes_on_with_the_old_segments(
    annotated: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = facts(annotated)
    with CollectionStore.open(annotated.home) as reader:  # which has read no vectors yet
        ids = reader.allowed_ids("true").tolist()
        old = [segment.name for segment in reader.state.segments]
        assert annotated("reembed", "--space", "mean@2").code == 0
        assert reader.vectors(ids, "mean@1").shape == (len(ids), 12)
        assert list(reader.spaces) == ["mean@1"]
    there = {path.name for path in (annotated.home / "segments").iterdir()}
    assert set(old) < there
    assert verify(annotated.home).clean
    os.unlink(annotated.home / "catalog.duckdb")  # the old segments are not taken for the new
    (annotated.home / "vitrail.json").write_text("{}")
    done = repair(annotated.home)
    assert done.report is not None
    assert done.report.clean, done.report.damage
    assert facts(annotated) == before
    with CollectionStore.open(annotated.home) as reader:
        assert list(reader.spaces) == ["mean@2"]


def test_the_old_segments_go_when_their_time_is_over(
    annotated: Vitrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert annotated("reembed", "--space", "mean@2").code == 0
    folder = annotated.home / "segments"
    held = len(list(folder.iterdir()))
    CollectionStore.open(annotated.home, writable=True).close()
    assert len(list(folder.iterdir())) == held
    monkeypatch.setattr(leftovers, "GRACE", 0.0)
    CollectionStore.open(annotated.home, writable=True).close()
    assert len(list(folder.iterdir())) < held


def test_what_no_file_holds_stops_it_before_anything_changed(
    annotated: Vitrail, folder: Path
) -> None:
    before = facts(annotated)
    (folder / "warm" / "red.png").rename(folder / "elsewhere.png")
    annotated.fails(
        "reembed", "--space", "mean@2", "-q", code=1, says=["1 of 4", "red.png", "--accept-losses"]
    )
    assert facts(annotated) == before
    (folder / "elsewhere.png").rename(folder / "warm" / "red.png")
    done = annotated("reembed", "--space", "mean@2")
    assert "1 image embedded anew" in done.err
    assert "3 by an earlier run" in done.err
    after = facts(annotated)
    assert sorted(map(str, after.values())) == sorted(map(str, before.values()))


def test_losses_may_be_accepted(annotated: Vitrail, folder: Path) -> None:
    os.unlink(folder / "warm" / "red.png")
    done = annotated("reembed", "--space", "mean@2", "--accept-losses")
    assert done.code == 0
    assert "1 image out that no file holds any more" in done.err
    assert len(facts(annotated)) == 3
    assert verify(annotated.home).clean


def test_another_question_while_one_is_unfinished(annotated: Vitrail, folder: Path) -> None:
    os.unlink(folder / "warm" / "red.png")
    assert annotated("reembed", "--space", "mean@2", "-q").code == 1
    annotated.fails(
        "reembed", "--space", "mean@2", "--space", "mean@1", "-q", code=1, says=["not finished"]
    )
    done = annotated(
        "reembed", "--space", "mean@2", "--space", "mean@1", "--restart", "--accept-losses"
    )
    assert done.code == 0, done.err


def test_the_same_again_is_refused(annotated: Vitrail) -> None:
    annotated.fails("reembed", "--space", "mean@1", "-q", code=1, says=["already", "other spaces"])
    annotated.fails("reembed", code=2, says=["--space", "--checkpoint"])


STEPS = ("maintain", "carry_over", "_link_files", "_drop_indexes", "_replace_catalog", "write_text")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("afterwards", [False, True], ids=["before", "after"])
def test_a_failure_at_any_step_of_the_last_loses_nothing(
    annotated: Vitrail,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    afterwards: bool,
) -> None:
    before = facts(annotated)
    place: Any = CollectionStore if step == "maintain" else successor
    real: Callable[..., Any] = getattr(place, step)

    def failing(*args: Any, **named: Any) -> Any:
        if afterwards:
            real(*args, **named)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(place, step, failing)
        assert annotated("reembed", "--space", "mean@2", "-q").code == 1
    assert facts(annotated) == before
    # The copies that a lost catalog comes back from may be the old one's: a writer mends them.
    assert {finding.part for finding in verify(annotated.home).damage} <= {"copy"}
    with CollectionStore.open(annotated.home, writable=True) as writer:
        spaces = list(writer.spaces)
    assert verify(annotated.home).clean
    if spaces == ["mean@1"]:
        done = annotated("reembed", "--space", "mean@2")
        assert done.code == 0, done.err
    assert facts(annotated) == before
    assert verify(annotated.home).clean


def test_what_waited_before_it_is_no_loss_of_a_lost_catalog(
    annotated: Vitrail, folder: Path
) -> None:
    """It was not embedded anew, so that no segment has it."""
    vitrail = annotated
    (folder / "warm" / "red.png").unlink()
    vitrail.index(folder)
    assert vitrail("reembed", "--space", "mean@2").code == 0
    before = facts(vitrail)
    os.unlink(vitrail.home / "catalog.duckdb")
    done = vitrail("verify", "--repair")
    assert done.code == 0, done
    assert facts(vitrail) == before
