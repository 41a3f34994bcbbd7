"""Cursors of lists tell nothing of the values that they remember, and hold only unaltered."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.service.http.conftest import is_problem
from vitrail.indexer.errors import InputError
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.sealing import FILE, CursorSeal

SEAL = CursorSeal(b"k" * 32)
CURSORS = st.text(st.characters(codec="utf-8"), max_size=200)


@given(CURSORS)
def test_what_was_sealed_is_opened(cursor: str) -> None:
    sealed = SEAL.seal(cursor)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", sealed)  # as it can stand in an address
    assert SEAL.open(sealed) == cursor
    assert SEAL.seal(cursor) == sealed
    with pytest.raises(InputError, match="no cursor that this service gave"):
        CursorSeal(b"l" * 32).open(sealed)


@given(CURSORS, st.data())
def test_what_was_altered_is_refused(cursor: str, data: st.DataObject) -> None:
    sealed = SEAL.seal(cursor)
    whole = bytearray(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for text in (base64.urlsafe_b64encode(whole).decode().rstrip("="), sealed[:cut]):
        with pytest.raises(InputError):
            SEAL.open(text)


@given(st.text(max_size=60))
def test_what_never_was_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        SEAL.open(text)
    assert "\n" not in str(refused.value)


@given(CURSORS, CURSORS)
def test_nothing_of_a_cursor_can_be_read(one: str, other: str) -> None:
    """Not even where two begin alike: what hides them is another for each."""
    assume(one != other)
    first, second = SEAL.seal("the same, " * 5 + one), SEAL.seal("the same, " * 5 + other)
    assert first[:40] != second[:40]


def test_a_seal_is_kept_and_is_its_owners(tmp_path: Path) -> None:
    sealed = CursorSeal.in_folder(tmp_path).seal("x")
    assert CursorSeal.in_folder(tmp_path).open(sealed) == "x"
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / FILE).write_bytes(b"torn")  # cursors of before are over, and nothing else
    with pytest.raises(InputError):
        CursorSeal.in_folder(tmp_path).open(sealed)
    away = CursorSeal.in_folder(tmp_path / "none" / "such")
    assert away.open(away.seal("x")) == "x"


def test_a_list_goes_on_after_a_restart(own: ServiceOptions) -> None:
    seen: list[int] = []
    after = ""
    for _ in range(4):
        with TestClient(create_app(own), base_url="http://127.0.0.1:8000") as client:
            asked = {"sort": "note", "k": "3", **({"after": after} if after else {})}
            page = client.get("/v1/images", params=asked).json()
        seen += [image["id"] for image in page["images"]]
        after = page["next"]
        if after is None:
            break
        told = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4))
        assert b"it's" not in told
        assert b"note" not in told
    assert sorted(seen) == [*range(1, len(seen) + 1)]
    assert len(seen) > 9


def test_a_refusal_does_not_open_a_cursor(reader: TestClient) -> None:
    cursor = reader.get("/v1/images", params={"sort": "note", "k": 2}).json()["next"]
    answer = reader.get("/v1/images", params={"sort": "stars", "after": cursor})
    told = is_problem(answer, 422, "bad-input")
    assert told["detail"].startswith("the cursor is of another list")
    inner = reader.app.state.seal.open(cursor)  # type: ignore[attr-defined]
    assert inner[:12] not in answer.text


def test_a_tampered_cursor_is_one_problem(reader: TestClient) -> None:
    cursor = reader.get("/v1/images", params={"sort": "stars", "k": 2}).json()["next"]
    forged = base64.urlsafe_b64encode(b'["0", [["plain", 1]], 1]').decode().rstrip("=")
    for text in (cursor[:-1], "A" + cursor[1:] if cursor[0] != "A" else "B" + cursor[1:], forged):
        answer = reader.get("/v1/images", params={"sort": "stars", "after": text})
        told = is_problem(answer, 422, "bad-input")
        assert told["remedy"] == "take the whole of the page's `next`, or begin without one"
