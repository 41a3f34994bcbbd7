"""The client against a running service: the same answers as here, and the same errors."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.generator.tiny import build_sd
from tests.service.http.processes import answering
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import (
    CancelledError,
    CheckpointError,
    FilterError,
    InputError,
    UnknownImageError,
    UnusableImageError,
    VitrailError,
)
from vitrail.search.options import SearchOptions
from vitrail.search.query import Hit
from vitrail.service.client.client import Client
from vitrail.service.client.errors import ServiceError
from vitrail.service.client.readings import JobStatus
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection


def nameless(hit: Hit) -> Hit:
    """As who is not told where files lie sees it."""
    info = hit.metadata
    return replace(hit, metadata=replace(info, path=info.name, paths=()))


@pytest.mark.parametrize(
    "options",
    [
        SearchOptions(k=3),
        SearchOptions(k=5, where="width > 25", spaces={"mean@2": 1.0}),
        SearchOptions(k=4, group_by="label"),
        SearchOptions(k=4, sort="-width,name"),
        SearchOptions(k=4, only="generated", exact=True),
        SearchOptions(k=3, where="width > 9999"),
    ],
)
def test_hits_and_receipt_are_those_of_the_collection(
    client: Client, local: Collection, options: SearchOptions
) -> None:
    here, there = local.search(3, options=options), client.search(3, options=options)
    assert there.hits == [*map(nameless, here.hits)]
    for name in (
        *("exact", "estimated_recall", "candidates", "allowed", "evidence", "hints", "reason"),
        *("weights", "next", "scale", "origin"),
    ):
        assert getattr(there, name) == getattr(here, name), name
    assert {*here.seconds} <= {*there.seconds}


def test_images_are_named_by_id_file_and_bytes(
    client: Client, painted: ServiceOptions, local: Collection
) -> None:
    path = painted.roots["photos"] / "warm" / "red-0.png"
    (of_file,) = client.search(path, k=1).hits
    (of_bytes,) = client.search(path.read_bytes(), k=1).hits
    assert of_file == of_bytes
    assert of_file.metadata.name == "red-0.png"
    assert of_file == nameless(local.search(path, k=1).hits[0])
    several = client.search(of_file.id, str(path), negative=[3], k=2)
    assert several.hits == [
        *map(nameless, local.search(of_file.id, str(path), negative=[3], k=2).hits)
    ]
    part = client.search(path, box="0%,0%,100%,50%", k=2)
    assert part.hits == [*map(nameless, local.search(path, box="0%,0%,100%,50%", k=2).hits)]


def test_pages_follow_one_another(client: Client) -> None:
    first = client.search(3, k=4)
    second = client.search(3, k=4, after=first.next)
    ids = [hit.id for hit in (*first.hits, *second.hits)]
    assert ids == [hit.id for hit in client.search(3, k=8).hits]


def test_images_are_listed_lazily_and_whole(
    client: Client, local: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrail.service.client.reader._PAGE", 5)
    listed = [*client.images(sort=["-width", "id"])]
    assert [image.id for image in listed] == [row.id for row in local.select(sort=["-width", "id"])]
    assert len([*client.images(limit=7)]) == 7
    assert {image.label for image in client.images("label = 'warm'")} == {"warm"}
    assert client.image(3).content_hash == local.store.metadata([3])[0].content_hash


def test_thumbnails_and_files_are_bytes(client: Client, painted: ServiceOptions) -> None:
    with Image.open(io.BytesIO(client.thumbnail(3, "small"))) as small:
        assert small.format == "WEBP"
    name = client.image(3).name
    assert name is not None
    (path,) = painted.roots["photos"].rglob(name)
    assert client.file(3) == path.read_bytes()


def test_collections_are_told_and_named(client: Client, address: str) -> None:
    (only,) = client.collections()
    assert (only.name, only.images, only.checkpoint) == ("painted", 12, "colours")
    assert client.info()["images"] == 12
    with Client(address, collection="painted") as named:
        assert named.image(3) == client.image(3)
    with (
        Client(f"{address}/", collection="other") as lost,
        pytest.raises(VitrailError, match="other") as met,
    ):
        lost.search(3)
    assert met.value.code == "unknown-collection"


@pytest.mark.parametrize(
    ("ask", "kind", "says"),
    [
        (lambda c: c.search(999), UnknownImageError, "999"),
        (lambda c: c.search(3, where="nothing = 1"), FilterError, "nothing"),
        (lambda c: c.search(b"no image"), UnusableImageError, "image"),
        (lambda c: c.search("/no/such.png"), UnusableImageError, "/no/such.png"),
        (lambda c: c.search(b""), UnusableImageError, "no bytes"),
        (lambda c: c.search(), InputError, "nothing was given"),
        (lambda c: c.search(3, 4, box="0,0,8,8"), InputError, "one image"),
        (lambda c: c.search(3, seeds=2), InputError, "seeds"),
        (lambda c: c.search(True), InputError, "bool"),
        (lambda c: c.search(3, k=5000), InputError, "5,000"),
        (lambda c: c.search(text="a dog"), CheckpointError, "colours"),
        (lambda c: c.compare_images(1, 99), UnknownImageError, "99"),
        (lambda c: c.image(999), UnknownImageError, "999"),
        (lambda c: c.generate("x", model="other"), InputError, "'other'"),
        (lambda c: c.index("elsewhere"), VitrailError, "elsewhere"),
        (lambda c: c.job("none"), ServiceError, "none"),
    ],
)
def test_problems_are_our_own_errors(
    client: Client, ask: object, kind: type[VitrailError], says: str
) -> None:
    with pytest.raises(kind, match=says) as met:
        ask(client)  # type: ignore[operator]
    assert met.value.code
    assert "\n" not in str(met.value)


def test_what_is_written_is_read_back(writer: Client) -> None:
    assert writer.annotate([3, 4], {"stars": [5, 2], "seen": True}) == 2
    assert [image.id for image in writer.images("stars > 4 and seen")] == [3]
    assert writer.image(4)["stars"] == 2
    token = writer.decide("not-duplicates", 3, 4)
    assert writer.undo() == token
    writer.remove(3)
    with pytest.raises(UnknownImageError):
        writer.image(3)


def test_jobs_are_followed_to_their_results(writer: Client, painted: ServiceOptions) -> None:
    new = painted.roots["photos"] / "new.png"
    Image.new("RGB", (16, 16), (9, 99, 199)).save(new)
    seen: list[JobStatus] = []
    try:
        job = writer.index("photos")
        counts = job.wait(seen.append, timeout=60)
    finally:
        new.unlink()
    assert (counts["encoded"], counts["interrupted"]) == (1, False)
    assert (seen[-1].state, seen[-1].id) == ("done", job.id)
    (hit,) = writer.search(writer.search(3, k=1).hits[0].id, where="name = 'new.png'").hits
    assert hit.paths == (str(new),)
    few = writer.compare("label = 'warm'", "label = 'cold'")
    with pytest.raises(InputError, match="too few to compare"):
        few.wait(timeout=60)
    assert few.status.state == "failed"
    assert writer.duplicates().wait(timeout=60)["groups"] == []
    assert writer.job(job.id).result() == counts


def test_prompts_are_drawn_by_the_service(painted: ServiceOptions, tmp_path: Path) -> None:
    shutil.copytree(painted.collections["painted"], tmp_path / "c")
    drawing = replace(
        painted,
        collections={"painted": tmp_path / "c"},
        state=tmp_path / "state",
        models={"tiny": str(build_sd(tmp_path / "tiny"))},
    )
    with answering(drawing) as port, Client(f"http://127.0.0.1:{port}") as client:
        found = client.search(prompt="a fox", seeds=2, model="tiny", background=0, k=3)
        assert [one.caption for one in found.made] == ["seed 0", "seed 1"]
        assert found.agreement is not None
        assert all(len(hit.seed_ranks) == 2 for hit in found.hits)
        few = {"steps": 2, "guidance": 1.0, "scheduler": "ddim"}
        job = client.generate("a fox", n=2, seed=5, model="tiny", **few)  # type: ignore[arg-type]
        made = job.wait(timeout=60)
        assert made["made"] == 2
        image = client.image(made["images"][0]["id"])
        assert (image.prompt, image.seed, image.steps) == ("a fox", 5, 2)
        assert image.recipe is not None


def test_a_cancelled_job_is_an_error(writer: Client) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    job = writer.index("photos")
    try:
        job.wait(cancellation=cancellation, timeout=60)
    except CancelledError:
        assert job.status.state == "cancelled"
        assert job.retry().state in ("queued", "waiting", "running", "done")
    else:  # it had begun, or was quicker
        assert job.status.result
        assert job.status.state in ("cancelled", "done")


def test_nothing_is_asked_of_a_closed_client(address: str) -> None:
    client = Client(address)
    client.close()
    client.close()
    with pytest.raises(ServiceError, match="closed"):
        client.collections()


def test_places_are_not_told_unless_the_service_tells_them(client: Client, tmp_path: Path) -> None:
    assert not tmp_path.samefile("/")
    image = client.image(3)
    assert (image.paths, image.folder) == ((), "")
    assert image.path == image.name
