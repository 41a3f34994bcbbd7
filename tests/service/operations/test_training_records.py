from __future__ import annotations

import os
from pathlib import Path

import pytest

from vitrail.indexer.errors import InputError
from vitrail.service.operations.training_records import run_folder


def _all(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def _fail(folder: Path) -> None:
    with pytest.raises(InputError, match="one label"), run_folder(str(folder)):
        raise InputError("one label")


def test_a_run_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    _fail(tmp_path / "new")
    assert _all(tmp_path) == []
    (tmp_path / "empty").mkdir()
    _fail(tmp_path / "empty")
    assert _all(tmp_path) == ["empty"], "which was somebody's before"


def test_what_began_stays(tmp_path: Path) -> None:
    with run_folder(str(tmp_path)) as inner:
        Path(inner, "run.json").write_text("{}")
    assert _all(tmp_path) == ["training", "training/lock", "training/run.json"]
    with pytest.raises(InputError, match="stopped"), run_folder(str(tmp_path)):
        raise InputError("stopped")
    assert "training/run.json" in _all(tmp_path)


@pytest.mark.parametrize("left", [(), ("lock",), ("lock", "run.json.tmp")])
def test_what_a_kill_left_is_gone_on_with(left: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    for name in left:
        (tmp_path / "training" / name).write_text("")
    with run_folder(str(tmp_path)) as inner:
        Path(inner, "run.json").write_text("{}")
    assert "training/run.json" in _all(tmp_path)


def test_a_run_is_known_without_its_lock_and_by_nothing_else(tmp_path: Path) -> None:
    with run_folder(str(tmp_path)) as inner:
        Path(inner, "run.json").write_text('{"format": 1, "settings": {}}')
    (tmp_path / "training" / "lock").unlink()
    with run_folder(str(tmp_path)) as inner:
        assert (tmp_path / "training" / "lock").exists()
    for other in ("{}", "[]", '{"format": 1', '{"settings": {}}'):
        (tmp_path / "training" / "lock").unlink(missing_ok=True)
        (tmp_path / "training" / "run.json").write_text(other)
        before = _all(tmp_path)
        with pytest.raises(InputError, match="holds no training"), run_folder(str(tmp_path)):
            pass
        assert _all(tmp_path) == before


def test_what_kills_left_half_written_goes_and_all_else_stays(tmp_path: Path) -> None:
    inner = tmp_path / "training"
    (inner / "sheets").mkdir(parents=True)
    for name in ("lock", "run.json.0a.tmp", "sheets/step-000002.png", "sheets/step-000004.png.tmp"):
        (inner / name).write_text("")
    (tmp_path / "model.tmp").mkdir()
    with run_folder(str(tmp_path)):
        pass
    assert _all(inner) == ["lock", "sheets", "sheets/step-000002.png"]
    assert (tmp_path / "model.tmp").is_dir(), "which whoever writes the model begins anew"


def test_an_interruption_while_leftovers_go_holds_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    (tmp_path / "training").mkdir()
    for name in ("lock", "run.json.0a.tmp"):
        (tmp_path / "training" / name).write_text("")
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", interrupted)
        with pytest.raises(KeyboardInterrupt), run_folder(str(tmp_path)):
            pass
    with run_folder(str(tmp_path)):
        assert not (tmp_path / "training" / "run.json.0a.tmp").exists()


def test_folders_of_images_that_train_are_nobodys_run(tmp_path: Path) -> None:
    (tmp_path / "training" / "cats").mkdir(parents=True)
    (tmp_path / "training" / "cats" / "1.png").write_text("mine")
    (tmp_path / "validation").mkdir()
    before = _all(tmp_path)
    with pytest.raises(InputError, match="holds no training"), run_folder(str(tmp_path)):
        pass
    assert _all(tmp_path) == before
