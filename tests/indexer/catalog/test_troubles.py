"""What DuckDB says in the language of a program that embeds Vitrail."""

from __future__ import annotations

import errno
import os

import duckdb
import pytest

from vitrail.indexer.catalog.troubles import trouble
from vitrail.indexer.errors import DamagedError, UnreadableError
from vitrail.indexer.files.durability import is_full

GERMAN = {
    errno.EACCES: "Keine Berechtigung",
    errno.EIO: "Eingabe-/Ausgabefehler",
    errno.ENOSPC: "Auf dem Gerät ist kein Speicherplatz mehr verfügbar",
}


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after ``locale.setlocale(locale.LC_ALL, "de_DE")``, which comes after the import."""
    english = os.strerror
    monkeypatch.setattr(os, "strerror", lambda code: GERMAN.get(code, english(code)))


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("said", ["Keine Berechtigung", "Permission denied", GERMAN[errno.EIO]])
def test_a_refusal_is_no_damage_in_any_language(said: str) -> None:
    error = duckdb.InternalException(f"Failure while replaying WAL file: {said}\nat byte 3")
    told = trouble("/c/catalog.duckdb", error, 1.0)
    assert isinstance(told, UnreadableError)
    assert said in str(told)


def test_damage_is_damage() -> None:
    error = duckdb.InternalException("Failure while replaying WAL file: it is odd")
    assert isinstance(trouble("/c/catalog.duckdb", error, 1.0), DamagedError)


@pytest.mark.usefixtures("german")
def test_a_full_disk_is_told_in_any_language() -> None:
    assert is_full(duckdb.IOException(f'Could not write file "x": {GERMAN[errno.ENOSPC]}'))
    assert is_full(duckdb.IOException('Could not write file "x": No space left on device'))
    assert not is_full(duckdb.IOException('Could not write file "x": Keine Berechtigung'))
