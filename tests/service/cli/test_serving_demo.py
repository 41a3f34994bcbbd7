"""``vitrail serve --demo``: the examples of a checkout, indexed where they are not, and served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail
from vitrail.service.cli import served
from vitrail.service.cli.commands import serving
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What services that are begun meanwhile tell of their collections; none listens."""
    told: list[Any] = []

    def run(options: ServiceOptions, *_: object, **__: object) -> None:
        with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
            told.append(client.get("/v1/collections").json()["collections"])

    monkeypatch.setattr(serving, "_runner", lambda: run)
    monkeypatch.setattr(served, "ENCODER", CHECKPOINT)
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    return told


def test_the_examples_are_indexed_once_and_served_first(
    vitrail: Vitrail, folder: Path, tmp_path: Path, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "EXAMPLES", folder)
    words = ("serve", "--demo", "--state", tmp_path / "state")
    assert vitrail(*words).code == 0
    vitrail.index(folder / "warm")
    assert vitrail(*words, f"own={vitrail.home}").code == 0
    names = [[(one["name"], one["images"]) for one in all_] for all_ in told]
    assert names == [[("demo", 5)], [("demo", 5), ("own", 2)]]


def test_without_a_checkout_there_are_none(
    vitrail: Vitrail, tmp_path: Path, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "EXAMPLES", tmp_path / "none")
    says = ["come with the source", "index a folder of your own"]
    vitrail.fails("serve", "--demo", "--state", tmp_path / "state", code=2, says=says)
    assert told == []


def test_a_checkout_has_them() -> None:
    assert len([*served.EXAMPLES.rglob("*.webp")]) > 300
