"""A result as text, as HTML and as a table."""

from __future__ import annotations

import builtins
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from tests.search.fakes import described
from vitrail.indexer.errors import InputError
from vitrail.search.query import Group, Hit, SearchResult

BYTES = "/photos/\udcff\x1b[31m.png"


def result(hits: list[Hit]) -> SearchResult:
    return SearchResult(hits=hits, exact=True, estimated_recall=1.0, candidates=1234)


def hit(number: int, *paths: str, **metadata: Any) -> Hit:
    known = described(number, *paths, **{"width": 640, "predictions": (("cat", 0.9),)} | metadata)
    return Hit(number, 0.98765, {"cls@12": 0.98765}, known)


def test_it_is_shown_in_a_line_and_a_few_hits() -> None:
    shown = repr(result([hit(number, f"/photos/{number}.jpg") for number in range(10, 20)]))
    assert shown.splitlines() == [
        "<SearchResult: 10 hits, exact, 1,234 vectors compared>",
        "  0.9877  10  /photos/10.jpg",
        "  0.9877  11  /photos/11.jpg",
        "  0.9877  12  /photos/12.jpg",
        "  and 7 more in .hits",
    ]
    assert repr(hit(7, "/a.jpg")) == "Hit(id=7, score=0.9877, path='/a.jpg')"
    guessed = SearchResult([], exact=False, estimated_recall=0.973, candidates=50)
    assert repr(guessed) == (
        "<SearchResult: 0 hits, approximate, recall about 97.3%, 50 vectors compared>"
    )


def test_a_group_tells_how_many_more_it_holds(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    many, one = (Group("label", "cat", more, 1) for more in (1200, 0))
    hits = [
        replace(hit(1, str(tmp_path / "a.png")), group=many),
        replace(hit(2, "/b.jpg"), group=one),
    ]
    assert "a.png  (+1,200 more)" in repr(result(hits))
    assert repr(result(hits)).count("more") == 1
    assert "a.png  (+1,200 more)</figcaption>" in result(hits)._repr_html_()
    assert result(hits).to_arrow()["more"].to_pylist() == [1200, 0]
    assert "more" not in result([hit(1)]).to_arrow().column_names


def test_hostile_names_are_text_wherever_a_result_is_shown() -> None:
    one = result([hit(1, BYTES), hit(2), hit(3, "/a/<script>\n.png")])
    for shown in (repr(one), one._repr_html_()):
        assert "\x1b" not in shown
        assert "\udcff" not in shown
        assert "\n.png" not in shown
        assert r"\xff\x1b[31m.png" in shown
    assert "<script" not in one._repr_html_()


def test_a_notebook_shows_the_pictures_that_are_there(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((300, 200, 3), np.uint8)).save(tmp_path / "a.png")
    page = result(
        [hit(1, str(tmp_path / "gone.png"), str(tmp_path / "a.png")), hit(2)]
    )._repr_html_()
    assert page.count("data:image/webp;base64,") == 1
    assert page.count("not readable now") == 1
    assert "http" not in page


def test_an_arrow_table_has_a_row_a_hit_and_every_column() -> None:
    taken = datetime(2024, 5, 1, 12, 30)
    table = result(
        [
            hit(1, "/a.jpg", "/b.jpg", label="cat", taken_at=taken, seed=2**63, mood="fine"),
            hit(2, BYTES, recipe={"tool": "x", "lora": [{"name": 1}]}, stars=3, mood=None),
        ]
    ).to_arrow()
    first, second = table.to_pylist()
    assert table.column_names[:2] == ["id", "score"]
    assert first["score_cls@12"] == pytest.approx(0.98765)
    assert first["paths"] == ["/a.jpg", "/b.jpg"]
    assert (first["label"], first["taken_at"], first["seed"]) == ("cat", taken, 2**63)
    assert (first["mood"], first["stars"], second["stars"]) == ("fine", None, 3)
    assert second["path"].startswith(r"/photos/\xff")
    assert second["recipe"] == '{"tool": "x", "lora": [{"name": 1}]}'
    assert "predictions" not in table.column_names


def test_the_tables_of_different_answers_fit_together() -> None:
    full = result([hit(1, "/a.jpg", label="cat", predictions=(("cat", 0.5),))]).to_arrow()
    bare, empty = result([hit(2)]).to_arrow(), result([]).to_arrow()
    for other in (bare, empty):
        for name in other.column_names:
            assert full.schema.field(name).type == other.schema.field(name).type, name
    assert pa.concat_tables([full, bare, empty], promote_options="default").num_rows == 2


def test_own_values_of_no_common_type_become_text() -> None:
    table = result([hit(1, odd=1), hit(2, odd="two"), hit(3, odd=None)]).to_arrow()
    assert table["odd"].to_pylist() == ["1", "two", None]


def test_without_pandas_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return genuine(name, *rest)

    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"pip install pandas, or use to_arrow"):
        result([hit(1, "/a.jpg")]).to_pandas()


def test_a_pandas_frame_has_the_same_rows() -> None:
    pytest.importorskip("pandas")
    seed = 2**63 + 1
    frame = result([hit(1, "/a.jpg", label="cat", seed=seed), hit(2, "/b.jpg")]).to_pandas()
    assert list(frame.columns[:4]) == ["id", "score", "score_cls@12", "path"]
    assert list(frame["id"]) == [1, 2]
    assert list(frame["path"]) == ["/a.jpg", "/b.jpg"]
    assert frame["seed"][0] == seed, "as a float it would be another"
