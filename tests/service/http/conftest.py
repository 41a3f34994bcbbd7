"""A service of a collection of five colours, asked through the application's own door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.conftest import Vitrail
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions


@pytest.fixture
def options(vitrail: Vitrail, folder: Path, tmp_path: Path) -> ServiceOptions:
    """A service of the five colours, indexed."""
    vitrail.index(folder)
    return ServiceOptions({"colours": vitrail.home}, tmp_path / "state")


@pytest.fixture
def client(options: ServiceOptions) -> Iterator[TestClient]:
    """Asks it as a program on this machine does."""
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        yield client
