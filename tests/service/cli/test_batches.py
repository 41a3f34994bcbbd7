"""Many questions at once: each answered as alone, bad ones told, the file whole or not there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.service.colours import CHECKPOINT
from tests.service.conftest import Outcome, Vitrail
from vitrail.service.operations import batches
from vitrail.service.operations.collection import Collection

Paint = Callable[..., Path]


@pytest.fixture
def shelf(vitrail: Vitrail, folder: Path) -> Path:
    vitrail.index(folder, "--label-from", "parent")
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def alone(vitrail: Vitrail, query: object, *words: object) -> list[tuple[int, float]]:
    hits = vitrail("search", query, *words, "--json").json["hits"]
    return [(hit["id"], hit["score"]) for hit in hits]


def test_a_folder_is_answered_as_one_by_one_and_a_bad_file_has_its_error(
    vitrail: Vitrail, shelf: Path, paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 3)
    monkeypatch.setattr(batches, "_BATCH", 2)
    for i in range(7):
        paint(f"../asked/{i}.png", (40 * i, 0, 200 - 20 * i), (0, 30 * i, 9))
    (tmp_path / "asked" / "3bad.png").write_bytes(b"no image")
    (tmp_path / "asked" / "notes.md").write_text("no question")
    out = tmp_path / "hits.jsonl"
    words = ("-k", 2, "--where", "width > 1")
    done = vitrail("search", "--queries", tmp_path / "asked", "--out", out, *words)
    assert done.code == 0, done
    assert "8 queries" in done.err
    assert "1 query has its error" in done.err
    answers = lines(out)
    assert [Path(one["query"]).name for one in answers] == [
        *("0.png", "1.png", "2.png", "3.png", "3bad.png", "4.png", "5.png", "6.png")
    ]
    for answer in answers:
        if "bad" in answer["query"]:
            assert "no supported image format" in answer["error"]
            assert answer["hits"] == []
        else:
            own = [(hit["id"], hit["score"]) for hit in answer["hits"]]
            expected = alone(vitrail, answer["query"], *words)
            assert [one for one, _ in own] == [one for one, _ in expected]
            assert [s for _, s in own] == pytest.approx([s for _, s in expected], abs=1e-6)
            assert answer["exact"] is True
            assert answer["error"] is None


def test_a_list_names_images_as_the_command_line_does(
    vitrail: Vitrail, shelf: Path, tmp_path: Path
) -> None:
    red, listed, out = shelf / "warm" / "red.png", tmp_path / "names.txt", tmp_path / "h.parquet"
    listed.write_text(f"{red}\n1\nnavy.png\n\n99\nno/where.png\n-\n")
    done = vitrail("search", "--queries", listed, "--out", out, "-k", 4)
    assert "3 queries have their errors" in done.err
    table = pq.read_table(out).to_pylist()
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in table:
        by_name.setdefault(row["query"], []).append(row)
    assert [*by_name] == [str(red), "1", "navy.png", "99", "no/where.png", "-"]
    for name in (str(red), "1", "navy.png"):
        expected = alone(vitrail, name, "-k", 4)
        assert [row["id"] for row in by_name[name]] == [one for one, _ in expected]
        assert [row["score"] for row in by_name[name]] == pytest.approx([s for _, s in expected])
        assert [row["rank"] for row in by_name[name]] == [1, 2, 3, 4]
        assert {row["exact"] for row in by_name[name]} == {True}
    assert 1 not in [row["id"] for row in by_name["1"]], "its own image is left out of its answer"
    assert 1 in [row["id"] for row in by_name["navy.png"]], "and of no other"
    for name in ("99", "no/where.png", "-"):
        (row,) = by_name[name]
        assert row["id"] is None
        assert row["error"]


def test_vectors_and_ids_come_from_parquet(vitrail: Vitrail, shelf: Path, tmp_path: Path) -> None:
    with Collection.open(vitrail.home) as opened:
        rows = opened.store.vectors([1, 2, 3], "mean@1")
    wrong = np.full((1, 12), 0.5, np.float32)
    table = pa.table({"path": ["a", "b", "c", "d"], "mean@1": [*rows.tolist(), *wrong.tolist()]})
    pq.write_table(table, tmp_path / "rows.parquet")
    out = tmp_path / "hits.jsonl"
    done = vitrail("search", "--queries", tmp_path / "rows.parquet", "--out", out, "-k", 1)
    assert done.code == 0, done
    answers = lines(out)
    assert [one["query"] for one in answers] == ["a", "b", "c", "d"]
    assert [one["hits"][0]["id"] for one in answers[:3]] == [1, 2, 3]
    assert "normalise it" in answers[3]["error"]
    pq.write_table(pa.table({"vector": rows.tolist()}), tmp_path / "one.parquet")
    vitrail("search", "--queries", tmp_path / "one.parquet", "--out", out, "-k", 1)
    assert [one["hits"][0]["id"] for one in lines(out)] == [1, 2, 3]
    pq.write_table(pa.table({"ID": [3, 2**62, None]}), tmp_path / "ids.parquet")
    vitrail("search", "--queries", tmp_path / "ids.parquet", "--out", out, "-k", 9)
    third, unknown, empty = lines(out)
    assert [hit["id"] for hit in third["hits"]] == [one for one, _ in alone(vitrail, 3, "-k", 9)]
    assert f"no image with id {2**62}" in unknown["error"]
    assert empty["error"] == "the row is empty"


@pytest.mark.parametrize(
    "words",
    [
        ("--group-by", "label"),
        ("--diverse", "0.6"),
        ("--sort", "-name"),
        ("--min-score", "0.9999"),
        ("--only", "real"),
    ],
    ids=" ".join,
)
def test_options_hold_for_each(
    vitrail: Vitrail, shelf: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = tmp_path / "hits.jsonl"
    done = vitrail("search", "--queries", shelf / "cold", "--out", out, "-k", 3, *words)
    assert done.code == 0, done
    for answer in lines(out):
        own = [hit["id"] for hit in answer["hits"]]
        assert own == [one for one, _ in alone(vitrail, answer["query"], "-k", 3, *words)]


def fails(vitrail: Vitrail, *words: object, says: list[str]) -> Outcome:
    vitrail.fails("search", *words, code=2, says=says)
    return vitrail("search", *words)


def test_what_many_questions_cannot_be_is_refused_and_nothing_is_written(
    vitrail: Vitrail, shelf: Path, tmp_path: Path
) -> None:
    out = tmp_path / "hits.jsonl"
    many = ("--queries", shelf, "--out", out)
    fails(vitrail, "--queries", shelf, says=["--queries SOURCE and --out FILE", "together"])
    fails(vitrail, "--queries", shelf, "--out", "hits.csv", says=["'hits.csv'", ".jsonl"])
    fails(vitrail, "--queries", shelf, "--out", "no/h.jsonl", says=["no folder no"])
    fails(vitrail, "--queries", "nowhere", "--out", out, says=["'nowhere'", "check the spelling"])
    fails(vitrail, *many, shelf / "a.png", says=["is one question"])
    for words in (
        *(
            ("--negative", "1"),
            ("--prompt", "x"),
            ("--box", "0,0,1,1"),
            ("--region", "0,0,1,1"),
            ("--fusion", "mean"),
        ),
        *(("--after", "x"), ("--json",), ("--open",), ("--html", tmp_path / "x.html")),
        ("--explain",),
    ):
        fails(vitrail, *many, *words, says=[str(words[0]), "one question, not for --queries"])
    fails(vitrail, *many, "--where", "colour = 1", says=["'colour'"])
    pq.write_table(pa.table({"mood": ["fine"]}), tmp_path / "odd.parquet")
    fails(
        *(vitrail, "--queries", tmp_path / "odd.parquet", "--out", out),
        says=["no column to ask by", "'mean@1'", "'id' or 'path'"],
    )
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 nothing PAR1")
    fails(vitrail, "--queries", tmp_path / "torn.parquet", "--out", out, says=["torn.parquet"])
    (tmp_path / "bytes.txt").write_bytes(b"\0\1\2")
    fails(vitrail, "--queries", tmp_path / "bytes.txt", "--out", out, says=["no list of queries"])
    assert not [one for one in tmp_path.iterdir() if "hits" in one.name]


def test_an_interruption_leaves_the_file_that_was_there(
    vitrail: Vitrail, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "hits.parquet"
    out.write_bytes(b"older")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batches, "_answered", interrupted)
    done = vitrail("search", "--queries", shelf, "--out", out)
    assert done.code == 130
    assert out.read_bytes() == b"older"
    assert [one.name for one in tmp_path.iterdir() if "hits" in one.name] == ["hits.parquet"]


def test_a_program_gets_answers_one_by_one(vitrail: Vitrail, shelf: Path) -> None:
    taken: list[object] = []

    def images() -> Any:
        for image in (shelf / "warm" / "red.png", 2, shelf / "gone.png", 777):
            taken.append(image)
            yield image

    with Collection.open(vitrail.home) as opened:
        assert opened.fingerprint.checkpoint == CHECKPOINT
        answers = opened.search_batch(images(), k=2)
        assert taken == [], "nothing is read before it is asked for"
        red, second, gone, unknown = answers
        assert red.result is not None
        assert second.result is not None
        assert red.result.hits == opened.search(shelf / "warm" / "red.png", k=2).hits
        assert [hit.id for hit in second.result.hits] == [
            hit.id for hit in opened.similar(2, k=2).hits
        ]
        assert gone.result is None
        assert "gone.png" in gone.error
        assert "no image with id 777" in unknown.error
        many = opened.search_many([2, shelf / "warm" / "red.png"], k=2)
        assert [hit.id for hit in many[0].hits] == [hit.id for hit in second.result.hits]
        assert [hit.id for hit in many[1].hits] == [hit.id for hit in red.result.hits]


def test_answers_never_take_the_place_of_the_questions(
    vitrail: Vitrail, shelf: Path, tmp_path: Path
) -> None:
    asked = tmp_path / "asked.parquet"
    pq.write_table(pa.table({"id": [1, 2]}), asked)
    before = asked.read_bytes()
    (tmp_path / "again.parquet").symlink_to(asked)
    for out in (asked, tmp_path / "again.parquet"):
        fails(vitrail, "--queries", asked, "--out", out, says=["holds the queries", "another file"])
    assert asked.read_bytes() == before


def test_a_list_may_begin_with_the_mark_of_an_editor(
    vitrail: Vitrail, shelf: Path, tmp_path: Path
) -> None:
    names, out = tmp_path / "names.txt", tmp_path / "hits.jsonl"
    names.write_bytes(f"\ufeff{shelf / 'warm' / 'red.png'}\r\n2\r\n".encode())
    assert vitrail("search", "--queries", names, "--out", out).code == 0
    assert [one["error"] for one in lines(out)] == [None, None]


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("id", ["1", "x"], "'x' is no id; give whole numbers in column 'id'"),
        ("id", [1.0, 1.5], "1.5 is no id"),
        ("id", [1.0, float("inf")], "inf is no id"),
        ("id", [1, 2**63 + 5], f"no image with id {2**63 + 5}"),
        ("path", ["red.png", None], "the row is empty"),
        ("mean@1", [[1.0] + [0.0] * 11, None], "the row has no vector for space mean@1"),
    ],
)
def test_a_row_that_says_nothing_is_told_in_words(
    vitrail: Vitrail, shelf: Path, tmp_path: Path, column: str, values: list[Any], says: str
) -> None:
    asked, out = tmp_path / "asked.parquet", tmp_path / "hits.jsonl"
    kind = pa.uint64() if values[1] == 2**63 + 5 else None
    pq.write_table(pa.table({column: pa.array(values, kind)}), asked)
    assert vitrail("search", "--queries", asked, "--out", out).code == 0
    good, bad = lines(out)
    assert good["error"] is None, good
    assert says in bad["error"]


@pytest.mark.parametrize(("column", "says"), [("path", "5 is no path"), ("mean@1", "5 is no vec")])
def test_a_column_of_another_kind_is_told_in_words(
    vitrail: Vitrail, shelf: Path, tmp_path: Path, column: str, says: str
) -> None:
    asked, out = tmp_path / "asked.parquet", tmp_path / "hits.jsonl"
    pq.write_table(pa.table({column: [5]}), asked)
    assert vitrail("search", "--queries", asked, "--out", out).code == 0
    assert says in lines(out)[0]["error"]


def test_a_source_that_asks_nothing_is_refused(
    vitrail: Vitrail, shelf: Path, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none.txt").write_text("\n\n")
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    for name in ("none", "none.txt", "none.parquet"):
        out = tmp_path / "hits.jsonl"
        done = vitrail("search", "--queries", tmp_path / name, "--out", out)
        assert done.code == 2
        assert "asks nothing" in done.err
        assert not out.exists()


def test_what_a_killed_run_had_begun_goes_with_the_next(
    vitrail: Vitrail, shelf: Path, tmp_path: Path
) -> None:
    program = (
        "import os, sys\n"
        "from vitrail.service.operations.answer_files import write_answers\n"
        "from vitrail.service.operations.batches import BatchAnswer\n"
        "def answers():\n"
        "    yield BatchAnswer('one', None, 'an error')\n"
        "    os.kill(os.getpid(), 9)\n"
        "write_answers(sys.argv[1], answers(), ['gem@9'])\n"
    )
    out = tmp_path / "hits.jsonl"
    subprocess.run([sys.executable, "-c", program, str(out)], check=False)
    (begun,) = tmp_path.glob(".vitrail-*-hits.tmp")
    assert not out.exists()
    (tmp_path / "ids.txt").write_text("1\n")
    done = vitrail("search", "--queries", tmp_path / "ids.txt", "--out", out)
    assert done.code == 0, done
    assert out.exists()
    assert not begun.exists()
