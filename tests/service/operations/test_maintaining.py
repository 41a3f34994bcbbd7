"""What looks after a collection, as operations: types in, types out, nothing printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from tests.service.conftest import Once
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionLockedError, InputError, UnknownImageError
from vitrail.search.listing import ListOptions
from vitrail.service.operations.indexing import index
from vitrail.service.operations.lineage import trace_lineage
from vitrail.service.operations.listing import (
    count_images,
    explain_nothing,
    list_images,
    list_metadata,
)
from vitrail.service.operations.maintaining import (
    annotate,
    describe,
    export,
    import_exported,
    list_rejects,
    repair,
    tidy,
    verify,
)
from vitrail.service.operations.progress import Event, IndexProgress, RunBegins
from vitrail.service.operations.references import ContentHash, ImageId, IndexedPath
from vitrail.service.operations.removing import (
    IndexedFile,
    IndexedFiles,
    IndexedFolder,
    remove,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        path = tmp_path / "images" / ("even" if number % 2 == 0 else "odd") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (40 * number, 0, 9)).save(path)
    (tmp_path / "images" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path / "images"


@pytest.fixture
def home(tmp_path: Path, folder: Path, once: Once, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("vitrail.indexer.encoders.load_encoder", lambda _: ColourEncoder())

    def make() -> None:
        CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
        index(tmp_path / "collection", [str(folder)])

    once("six images", make)
    return tmp_path / "collection"


def names(home: Path, options: ListOptions | None = None) -> list[str]:
    with CollectionStore.open(home) as store:
        listed = list_images(store, options or ListOptions(sort=("path",)))
        return [Path(image.path or "").stem for image in listed]


def test_an_index_run_tells_how_it_begins_and_every_file(
    home: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (16, 16), (1, 2, 3)).save(folder / "new.png")
    events: list[Event] = []
    done = index(home, progress=events.append)
    assert (done.counts.encoded, done.counts.unchanged) == (1, 7)
    (begins,) = (event for event in events if isinstance(event, RunBegins))
    assert begins.encoder == done.encoder
    assert [plan.path for plan in begins.plans] == [str(folder)]
    counts = [event.counts for event in events if isinstance(event, IndexProgress)]
    assert counts[0].encoded == 0, "a copy, which stays"
    assert counts[-1].encoded == 1
    assert capfd.readouterr() == ("", "")


def test_a_cancelled_index_run_goes_on_next_time(home: Path, folder: Path) -> None:
    for number in range(4):
        Image.new("RGB", (16, 16), (1, 2, 50 * number)).save(folder / f"new-{number}.png")
    cancellation = Cancellation()

    def look(event: Event) -> None:
        if isinstance(event, IndexProgress) and event.counts.opened == 2:
            cancellation.cancel()

    first = index(home, progress=look, cancellation=cancellation).counts
    assert first.interrupted
    assert 2 <= first.encoded < 4
    assert first.encoded + index(home).counts.encoded == 4


def test_without_a_collection_there_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name a folder to index"):
        index(tmp_path / "nowhere")
    with pytest.raises(InputError):
        index(tmp_path / "nowhere", [str(tmp_path / "missing")])
    assert not (tmp_path / "nowhere").exists()


def test_what_is_there_is_listed_and_counted(home: Path) -> None:
    assert names(home) == ["0", "2", "4", "1", "3", "5"]
    with CollectionStore.open(home) as store:
        odd = ListOptions(where="path LIKE '%odd%'")
        assert count_images(store, odd) == 3
        assert len(list_metadata(store, odd, 2)) == 2
        assert describe(store).images == 6
        assert [Path(one.path).name for one in list_rejects(store)] == ["torn.png"]
        nothing = explain_nothing(store, ListOptions(where="width > 99"))
        assert nothing.reason == "no image passes the filter"
        assert nothing.hints
        none_made = explain_nothing(store, ListOptions(only="generated"))
        assert none_made.reason == "the collection holds no generated images"


def test_images_files_folders_and_globs_are_taken_out_by_type(home: Path, folder: Path) -> None:
    dry = remove(home, [IndexedFolder(str(folder / "odd"))], dry_run=True)
    assert (dry.removal.images, dry.removed, len(names(home))) == (3, None, 6)
    taken = remove(
        home,
        [
            ImageId(1),
            IndexedFile(str(folder / "even" / "2.png")),
            IndexedPath("odd/1.png"),
            IndexedFiles("3.*"),
        ],
    )
    assert taken.removed is not None
    assert taken.removed.images == 4
    assert names(home) == ["4", "5"]
    assert remove(home, [IndexedFolder(str(folder))]).removal.roots == (str(folder),)
    assert names(home) == []


def test_what_names_nothing_takes_nothing_out(home: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.png").touch()
    for target, error in (
        (ImageId(99), UnknownImageError),
        (ContentHash("abcdef0"), UnknownImageError),
        (IndexedPath("1"), UnknownImageError),
        (IndexedFile(str(tmp_path / "other.png")), InputError),
        (IndexedFile(str(folder / "odd")), InputError),
        (IndexedFolder(str(tmp_path / "odd")), InputError),
        (IndexedFiles("*.gif"), InputError),
    ):
        with pytest.raises(error):
            remove(home, [ImageId(1), target])
    assert len(names(home)) == 6


def test_an_image_that_waits_can_be_taken_out(home: Path, folder: Path) -> None:
    (folder / "even" / "0.png").unlink()
    index(home)
    assert tidy(home).waiting.images == 1
    assert remove(home, [IndexedPath("even/0.png")]).removal.images == 1
    assert tidy(home, grace_days=3).waiting.images == 0


def test_everything_else_comes_back_as_a_dataclass(home: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,stars\n1.png,4\nx.png,1\n")
    assert annotate(home, tmp_path / "labels.csv").matched == 1
    with CollectionStore.open(home) as store:
        assert export(store, tmp_path / "all.parquet") == 6
        lineage = trace_lineage(store, IndexedPath("odd/1.png"))
    assert (lineage.image["stars"], lineage.parents, lineage.children) == (4, (), ())
    assert import_exported(tmp_path / "copy", tmp_path / "all.parquet").new == 6
    assert import_exported(tmp_path / "copy", tmp_path / "all.parquet").new == 0
    assert verify(home).clean
    assert repair(home).actions == ()


def test_one_writer_at_a_time(home: Path, tmp_path: Path) -> None:
    for targets in ([ImageId(1)], lambda _: pytest.fail("asked by another commit than its own")):
        with (
            CollectionStore.open(home, writable=True),
            pytest.raises(CollectionLockedError) as raised,
        ):
            remove(home, targets)
        assert raised.value.code == "locked"
    assert remove(home, lambda store: [ImageId(len(store))]).removal.ids == (6,)
