"""Who is let in, to what, and how often."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.http.security.conftest import Gated
from vitrail.indexer.errors import InputError
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import MEDIA_TYPE
from vitrail.service.http.security.keyring import KeyRing
from vitrail.service.http.security.keys import FILE, make_key, revoke_key
from vitrail.service.http.security.rates import Rates
from vitrail.service.http.security.scopes import KeyScope, needed

Bearer = Callable[[KeyScope], dict[str, str]]
READS = (("GET", "/v1/images"), ("POST", "/v1/search"))
WRITES = (("POST", "/v1/annotations"), ("DELETE", "/v1/images/7"))
ADMINS = (("POST", "/v1/index"),)


def statuses(client: TestClient, headers: dict[str, str] | None = None) -> dict[str, set[int]]:
    return {
        name: {client.request(*one, headers=headers).status_code for one in asked}
        for name, asked in (("read", READS), ("write", WRITES), ("admin", ADMINS))
    }


def test_on_this_machine_no_key_is_needed(gated: Gated) -> None:
    assert statuses(gated()) == {"read": {200}, "write": {200}, "admin": {200}}


def test_beyond_it_nothing_is_told_without_a_key(gated: Gated) -> None:
    client = gated(host="0.0.0.0")
    assert statuses(client) == {"read": {401}, "write": {401}, "admin": {401}}
    refused = client.get("/v1/images")
    assert refused.headers["content-type"] == MEDIA_TYPE
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert "vitrail keys new --scope read" in refused.json()["remedy"]
    assert client.get("/v1/livez").status_code == 200
    shown = client.get("/", follow_redirects=False)
    assert (shown.status_code, shown.headers["location"]) == (303, "/login")


def test_a_key_opens_what_its_scope_allows(gated: Gated, bearer: Bearer) -> None:
    keys = {scope: bearer(scope) for scope in KeyScope}
    client = gated(host="0.0.0.0")
    assert statuses(client, keys[KeyScope.READ]) == {"read": {200}, "write": {403}, "admin": {403}}
    assert statuses(client, keys[KeyScope.WRITE]) == {"read": {200}, "write": {200}, "admin": {403}}
    assert statuses(client, keys[KeyScope.ADMIN]) == {"read": {200}, "write": {200}, "admin": {200}}
    told = client.post("/v1/annotations", headers=keys[KeyScope.READ]).json()
    assert told["code"] == "not-allowed"
    assert "--scope write" in told["remedy"]


def test_a_key_that_is_not_taken_opens_nothing_even_where_none_is_needed(gated: Gated) -> None:
    client = gated()
    for given in ("Bearer nonsense", "Bearer ", "Basic YTpi", "vitrail_0a1b2c3d_x", "Bearer \xff"):
        header = {b"Authorization": given.encode("latin-1")}
        assert client.get("/v1/images", headers=header).status_code == 401, given


def test_a_revoked_key_opens_nothing_in_a_running_service(gated: Gated, tmp_path: Path) -> None:
    key, text = make_key(tmp_path / "state", KeyScope.READ)
    client, shown = gated(host="0.0.0.0"), {"Authorization": f"Bearer {text}"}
    assert client.get("/v1/images", headers=shown).status_code == 200
    revoke_key(tmp_path / "state", key.id)
    ring: KeyRing = client.app.state.ring  # type: ignore[attr-defined]
    ring.refresh()
    assert client.get("/v1/images", headers=shown).status_code == 401


def test_who_tries_keys_is_slowed_down(gated: Gated, bearer: Bearer) -> None:
    good = bearer(KeyScope.READ)
    client = gated(host="0.0.0.0")
    wrong = {"Authorization": "Bearer vitrail_0a1b2c3d_wrong"}
    seen = [client.get("/v1/images", headers=wrong) for _ in range(25)]
    assert {one.status_code for one in seen[:20]} == {401}
    assert {one.status_code for one in seen[20:]} == {429}
    assert 1 <= int(seen[-1].headers["retry-after"]) <= 60
    assert client.get("/v1/images", headers=good).status_code == 200


def test_nothing_is_written_where_the_service_only_reads(gated: Gated, tmp_path: Path) -> None:
    client = gated(read_only=True)
    assert statuses(client) == {"read": {200}, "write": {403}, "admin": {403}}
    assert client.post("/v1/annotations").json()["code"] == "read-only"
    assert not (tmp_path / "state").exists()


def test_who_asks_too_often_waits(gated: Gated, bearer: Bearer) -> None:
    one, other = bearer(KeyScope.READ), bearer(KeyScope.READ)
    client = gated(host="0.0.0.0", rate="3/minute")
    seen = [client.get("/v1/images", headers=one) for _ in range(5)]
    assert [answer.status_code for answer in seen] == [200, 200, 200, 429, 429]
    assert 1 <= int(seen[-1].headers["retry-after"]) <= 60
    assert seen[-1].json()["code"] == "too-often"
    assert client.get("/v1/images", headers=other).status_code == 200
    assert {client.get("/v1/livez").status_code for _ in range(9)} == {200}


def test_what_is_no_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="600/minute"):
        Rates("often")
    with pytest.raises(InputError, match="like https:"):
        ServiceOptions({"a": tmp_path}, tmp_path, allow_origins=("example.org/a",))
    with pytest.raises(InputError, match="/vitrail"):
        ServiceOptions({"a": tmp_path}, tmp_path, root_path="vitrail/")
    for root in ("/v1", "/image/a", "/assets"):
        with pytest.raises(InputError, match="an address of the service's own"):
            ServiceOptions({"a": tmp_path}, tmp_path, root_path=root)
    assert ServiceOptions({"a": tmp_path}, tmp_path, root_path="/images").root_path == "/images"


def test_an_address_that_nobody_has_thought_of_needs_a_key() -> None:
    assert needed("POST", "/v1/anything") is KeyScope.WRITE
    assert needed("BREW", "/v1/searching") is KeyScope.WRITE
    assert needed("GET", "/v1/anything") is KeyScope.READ
    assert needed("GET", "/v1/sessions") is KeyScope.READ
    assert needed("GET", "/v1") is KeyScope.READ
    assert needed("POST", "/v1/search/batch") is KeyScope.READ
    assert needed("GET", "/v1/index") is KeyScope.ADMIN


def test_what_writes_is_recorded_before_and_after(
    gated: Gated, bearer: Bearer, tmp_path: Path
) -> None:
    admin = bearer(KeyScope.ADMIN)
    client = gated(host="0.0.0.0")
    client.post("/v1/search?where=secret", headers=admin)
    client.delete("/v1/images/7?collection=colours&where=secret", headers=admin)
    client.delete("/v1/images/7")
    log = (tmp_path / "state" / "audit.jsonl").read_text("utf-8")
    asked, answered = map(json.loads, log.splitlines())
    assert asked["event"] == "asked"
    assert (asked["method"], asked["path"]) == ("DELETE", "/v1/images/7")
    assert (asked["collection"], asked["address"]) == ("colours", "testclient")
    assert asked["key"] in (tmp_path / "state" / FILE).read_text("utf-8")
    assert (answered["event"], answered["status"]) == ("answered", 200)
    assert answered["made"] == "/v1/jobs/9"
    assert answered["request"] == asked["request"]
    assert "secret" not in log
    assert "vitrail_" not in log


def test_what_cannot_be_recorded_is_not_done(gated: Gated, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    refused = gated().post("/v1/annotations")
    assert (refused.status_code, refused.json()["code"]) == (503, "unrecorded")
    assert str(tmp_path) not in refused.text
