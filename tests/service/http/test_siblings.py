"""A service that embeds by a certified export of a collection's encoder says so in its receipts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.colours import TwoSpaceEncoder, colour_fingerprint, load_colours
from tests.service.conftest import Vitrail
from tests.service.http.conftest import png
from vitrail.indexer import encoders
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import FingerprintMismatchError, InputError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.service.cli.served import read_checkpoints
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection

EXPORT, VARIANT = "colours-export", "int8 openvino export 3f2a91bc04"


def named(checkpoint: str, spaces: list[str]) -> Fingerprint:
    """That of the collection's encoder, also of its certified export."""
    if checkpoint == EXPORT:
        own = colour_fingerprint("colours", spaces)
        return replace(own, checkpoint=EXPORT, variant=VARIANT)
    return colour_fingerprint(checkpoint, spaces)


class Exported(TwoSpaceEncoder):
    @property
    def fingerprint(self) -> Fingerprint:
        return named(EXPORT, [space.name for space in self.spaces])


@pytest.fixture
def exported(own: ServiceOptions, monkeypatch: pytest.MonkeyPatch) -> ServiceOptions:
    """The options of a service whose collection has such an export."""

    def load(settings: EncoderSettings) -> TwoSpaceEncoder:
        plain = load_colours(replace(settings, checkpoint="colours"))
        names = [space.name for space in plain.spaces]
        return Exported(names) if settings.checkpoint == EXPORT else plain

    monkeypatch.setattr(encoders, "read_fingerprint", named)
    monkeypatch.setattr(encoders, "load_encoder", load)
    return own


@pytest.mark.parametrize("checkpoint", [EXPORT, None])
def test_who_embedded_a_question_is_in_its_receipt(
    exported: ServiceOptions, checkpoint: str | None
) -> None:
    checkpoints = {} if checkpoint is None else {"painted": checkpoint}
    app = create_app(replace(exported, checkpoints=checkpoints))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        image = {"image": ("a.png", png((250, 5, 0)))}
        by_image = client.post("/v1/search/image", files=image).json()["receipt"]["encoder"]
        by_id = client.post("/v1/search", json={"positive": [{"id": 3}]}).json()["receipt"]
        info = client.get("/v1/collection").json()["receipt"]["encoder"]
    assert by_image["variant"] == (VARIANT if checkpoint else None)
    assert by_id["encoder"]["variant"] is None  # whose vectors were there already
    assert by_image["fingerprint"] == by_id["encoder"]["fingerprint"] == info["fingerprint"]
    assert by_image["checkpoint"] == "colours"  # as the collection names it


def test_what_makes_other_vectors_is_refused_at_once(
    exported: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Collection] = []
    really = Collection.close

    def close(collection: Collection) -> None:
        closed.append(collection)
        really(collection)

    monkeypatch.setattr(Collection, "close", close)
    app = create_app(replace(exported, checkpoints={"painted": "colours-2"}))
    with (
        pytest.raises(FingerprintMismatchError, match="colours-2"),
        TestClient(app, base_url="http://127.0.0.1:8000"),
    ):
        pass
    assert len(closed) == len(exported.collections)  # what was opened already is not left open


def test_checkpoints_are_given_by_collection(exported: ServiceOptions) -> None:
    assert read_checkpoints(["small", "b=/x/other"], "a") == {"a": "small", "b": "/x/other"}
    with pytest.raises(InputError, match="two checkpoints are given for 'a': x and y; leave one"):
        read_checkpoints(["x", "a=y"], "a")
    with pytest.raises(InputError, match="given for 'other', and served are painted; name one"):
        replace(exported, checkpoints={"other": "x"})


def test_the_command_line_names_what_cannot_be_run(
    vitrail: Vitrail, folder: Path, tmp_path: Path
) -> None:
    vitrail.index(folder)
    words = ("serve", vitrail.home, "--port", 0, "--state", tmp_path / "state", "--no-warm")
    told = ["colours-2"]
    vitrail.fails(*words, "--checkpoint", "colours-2", code=1, says=told)
    vitrail.fails(*words, "--checkpoint", "b=colours", code=2, says=["given for 'b'"])
