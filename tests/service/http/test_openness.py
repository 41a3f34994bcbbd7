"""Over every address that the service has: who gets in, and that no reply tells where files lie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.testclient import TestClient

from tests.service.colours import CHECKPOINT, TwoSpaceEncoder, colour_fingerprint
from tests.service.http.colours import painting
from vitrail.indexer import encoders
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope, needed
from vitrail.service.operations.collection import Collection

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


@pytest.mark.parametrize("column", ["path", "-Folder", "paths"])
def test_no_order_tells_where_files_lie(home: Path, column: str) -> None:
    asked = {"positive": [{"id": 1}], "sort": [column]}
    with TestClient(
        create_app(ServiceOptions({"colours": home / "colours"}, home / "sorted")), base_url=HERE
    ) as client:
        (one,) = client.post("/v1/search/batch", json={"searches": [asked]}).json()["answers"]
        told = [
            one["problem"],
            client.get("/v1/images", params={"sort": column}).json(),
            client.post("/v1/search", json=asked).json(),
            client.post("/v1/prompt-search", json=asked).json(),
            client.post("/v1/jobs", json={"kind": "prompt-search", **asked}).json(),
        ]
    assert [(one["status"], one["code"]) for one in told] == [(403, "withheld")] * 5, told


@pytest.fixture
def placed(tmp_path: Path) -> Iterator[ServiceOptions]:
    """A collection whose encoder, and what made its image, lie in folders of somebody's own."""

    def told(_: str, spaces: Sequence[str] = ()) -> Fingerprint:
        return replace(colour_fingerprint(CHECKPOINT, spaces), checkpoint="/opt/secret/my vit")

    class Placed(TwoSpaceEncoder):
        @property
        def fingerprint(self) -> Fingerprint:
            return told(CHECKPOINT, [space.name for space in self.spaces])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "read_fingerprint", told)
        patch.setattr(encoders, "load_encoder", lambda _: Placed(["mean@1"]))
        info = PngInfo()
        info.add_text(
            "parameters", "a fox\nSteps: 20, Seed: 1, Size: 16x16, Model: /opt/secret/fox"
        )
        (tmp_path / "images").mkdir()
        Image.new("RGB", (16, 16), (9, 90, 200)).save(tmp_path / "images" / "a.png", pnginfo=info)
        with Collection.create(tmp_path / "c", checkpoint="/opt/secret/my vit") as made:
            made.index(tmp_path / "images")
        yield ServiceOptions({"c": tmp_path / "c"}, tmp_path / "state", warm=False)


NAMING: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/collection", None),
    ("GET", "/v1/collections", None),
    ("GET", "/v1/images?fields=model&fields=recipe", None),
    ("GET", "/v1/images/1", None),
    ("GET", "/v1/images/1/recipe", None),
    ("POST", "/v1/facets", {"columns": ["model"]}),
    ("POST", "/v1/search", {"positive": [{"id": 1}], "group_by": "model"}),
    ("POST", "/v1/search/scores", {"positive": [{"id": 1}]}),
)


@pytest.mark.parametrize("places", [False, True])
def test_a_model_that_lies_somewhere_is_told_by_its_name(
    placed: ServiceOptions, places: bool
) -> None:
    with TestClient(create_app(replace(placed, paths=places)), base_url=HERE) as client:
        for method, address, body in NAMING:
            answer = client.request(method, address, json=body)
            assert answer.status_code == 200, (address, answer.text)
            assert ("/opt/secret" in answer.text) is places, (address, answer.text)
            assert "my vit" in answer.text or "fox" in answer.text, address


@pytest.mark.parametrize("held", [{"is": "fox"}, {"in": ["fox", "x"]}, {"is": "/opt/secret/fox"}])
def test_a_model_is_found_by_the_name_that_is_told(
    placed: ServiceOptions, held: dict[str, Any]
) -> None:
    with TestClient(create_app(placed), base_url=HERE) as client:
        told = client.get("/v1/images", params={"filter": json.dumps({"column": "model"} | held)})
        assert told.json()["total"] == 1
        other = {"filter": json.dumps({"column": "model", "is": "ox"})}
        assert client.get("/v1/images", params=other).json()["total"] == 0


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
