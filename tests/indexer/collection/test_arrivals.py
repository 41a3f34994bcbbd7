"""Whatever an exported file says, it is taken as a whole or refused in one line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, files, image, images
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.errors import InputError, VitrailError
from vitrail.indexer.records import Batch
from vitrail.indexer.segments import segment_file


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported")
    own = place / "own.csv"
    own.write_text("path,species,stars\n/pictures/2.jpg,owl,3\n/pictures/3.jpg,,\n")
    with CollectionStore.create(place / "c", FINGERPRINT) as made:
        one = image(1, recipe={"prompt": "an apple"}, predictions=(("tabby", 0.5),))
        made.commit(Batch([one, *images(range(2, 8))], files(range(1, 8))))
        made.annotate(str(own))
        export(made, place / "all.parquet")
    return place / "all.parquet"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[CollectionStore]:
    with CollectionStore.create(tmp_path / "target", FINGERPRINT) as made:
        yield made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectionStore]:
    with CollectionStore.create(tmp_path_factory.mktemp("empty") / "c", FINGERPRINT) as made:
        yield made


@pytest.fixture
def untouched(empty: CollectionStore) -> Iterator[CollectionStore]:
    """One for all files that are refused, each of which has to leave it as it was."""
    before = empty.state.seq
    yield empty
    assert (empty.state.seq, len(empty), empty.known_files()) == (before, 0, {})


def write(path: Path, table: pa.Table, header: bytes | None = None) -> Path:
    meta = {segment_file.META: header} if header is not None else table.schema.metadata
    pq.write_table(table.replace_schema_metadata(meta), path, row_group_size=3)
    return path


def changed(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def with_value(table: pa.Table, name: str, value: Any, row: int = 4) -> pa.Table:
    values = table[name].to_pylist()
    values[row] = value
    return changed(table, name, pa.array(values, table.schema.field(name).type))


FILE = {"path": b"/a.jpg", "size": 1, "mtime_ns": 1, "label": None}
UNIT = [1.0, *[0.0] * 7]
VALUES: list[tuple[str, Any]] = [
    *(
        ("content_hash", value)
        for value in (None, "", "A" * 64, "0" * 63, "0" * 64 + "\n", "g" * 64)
    ),
    *(("width", value) for value in (None, 0, -1)),
    *(("height", value) for value in (None, 0)),
    *(("format", value) for value in (None, "", "x" * 33, "JP\x1bEG")),
    *(("bytes", value) for value in (None, -1)),
    *(("camera", value) for value in ("", "x" * 10_001, "a\0b")),
    *(("latitude", value) for value in (90.1, float("nan"), float("-inf"))),
    *(("longitude", value) for value in (-180.1, float("inf"))),
    *(("rating", value) for value in (-2, 6)),
    *(("keywords", value) for value in ([None], [""], ["a"] * 10_001, ["x" * 10_001])),
    ("generated", None),
    *(
        ("recipe", value)
        for value in ("", "[1]", "{", '{"a": NaN}', "3", '{"a":' * 140 + "1" + "}" * 70)
    ),
    ("recipe", "[" * 200_000),
    ("recipe", '{"a": "' + "x" * (1 << 20) + '"}'),
    *(("read_version", value) for value in (-1, 2**31 - 1)),
    *(("predictions", value) for value in (None, [None], [{"label": None, "score": 0.5}])),
    *(("predictions", [{"label": "a", "score": s}]) for s in (None, 1.5, float("nan"))),
    *(("files", value) for value in (None, [None])),
    *(("files", [FILE | {"path": p}]) for p in (None, b"", b"a.jpg", b"/a\0b", b"/a/../b", b"/a/")),
    ("files", [FILE | {"path": b"/" + b"x" * (1 << 15)}]),
    *(("files", [FILE | {"size": s}]) for s in (None, -1)),
    ("files", [FILE | {"mtime_ns": None}]),
    *(("files", [FILE | {"label": label}]) for label in ("a\0b", "x" * 10_001)),
    ("files", [FILE, FILE]),
    ("files", [FILE | {"path": b"/pictures/1.jpg"}]),  # another row's
    *(("cls@2", value) for value in (None, [0.0] * 8, [5.0] * 8, [float("nan"), *UNIT[1:]])),
    ("cls@2", [float("inf"), *UNIT[1:]]),
]


@pytest.mark.parametrize(("name", "value"), VALUES, ids=lambda value: repr(value)[:40])
def test_a_bad_value_refuses_the_whole_file_and_is_named(
    exported: Path, untouched: CollectionStore, tmp_path: Path, name: str, value: Any
) -> None:
    bad = write(tmp_path / "bad.parquet", with_value(pq.read_table(exported), name, value))
    with pytest.raises(InputError) as refused:
        import_into(untouched, bad)
    said = str(refused.value)
    assert f"row 5, column '{name}'" in said
    assert "nothing was imported" in said
    assert "\n" not in said
    assert len(said) < 600


def test_what_is_twice_refuses_the_file(
    exported: Path, untouched: CollectionStore, tmp_path: Path
) -> None:
    table = pq.read_table(exported)
    doubled = write(tmp_path / "bad.parquet", pa.concat_tables([table, table.slice(2, 1)]))
    with pytest.raises(InputError, match=r"row 8, column 'content_hash': .* no row before has"):
        import_into(untouched, doubled)


def fingerprint(**changes: Any) -> bytes:
    raw = json.loads(FINGERPRINT.to_json()) | changes
    return json.dumps({"fingerprint": raw, "format": 3, "seq": 1, "replaces": []}).encode()


HEADERS = [
    b"", b"{", b"[]", b"null", b'{"fingerprint": 3}', b"[" * 100_000, b"\xff\xfe",
    fingerprint(spaces=[["../../x", 8]]),
    fingerprint(spaces=[["cls@2/../..", 8]]),
    fingerprint(spaces=[["cls@2\n", 8]]),
    fingerprint(spaces=[["cls@2", 8], ["cls@2", 8]]),
    fingerprint(spaces=[["cls@2", 0]]),
    fingerprint(spaces=[["cls@2", 1 << 40]]),
    fingerprint(spaces=[["cls@2", 8.5]]),
    fingerprint(spaces=[["cls@2", "8"]]),
    fingerprint(spaces=[]),
    fingerprint(spaces="cls@2"),
    fingerprint(spaces=None),
    fingerprint(weights=3),
    fingerprint(preprocess=[]),
    fingerprint(checkpoint=None),
    fingerprint(checkpoint="a\x1b[31mb"),
    fingerprint(checkpoint="a" * 5000),
    fingerprint().replace(b'"format": 3', b'"format": 99'),
    fingerprint().replace(b'"format": 3', b'"format": "x"'),
    fingerprint().replace(b'"replaces": []', b'"replaces": 3'),
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: repr(header)[:60])
def test_a_bad_header_makes_nothing(exported: Path, tmp_path: Path, header: bytes) -> None:
    from vitrail.indexer.collection.transfer import read_fingerprint

    bad = write(tmp_path / "bad.parquet", pq.read_table(exported), header)
    with pytest.raises(InputError) as refused:
        read_fingerprint(bad)
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


NAMES = [
    "",
    " ",
    "a\x1b[0m",
    "a\nb",
    "x" * 101,
    "image_id",
    "Width",
    "content_hash",
    "__row",
    "rowid",
]
NAMES += ["path", "added_at", "\u202etxt", "row"]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names_that_no_column_can_have(
    exported: Path, untouched: CollectionStore, tmp_path: Path, name: str
) -> None:
    table = pq.read_table(exported).append_column(f"annotation:{name}", pa.array([1] * 7))
    with pytest.raises(InputError, match="column"):
        import_into(untouched, write(tmp_path / "bad.parquet", table))
    parquet = tmp_path / "own.parquet"
    pq.write_table(
        pa.table({"path ": ["/a"], "path": ["/a"]}).rename_columns([name, "path"]), parquet
    )
    with pytest.raises(InputError, match="column"):
        untouched.annotate(str(parquet))


def _nested(table: pa.Table) -> pa.Table:
    return changed(table, "camera", pa.array([{"a": [1]}] * 7))


def widened(table: pa.Table, old: pa.Table, prefix: str, number: int) -> pa.Table:
    own = {name: table[name] for name in table.column_names}
    more = {f"{prefix}{n}": old["width"] for n in range(number)}
    return pa.table(own | more, metadata=old.schema.metadata)


HOSTILE: dict[str, Callable[[pa.Table], pa.Table]] = {
    "nested": _nested,
    "numbers for text": lambda t: changed(t, "content_hash", pa.array(range(7))),
    "text for numbers": lambda t: changed(t, "width", pa.array(["wide"] * 7)),
    "files as text": lambda t: changed(t, "files", pa.array(["/a.jpg"] * 7)),
    "files as text lists": lambda t: changed(t, "files", pa.array([["/a.jpg"]] * 7)),
    "vectors of text": lambda t: changed(t, "cls@2", pa.array([["a"] * 8] * 7)),
    "vectors of lists": lambda t: changed(t, "cls@2", pa.array([[[1.0]] * 8] * 7)),
    "wide vectors": lambda t: changed(t, "cls@2", pa.array([[1.0, *[0.0] * 8]] * 7)),
    "ragged vectors": lambda t: changed(t, "cls@2", pa.array([UNIT] * 6 + [[1.0]])),
    "flat vectors": lambda t: changed(t, "cls@2", pa.array([1.0] * 7)),
    "no vectors": lambda t: t.drop_columns(["cls@2"]),
    "no hashes": lambda t: t.drop_columns(["content_hash"]),
    "no files": lambda t: t.drop_columns(["files"]),
    "no columns": lambda t: t.select([]),
    "a column twice": lambda t: t.append_column("width", t["width"]),
    "all null": lambda t: widened(pa.table({n: pa.nulls(7) for n in t.column_names}), t, "", 0),
    "an unknown kind": lambda t: t.append_column("annotation:x", pa.array([{"a": 1}] * 7)),
    "bytes as own": lambda t: t.append_column("annotation:x", pa.array([b"\xff"] * 7)),
    "lists of lists": lambda t: t.append_column("annotation:x", pa.array([[[1]]] * 7)),
    "maps": lambda t: t.append_column(
        "annotation:x", pa.array([[("a", 1)]] * 7, pa.map_(pa.string(), pa.int64()))
    ),
    "long text": lambda t: t.append_column("annotation:x", pa.array(["x" * 100_001] * 7)),
    "far years": lambda t: t.append_column(
        "annotation:x", pa.array([1 << 62] * 7, pa.timestamp("us"))
    ),
    "many columns": lambda t: widened(t, t, "annotation:", 300),
    "5,000 columns": lambda t: widened(t, t, "x", 5_000),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_structures_are_refused_in_one_line(
    exported: Path, untouched: CollectionStore, tmp_path: Path, kind: str
) -> None:
    bad = write(tmp_path / "bad.parquet", HOSTILE[kind](pq.read_table(exported)))
    with pytest.raises(VitrailError) as refused:
        import_into(untouched, bad)
    assert "\n" not in str(refused.value)


HARMLESS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "large text": lambda t: changed(t, "content_hash", t["content_hash"].cast(pa.large_string())),
    "wider numbers": lambda t: changed(t, "width", t["width"].cast(pa.int64())),
    "a dictionary": lambda t: changed(t, "format", t["format"].dictionary_encode()),
    "lists of doubles": lambda t: changed(t, "cls@2", t["cls@2"].cast(pa.list_(pa.float64()))),
    "other columns": lambda t: t.append_column("notes", pa.array(["x"] * 7)),
    "no ids": lambda t: t.drop_columns(["id"]),
    "other ids": lambda t: changed(t, "id", pa.array([5] * 7)),
    "older columns": lambda t: t.drop_columns(["latitude", "rating", "keywords", "read_version"]),
    "no rows": lambda t: t.slice(0, 0),
    "own lists": lambda t: t.append_column("annotation:tags", pa.array([["a"], None] * 3 + [[]])),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_other_programs_write_as_well_is_taken(
    exported: Path, target: CollectionStore, tmp_path: Path, kind: str
) -> None:
    table = HARMLESS[kind](pq.read_table(exported))
    done = import_into(target, write(tmp_path / "good.parquet", table))
    assert done.new == len(target) == table.num_rows
    if table.num_rows:
        assert target.allowed_ids("species = 'owl' and stars = 3").tolist() == [2]
        rows = target.vectors([1, 2], "cls@2")
        assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1], abs=1e-3)


def test_paths_that_are_known_here_stay_and_empty_cells_take_nothing(
    exported: Path, target: CollectionStore, tmp_path: Path
) -> None:
    from tests.indexer.collection.holdings import content, file

    target.commit(Batch(images([50, 3]), [file("/pictures/2.jpg", 50), file("/x/3.jpg", 3)]))
    own = tmp_path / "own.csv"
    own.write_text("path,species\n/x/3.jpg,fox\n")
    target.annotate(str(own))
    done = import_into(target, exported)
    assert (done.images, done.new, done.known, done.files) == (7, 5, 1, 6)
    assert done.left_out == ("/pictures/2.jpg",)
    [row] = target.metadata([target.resolve("/pictures/2.jpg")])
    assert row["content_hash"] == content(50)
    assert target.allowed_ids("species = 'fox' and paths = 2").tolist() == [2]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, moved, lost or doubled; near the end, where the footer is, most."""
    parts = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        end = chance.random() < 0.6
        place = chance.randrange(max(0, len(parts) - 4000) if end else 0, len(parts))
        kind = chance.randrange(4)
        if kind == 0:
            parts[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            parts[place : place + chance.randrange(1, 9)] = chance.randbytes(chance.randrange(9))
        elif kind == 2:
            parts[place:place] = parts[place : place + chance.randrange(64)]
        else:
            parts[place] = chance.choice((0, 1, 127, 128, 255))
    return bytes(parts)


@pytest.mark.parametrize(
    ("seed", "tries"),
    [(0, 60), *(pytest.param(seed, 600, marks=pytest.mark.slow) for seed in range(1, 6))],
)
def test_mutated_files_are_imported_whole_or_refused(
    exported: Path, tmp_path: Path, seed: int, tries: int
) -> None:
    chance, data = random.Random(seed), exported.read_bytes()
    bad = tmp_path / "bad.parquet"
    own = tmp_path / "own.parquet"
    pq.write_table(pa.table({"path": ["/pictures/1.jpg"] * 50, "x": range(50)}), own)
    own_data, taken = own.read_bytes(), 0
    with CollectionStore.create(tmp_path / "target", FINGERPRINT) as target:
        for _ in range(tries):
            bad.write_bytes(mutated(data, chance))
            try:
                taken += import_into(target, bad).images == 7
            except VitrailError as refused:
                assert "\n" not in str(refused)  # noqa: PT017 - either is right
            own.write_bytes(mutated(own_data, chance))
            try:
                target.annotate(str(own))
            except VitrailError as refused:
                assert "\n" not in str(refused)  # noqa: PT017
        target.forget_changes()
    assert taken < tries


CELLS = [
    "/pictures/1.jpg",
    "",
    "1",
    "-2.5e3",
    "x",
    '"',
    '""',
    '"a\nb"',
    "\0",
    "\ufeff",
    "é",
    "2024-02-30",
]
CELLS += [
    "\x1b[0m",
    "true",
    "nan",
    "inf",
    "1e999",
    "007",
    "9" * 30,
    ",",
    ";",
    "\r",
    "~root\0",
    "../..",
]


@pytest.mark.parametrize(
    ("seed", "tries"), [(0, 60), pytest.param(1, 5000, marks=pytest.mark.slow)]
)
def test_any_csv_is_taken_or_refused_in_one_line(tmp_path: Path, seed: int, tries: int) -> None:
    chance = random.Random(seed)
    table = tmp_path / "own.csv"
    with CollectionStore.create(tmp_path / "target", FINGERPRINT) as target:
        target.commit(Batch(images([1]), files([1])))
        for _ in range(tries):
            separator = chance.choice(",;\t|")
            names = ["path", *chance.choices(["a", "b", "A", "id", "", "x y", "\x1b"], k=2)]
            rows = [
                names,
                *(chance.choices(CELLS, k=chance.choice((3, 3, 3, 3, 2))) for _ in range(4)),
            ]
            text = "\n".join(separator.join(row) for row in rows).encode()
            table.write_bytes(mutated(text, chance) if chance.random() < 0.3 else text)
            try:
                target.annotate(str(table))
            except VitrailError as refused:
                assert "\n" not in str(refused)  # noqa: PT017 - either is right
        assert target.metadata([1])[0]["id"] == 1
        target.forget_changes()
