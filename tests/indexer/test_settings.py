"""What the environment says, read in one place and handed down."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from vitrail.indexer import settings
from vitrail.indexer.files.cache import cache_dir
from vitrail.indexer.settings import Settings, in_use, read_settings, using

ROOT = Path(__file__).parents[2]
VARIABLES = {getattr(settings, name) for name in dir(settings) if name.isupper()}


def test_each_variable_is_read_and_has_a_default(tmp_path: Path) -> None:
    given = {
        "VITRAIL_COLLECTION": str(tmp_path / "c"),
        "VITRAIL_CACHE": str(tmp_path / "cache"),
        "VITRAIL_FILTER_SECONDS": "3",
        "VITRAIL_DEBUG": "1",
        "VITRAIL_STATE": str(tmp_path / "state"),
        "VITRAIL_KEY": "vk-secret",
        "VITRAIL_SERVER": "http://x:1",
    }
    assert set(given) == VARIABLES
    assert read_settings(given) == Settings(
        tmp_path / "c", tmp_path / "cache", "3", True, tmp_path / "state", "vk-secret", "http://x:1"
    )
    assert "secret" not in repr(read_settings(given))
    assert read_settings({}) == read_settings(dict.fromkeys(given, "")) == Settings()
    assert Settings().collection_directory.parts[-2:] == ("collections", "default")
    assert "vitrail" in str(Settings().cache_folder)
    assert Settings().state_folder.parts[-2:] == ("vitrail", "service")
    home = read_settings({"VITRAIL_COLLECTION": "~/c"}).collection
    assert home == Path("~/c").expanduser()


def test_what_is_handed_down_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "environment"))
    assert cache_dir() == tmp_path / "environment"
    seen: list[Path] = []
    with using(Settings(cache=tmp_path / "given")):
        thread = threading.Thread(target=lambda: seen.append(cache_dir()))
        thread.start()
        thread.join()
        with using(Settings(cache=tmp_path / "inner")):
            assert in_use().cache == tmp_path / "inner"
        assert in_use().cache == tmp_path / "given"
    assert seen == [tmp_path / "given"]
    assert cache_dir() == tmp_path / "environment"


def test_the_manual_names_every_variable() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert set(re.findall(r"VITRAIL_[A-Z_]+", page)) == VARIABLES
