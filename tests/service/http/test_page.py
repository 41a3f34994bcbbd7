"""The page's files, as the service sends them."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize("path", ["/", "/image/17", "/collection", "/map", "/duplicates"])
def test_each_view_is_the_one_document(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert '<script type="module" src="/assets/app.js">' in answer.text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../", "text/html; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("styles/tokens.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("vendor/lit/index.js", "text/javascript; charset=utf-8"),
    ],
)
def test_files_have_their_types_and_are_sent_once(client: TestClient, name: str, kind: str) -> None:
    answer = client.get(f"/assets/{name}")
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": answer.headers["etag"]}
    again = client.get(f"/assets/{name}", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    policy = "content-security-policy"
    assert again.headers[policy] == answer.headers[policy]
    assert client.get(f"/assets/{name}", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "../http/app.py",
        "..%2fhttp%2fapp.py",
        "%2e%2e/http/app.py",
        "/etc/passwd",
        "index.html/..",
        "vendor/manifest.json",
        "tsconfig.json",
    ],
)
def test_nothing_else_is_sent(client: TestClient, name: str) -> None:
    answer = client.get(f"/assets/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"


def test_an_address_that_is_no_view_is_a_problem(client: TestClient) -> None:
    assert client.get("/nothing").status_code == 404


def test_a_draw_is_the_same_by_its_seed(client: TestClient) -> None:
    def drawn(seed: int, k: int = 3) -> list[int]:
        answer = client.get("/v1/images", params={"draw": seed, "k": k})
        assert answer.status_code == 200
        assert answer.json()["next"] is None
        return [image["id"] for image in answer.json()["images"]]

    draws = [drawn(seed) for seed in range(8)]
    assert draws == [drawn(seed) for seed in range(8)]
    assert len({*map(tuple, draws)}) > 1
    assert all(len({*draw}) == 3 for draw in draws)
    assert sorted(drawn(1, 50)) == sorted({one for draw in draws for one in draw})
