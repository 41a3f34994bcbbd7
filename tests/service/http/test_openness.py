"""Over every address that the service has: who gets in, and that no reply tells where files lie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.service.http.colours import painting
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope, needed

HERE = "http://127.0.0.1:8000"
# What anybody may ask, what a read key may ask beside all that is got, and what only an admin may.
OPEN = {
    ("GET", "/v1/livez"),
    ("GET", "/v1/readyz"),
    ("GET", "/v1/session"),
    ("POST", "/v1/session"),
    ("DELETE", "/v1/session"),
}
READ_BY_POST = {
    "/v1/search",
    "/v1/search/batch",
    "/v1/search/image",
    "/v1/search/explain",
    "/v1/search/scores",
    "/v1/facets",
    "/v1/uploads",
}
ADMIN = {"/v1/index", "/v1/trash"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("openness")
    with painting(folder):
        yield folder


@pytest.fixture(scope="module")
def guarded(home: Path) -> Iterator[TestClient]:
    options = ServiceOptions({"colours": home / "colours"}, home / "guarded", keys=True)
    with TestClient(create_app(options), base_url=HERE) as client:
        yield client


def operations(client: TestClient) -> list[tuple[str, str]]:
    document = client.get("/v1/openapi.json").json()
    found = [
        (method.upper(), path) for path, of_path in document["paths"].items() for method in of_path
    ]
    assert len(found) > 30
    return found


def test_each_address_is_for_whom_it_should_be(guarded: TestClient) -> None:
    for method, path in operations(guarded):
        scope = needed(method, path)
        if (method, path) in OPEN:
            assert scope is None
        elif path in ADMIN:
            assert scope is KeyScope.ADMIN
        elif method == "GET" or path in READ_BY_POST:
            assert scope is KeyScope.READ, path
        else:
            assert scope is KeyScope.WRITE, path


def test_without_a_key_no_address_answers(guarded: TestClient, home: Path) -> None:
    _, text = make_key(home / "guarded", KeyScope.READ)
    guarded.app.state.ring.refresh()  # type: ignore[attr-defined]
    key = {"Authorization": f"Bearer {text}"}
    for method, path in operations(guarded):
        if (method, path) in OPEN:
            continue
        address = re.sub(r"\{[^}]+\}", "1", path)
        assert guarded.request(method, address).status_code == 401, (method, path)
        status = guarded.request(method, address, headers=key).status_code
        scope = needed(method, path)
        assert (status == 403) is (scope is not None and scope > KeyScope.READ), (method, path)


@pytest.mark.parametrize(
    "address",
    [
        "//v1/images",
        "/v1//images",
        "/./v1/images",
        "/assets/../v1/images",
        "/%2e/v1/images",
        "/v1%2fimages",
        "/V1/images",
        "/v1/images/",
        "/v1;/images",
        "/v1/livez/../images",
        "/v1/session/../images",
        "/v1/livez%2f..%2fimages",
        "/v1/openapi.json/../images",
        "/login/../v1/images",
    ],
)
def test_no_way_of_writing_an_address_goes_round_the_gate(
    guarded: TestClient, address: str
) -> None:
    answer = guarded.get(address, follow_redirects=True)
    assert "red.png" not in answer.text
    if answer.status_code == 200:  # the page to sign in at
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.url.path == "/login"


ASKED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/collection", None),
    ("GET", "/v1/collections", None),
    ("GET", "/v1/columns", None),
    ("GET", "/v1/images?k=5", None),
    ("GET", "/v1/images?fields=path&fields=folder", None),
    ("GET", "/v1/images/1", None),
    ("GET", "/v1/images/1/lineage", None),
    ("GET", "/v1/images/1/recipe", None),
    ("GET", "/v1/images/99", None),
    ("GET", "/v1/images/1/thumbnail?size=huge", None),
    ("GET", "/v1/images?where=nope", None),
    ("GET", "/v1/images?collection=other", None),
    ("GET", "/v1/jobs", None),
    ("GET", "/v1/session", None),
    ("GET", "/v1/openapi.json", None),
    ("GET", "/v1/duplicates/decisions", None),
    ("POST", "/v1/facets", {"columns": ["format", "label", "path", "folder"]}),
    ("POST", "/v1/search", {"positive": [{"id": 1}], "explain": 2}),
    ("POST", "/v1/search", {"positive": [{"id": 1}], "group_by": "folder"}),
    ("POST", "/v1/search", {"positive": [{"prompt": "a cat", "seeds": 2, "unrelated": 0}]}),
    ("POST", "/v1/search", {"positive": [{"text": "a cat"}]}),
    ("POST", "/v1/search", {"positive": [{"data": "AAAA"}]}),
    ("POST", "/v1/search", {"positive": [{"prompt": "x", "model": "/etc/passwd"}]}),
    ("POST", "/v1/search", {"positive": [{"id": 1}], "where": "read_text('/etc/passwd') = ''"}),
    ("POST", "/v1/search", {"positive": [{"id": 1}], "sort": "path"}),
    ("POST", "/v1/search/batch", {"searches": [{"positive": [{"id": 99}]}]}),
    ("POST", "/v1/annotations", {"rows": [{"id": 99, "stars": 1}]}),
    ("POST", "/v1/index", {"root": "nowhere"}),
    ("POST", "/v1/generate", {"prompt": "x", "model": "../../etc"}),
)


def test_no_reply_tells_where_files_lie(home: Path) -> None:
    options = ServiceOptions({"colours": home / "colours"}, home / "state")
    with TestClient(create_app(options), base_url=HERE) as client:
        for method, address, body in ASKED:
            answer = client.request(method, address, json=body)
            assert answer.status_code < 500, (address, answer.text)
            told = json.dumps(answer.json(), ensure_ascii=False)
            assert str(home) not in told, address
            assert "secret/" not in told, address
            assert "/etc/" not in told.replace("read_text('/etc/passwd')", ""), address


def test_a_client_names_no_file_and_nothing_to_download(home: Path) -> None:
    options = ServiceOptions({"colours": home / "colours"}, home / "models")
    with TestClient(create_app(options), base_url=HERE) as client:
        for model in ("/etc/passwd", "org/name", "../embedded", ""):
            part = {"prompt": "a cat", "model": model}
            refused = client.post("/v1/search", json={"positive": [part]})
            assert (refused.status_code, refused.json()["code"]) == (422, "bad-input"), model


@pytest.mark.parametrize(
    "address",
    [
        "/v1/images/..%2f..%2fetc%2fpasswd/file",
        "/v1/images/%2e%2e/file",
        "/v1/images/1%00/file",
        "/v1/uploads/..%2f..%2fkeys.jsonl",
        "/v1/uploads/%2e%2e%2fkeys.jsonl",
        "/v1/jobs/..%2f..%2fkeys.jsonl/result",
        "/v1/jobs/%2e%2e/result",
        "/assets/..%2f..%2fpyproject.toml",
        "/assets/%2e%2e/%2e%2e/pyproject.toml",
        "/assets//etc/passwd",
        "/assets/vendor/../../http/app.py",
    ],
)
def test_no_address_leads_out_of_what_is_served(home: Path, address: str) -> None:
    options = ServiceOptions({"colours": home / "colours"}, home / "traversed")
    make_key(home / "traversed", KeyScope.READ)
    with TestClient(create_app(options), base_url=HERE) as client:
        answer = client.get(address)
    assert answer.status_code in (404, 422), answer.text
    assert "sha256" not in answer.text
    assert "root:" not in answer.text
