"""What a picked checkpoint's model is written over: what its run began, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from vitrail.indexer.errors import InputError
from vitrail.service.operations.picked_models import (
    begun_step_of,
    check_out,
    record_of,
    step_of,
)

TOLD = {"trained": {"model": "sd", "options": {"steps": 3}}}
OTHER = {"trained": {"model": "sd", "options": {"steps": 4}}}
INDEX, RECORD, STAGED = "model_index.json", "vitrail.json", "model.tmp"


def model(out: Path, told: Mapping[str, object], *unmoved: str, killed: bool = True) -> str:
    """A model after step 2; a kill came before the ``unmoved`` parts were put in their place."""
    (out / STAGED).mkdir(parents=True)
    for name, text in (
        ("weights", "w"),
        (RECORD, json.dumps(record_of(told, 2))),
        (INDEX, "{}"),
    ):
        (out / STAGED / name if name in unmoved else out / name).write_text(text)
    if not killed:
        (out / STAGED).rmdir()
    return str(out)


KILLS = pytest.mark.parametrize(
    "unmoved",
    [(), (INDEX,), (RECORD, INDEX), ("weights", RECORD, INDEX)],
    ids=["all put", "no index", "no record", "none put"],
)


@KILLS
def test_what_a_kill_left_of_the_run_is_gone_on_with(
    unmoved: tuple[str, ...], tmp_path: Path
) -> None:
    out = model(tmp_path / "out", TOLD, *unmoved)
    check_out(out, TOLD)
    assert (step_of(out, TOLD), begun_step_of(out, TOLD)) == (None, 2)


@KILLS
def test_what_a_kill_left_of_another_run_is_refused(
    unmoved: tuple[str, ...], tmp_path: Path
) -> None:
    out = model(tmp_path / "out", OTHER, *unmoved)
    with pytest.raises(InputError, match="is there already: name a new folder by --out"):
        check_out(out, TOLD)


@KILLS
@pytest.mark.parametrize("told", [TOLD, OTHER], ids=["own", "other"])
def test_the_folder_of_a_killed_training_is_refused(
    told: Mapping[str, object], unmoved: tuple[str, ...], tmp_path: Path
) -> None:
    out = model(tmp_path / "out", told, *unmoved)
    (tmp_path / "out" / "training").mkdir()
    with pytest.raises(InputError, match="is there already"):
        check_out(out, TOLD)


@pytest.mark.parametrize("record", ["", "[]", '{"trained": {}}', '{"step": 2}', None])
def test_a_whole_model_that_does_not_tell_of_the_run_is_refused(
    record: str | None, tmp_path: Path
) -> None:
    out = model(tmp_path / "out", TOLD)
    (tmp_path / "out" / RECORD).unlink()
    if record is not None:
        (tmp_path / "out" / RECORD).write_text(record)
    with pytest.raises(InputError, match="is there already"):
        check_out(out, TOLD)


@pytest.mark.parametrize("record", ["", '{"trained": {"mo', None])
def test_what_was_killed_before_its_record_was_whole_is_written_again(
    record: str | None, tmp_path: Path
) -> None:
    staged = tmp_path / "out" / STAGED
    staged.mkdir(parents=True)
    if record is not None:
        (staged / RECORD).write_text(record)
    check_out(str(tmp_path / "out"), TOLD)
    assert begun_step_of(str(tmp_path / "out"), TOLD) is None


def test_a_whole_model_of_the_run_is_known_and_others_are_refused(tmp_path: Path) -> None:
    out = model(tmp_path / "out", TOLD, killed=False)
    check_out(out, TOLD)
    assert (step_of(out, TOLD), begun_step_of(out, TOLD)) == (2, None)
    with pytest.raises(InputError, match="is there already"):
        check_out(out, OTHER)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is there already"):
        check_out(str(tmp_path / "file"), TOLD)
