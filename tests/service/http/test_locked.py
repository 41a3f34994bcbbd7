"""A collection to which a service writes: who would write meanwhile is told to let it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.service.http.test_kill import prepare, serving, until
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionLockedError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the service is ended by SIGKILL")


def test_who_finds_it_locked_is_told_where_to_ask(tmp_path: Path) -> None:
    prepare(tmp_path, 40)
    with serving(tmp_path) as service:
        job = service.ask("POST", "index?collection=a", {"root": "photos"})["id"]
        until(lambda: (service.ask("GET", f"jobs/{job}")["progress"] or {}).get("counts"))
        with pytest.raises(CollectionLockedError) as met:
            CollectionStore.open(tmp_path / "a", writable=True)
        assert f"--server {service.address}, or wait" in str(met.value)
        assert service.over(job)["state"] == "done"
        CollectionStore.open(tmp_path / "a", writable=True).close()
