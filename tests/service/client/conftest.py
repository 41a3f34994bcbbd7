"""A service of twelve images that answers at a real socket, and clients that ask it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.service.http.conftest import painted_in
from tests.service.http.processes import answering
from vitrail.service.client.client import Client
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceOptions]:
    """A service of twelve images in two spaces, for tests that only read."""
    home = tmp_path_factory.mktemp("asked")
    with painted_in(home) as place:
        yield ServiceOptions(
            {"painted": place}, home / "state", warm=False, roots={"photos": home / "images"}
        )


@pytest.fixture(scope="module")
def address(painted: ServiceOptions) -> Iterator[str]:
    """Where it answers."""
    with answering(painted) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    """Asks it."""
    with Client(address) as client:
        yield client


@pytest.fixture(scope="module")
def local(painted: ServiceOptions) -> Iterator[Collection]:
    """The same collection, open in this process."""
    with Collection.open(painted.collections["painted"]) as opened:
        yield opened


@pytest.fixture
def writer(painted: ServiceOptions, tmp_path: Path) -> Iterator[Client]:
    """Asks a service of a copy, which tells where files lie."""
    shutil.copytree(painted.collections["painted"], tmp_path / "c")
    own = replace(
        painted, collections={"painted": tmp_path / "c"}, state=tmp_path / "state", paths=True
    )
    with answering(own) as port, Client(f"http://127.0.0.1:{port}") as client:
        yield client
