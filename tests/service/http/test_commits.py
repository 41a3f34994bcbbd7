"""Requests while the collection moves on: each answer is whole, of one commit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.testclient import TestClient

READERS = 4


def test_each_answer_is_of_one_commit(writer: TestClient) -> None:
    ended = threading.Event()
    seen: list[tuple[int, str, frozenset[int], int]] = []
    guard = threading.Lock()

    def read(number: int) -> None:
        where = "seen >= 0" if number % 2 else "true"
        body = {"positive": [{"id": 12}], "k": 100, "where": where, "fields": ["seen"]}
        while not ended.is_set():
            told: dict[str, Any] = writer.post("/v1/search", json=body).json()
            listed = writer.get("/v1/images", params={"where": where, "fields": "seen"}).json()
            for reply, found in (("hits", told), ("images", listed)):
                values = {one["metadata"]["seen"] for one in found[reply]}
                assert len(values) == 1, values  # all of one commit's annotation
                ids = frozenset(one["id"] for one in found[reply])
                with guard:
                    seen.append((found["receipt"]["commit"], reply, ids, values.pop()))

    ids = list(range(1, 13))
    writer.post("/v1/annotations", json={"ids": ids, "columns": {"seen": 0}})
    with ThreadPoolExecutor(READERS) as pool:
        reading = [pool.submit(read, number) for number in range(READERS)]
        try:
            for step in range(1, 6):
                sent = {"ids": ids, "columns": {"seen": step}}
                assert writer.post("/v1/annotations", json=sent).status_code == 200
                assert writer.delete(f"/v1/images/{step}").status_code == 200
        finally:
            ended.set()
        for one in reading:
            one.result(60)
    commits = {commit for commit, *_ in seen}
    assert len(commits) > 1
    for commit in commits:
        for reply in ("hits", "images"):
            assert len({(ids, v) for c, r, ids, v in seen if (c, r) == (commit, reply)}) <= 1
