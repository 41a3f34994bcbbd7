"""``vitrail mcp`` as assistants start it: a process of its own, over standard input and output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ImageContent
from PIL import Image

from tests.indexer.encoders.tiny import save_tower
from tests.service.conftest import Vitrail
from tests.service.http.processes import SECONDS, served
from tests.service.mcp.conftest import ROOT, Assistant, assisted_by
from tests.service.operations.test_comparing_images import scene
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope
from vitrail.service.operations.collection import Collection

IMAGES = 21
CLI = ("-m", "vitrail.service.cli", "mcp")
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    },
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of which the first is there as a copy, too, in a collection by a tiny checkpoint."""
    folder = tmp_path_factory.mktemp("assistants")
    save_tower("vit", folder / "vit")
    (folder / "images").mkdir()
    for number in range(IMAGES):
        scene(number).save(folder / "images" / f"{number}.png")
    scene(0).save(folder / "images" / "copy.webp", quality=95)
    with Collection.create(
        folder / "scenes", checkpoint=str(folder / "vit"), spaces=["mean@2"], runtime="torch"
    ) as collection:
        collection.index(folder / "images")
    return folder


@pytest.fixture(scope="module")
def here(home: Path) -> Iterator[Assistant]:
    """An assistant that asks the collection itself."""
    words = (*CLI, "-c", home / "scenes", "--root", home / "images", "--runtime", "torch")
    with assisted_by(*words, errors=home / "here.log", VITRAIL_CACHE=str(home / "cache")) as one:
        yield one
    assert (home / "here.log").read_text() == ""
    assert [*(home / "cache" / "mcp").iterdir()] == []


def find(assistant: Assistant, home: Path) -> tuple[int, int]:
    """What an assistant does with a photo of this machine: that image, and its copy."""
    info = assistant.told("collection_info")
    assert info["info"]["images"] == IMAGES + 1
    file = str(home / "images" / "0.png")
    found = assistant.call("search", images=[{"path": file}], k=2, show=1)
    told = found.structured_content
    assert [hit["metadata"]["name"] for hit in told["hits"]] == ["0.png", "copy.webp"]
    assert told["receipt"]["exact"] is True
    assert told["receipt"]["encoder"]["fingerprint"] == info["receipt"]["encoder"]["fingerprint"]
    assert isinstance(found.content[1], ImageContent)
    same, copy = (hit["id"] for hit in told["hits"])
    groups = assistant.told("find_duplicates")["groups"]
    assert [{g["keeper"]["id"], g["copies"][0]["id"]} for g in groups] == [{same, copy}]
    return same, copy


def test_a_collection_is_asked_over_standard_input_and_output(here: Assistant, home: Path) -> None:
    assert "generate" not in here.tools()
    same, copy = find(here, home)
    pair = here.told("compare_images", a={"path": str(home / "images" / "0.png")}, b={"id": copy})
    assert pair["same_bytes"] is False
    assert {"cls@1", "mean@2"} <= {one["space"] for one in pair["layers"]}
    assert pair["matching"]["first"] > 0.5
    assert "patches" not in pair
    assert here.told("compare_images", a={"id": same}, b={"id": same})["same_bytes"]
    hits = here.told("search", images=[{"id": 1}], fields=["*"])["hits"]
    assert str(home) not in json.dumps(hits)
    told = here.refused("search", images=[{"path": str(home / "vit" / "config.json")}])
    assert told["code"] == "withheld"
    assert here.refused("search", text="a dog")["code"] == "reads-no-text"


def test_a_job_tells_where_it_is(here: Assistant) -> None:
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async def compare() -> Any:
        return await here.client.call_tool(
            "compare_sets", {"a": "id <= 10", "shown": 2}, progress_callback=hear
        )

    result = here.portal.call(compare)
    assert not result.is_error, result.content
    told = result.structured_content
    assert (told["a"]["images"], told["b"]["images"]) == (10, IMAGES - 9)
    assert told["verdict"]
    assert "nearest" not in told
    assert heard
    assert [number for number, _ in heard] == sorted({number for number, _ in heard})
    assert all(message for _, message in heard)


def test_a_running_service_is_asked_in_the_same_way(home: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    _, reads = make_key(state, KeyScope.READ)
    _, writes = make_key(state, KeyScope.WRITE)
    words = (home / "scenes", "--state", state, "--with-keys", "--runtime", "torch", "--no-warm")
    root = ("--root", home / "images")
    with served(*words) as service:
        there = (*CLI, "--server", f"scenes={service.address}", *root, "--write")
        log = tmp_path / "log"
        with assisted_by(*there, errors=log, VITRAIL_KEY=writes) as assistant:
            assert "generate" in assistant.tools()
            find(assistant, home)
        with assisted_by(*there, errors=log, VITRAIL_KEY=reads) as assistant:
            assert len(assistant.told("search", images=[{"id": 1}], k=3)["hits"]) == 3
            assert assistant.refused("generate", prompt="a fox")["code"] == "not-allowed"
        service.process.kill()
        service.process.wait(SECONDS)
        run = subprocess.run(
            [sys.executable, *CLI, "--server", service.address],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert (run.returncode, run.stdout) == (1, "")
        assert "no service answers at" in run.stderr


@pytest.mark.parametrize("how", ["told", "left", "left and told"])
def test_it_ends_when_it_is_told_to_and_leaves_nothing(
    home: Path, tmp_path: Path, how: str
) -> None:
    """Assistants leave, and tell it to end where that takes longer than they wait."""
    left = tmp_path / "mcp" / "999999999-killed"
    left.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, *CLI, "-c", str(home / "scenes")],
        env={**os.environ, "VITRAIL_CACHE": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(HELLO) + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "vitrail"
    assert not left.exists()
    if how != "told":
        process.stdin.close()
        process.stdin = None
    while how != "left" and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (0, "", "")
    assert [*(tmp_path / "mcp").iterdir()] == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("-c", "none"), 1, "none"),
        (("-c", "none", "--server", "http://127.0.0.1:9"), 2, "--collection"),
        (("--server", "http://127.0.0.1:9", "--show-paths"), 2, "--show-paths is for"),
        (("--server", "nowhere"), 2, "is no address"),
        (("--root", "none"), 2, "--root none is no folder"),
        (("--model", "dream"), 2, "NAME=CHECKPOINT"),
    ],
)
def test_what_cannot_be_started_says_why_in_a_line(
    vitrail: Vitrail, words: tuple[str, ...], code: int, says: str
) -> None:
    done = vitrail("mcp", *words)
    assert (done.code, done.out) == (code, ""), done.err
    assert says in done.err
    assert done.err.count("\n") == 1


def test_an_image_that_is_sent_is_no_larger_than_may_be(here: Assistant, home: Path) -> None:
    Image.new("1", (9_600, 9_600)).save(home / "images" / "wide.png")
    told = here.refused("search", images=[{"path": str(home / "images" / "wide.png")}])
    (home / "images" / "wide.png").unlink()
    assert told["code"] == "unusable-image"
    assert "pixels" in told["detail"]
