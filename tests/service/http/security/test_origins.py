"""By what name, and from what page, the service may be asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service.http.security.conftest import HERE, Gated
from vitrail.service.http.security.origins import is_from_here, is_served

FOREIGN = (
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example@127.0.0.1",
    "127.0.0.1/evil.example",
    "127.0.0.1#.evil.example",
    "192.168.0.7:8000",
    "[::1",
    "127.0.0.1:port",
    "",
)


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_name_is_refused(gated: Gated, host: str) -> None:
    refused = gated().get("/v1/images", headers={"Host": host})
    assert (refused.status_code, refused.json()["code"]) == (421, "foreign-host")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9000", "127.0.0.1", "[::1]:8000", "127.8.0.1"]
)
def test_this_machine_is_asked_by_its_own_names(gated: Gated, host: str) -> None:
    assert gated().get("/v1/images", headers={"Host": host}).status_code == 200


def test_a_name_can_be_allowed(gated: Gated) -> None:
    client = gated(allow_hosts=("images.example",))
    assert client.get("/v1/images", headers={"Host": "images.example"}).status_code == 200
    assert client.get("/v1/images", headers={"Host": "other.example"}).status_code == 421


def test_beyond_this_machine_any_number_is_right_and_no_name() -> None:
    assert is_served("192.168.0.7:8000", (), any_address=True)
    assert not is_served("192.168.0.7.nip.example", (), any_address=True)


WRITE = ("POST", "/v1/annotations")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},  # another program of this machine's
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},  # a form
    ],
)
def test_a_page_of_another_origin_writes_nothing(gated: Gated, headers: dict[str, str]) -> None:
    refused = gated().request(*WRITE, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "foreign-origin")
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": HERE},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_programs_and_the_own_page_write(gated: Gated, headers: dict[str, str]) -> None:
    assert gated().request(*WRITE, headers=headers).status_code == 200


def test_a_link_is_followed_and_nothing_is_shown_in_anothers_page(gated: Gated) -> None:
    client, elsewhere = gated(), {"Sec-Fetch-Site": "cross-site"}
    link = {**elsewhere, "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    for headers in ({}, {"Origin": "null"}):
        for shown in ("iframe", "frame", "object", "embed"):
            frame = {**link, **headers, "Sec-Fetch-Dest": shown}
            assert client.get("/v1/images", headers=frame).status_code == 403
        document = {**link, **headers, "Sec-Fetch-Dest": "document"}
        assert client.get("/", headers=document).status_code == 200
    image = {**elsewhere, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert client.get("/v1/images", headers=image).status_code == 403


def test_a_page_that_may_ask_is_told_so(gated: Gated) -> None:
    theirs = "https://lab.example"
    client = gated(allow_origins=(theirs,), keys=True)
    preflight = {"Origin": theirs, "Access-Control-Request-Method": "POST"}
    preflight |= {"Access-Control-Request-Headers": "authorization,content-type"}
    told = client.options("/v1/search", headers=preflight)
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (200, theirs)
    assert "access-control-allow-credentials" not in told.headers
    other = client.options("/v1/search", headers={**preflight, "Origin": "https://evil.example"})
    assert (other.status_code, "access-control-allow-origin" in other.headers) == (403, False)


@given(st.text(max_size=30))
def test_no_text_passes_for_an_origin_of_ours(text: str) -> None:
    assert not is_from_here(text, "127.0.0.1:8000")
    assert is_from_here("http://127.0.0.1:8000", "127.0.0.1:8000")
    assert is_from_here("https://images.example", "images.example:443")


@given(st.text(st.characters(codec="latin-1"), max_size=30))
def test_no_text_passes_for_a_name_of_ours(text: str) -> None:
    assert not is_served(text, (), any_address=False) or text.strip("[]").startswith(("127.", "::"))
