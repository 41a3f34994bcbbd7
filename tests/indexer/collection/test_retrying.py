"""Readings that begin again at the newest commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT
from vitrail.indexer.catalog.state import State
from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import DamagedError


class Reader:
    """Beneath which another catalog takes over, as when the collection is embedded anew."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.newest = replace(state, incarnation="other")

    def refresh(self) -> bool:
        moved = self.state != self.newest
        self.state = self.newest
        return moved


def test_a_commit_of_another_catalog_is_another_whatever_its_number(tmp_path: Path) -> None:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as made:
        reader = Reader(made.state)

    def read() -> str:
        if reader.state.incarnation != "other":
            raise DamagedError("as if what the old list says were no more")
        return "read"

    assert at_newest(reader, read) == "read"


def test_what_no_commit_explains_is_told_at_once(tmp_path: Path) -> None:
    asked = []
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as writer:

        def read() -> None:
            asked.append(writer.state)
            raise DamagedError("as if")

        with pytest.raises(DamagedError, match="as if"):
            at_newest(writer, read)
    assert len(asked) == 1
