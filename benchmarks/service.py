"""The service under load on loopback, beside what users write, and clip-retrieval's way.

    python -m benchmarks.service --sizes 100000 --clients 1 8 32 --seconds 10

Each is a process of its own, and so is what asks: by id, by vector, and by photographs of three
megapixels as a form sends them. The service answers with metadata, rates, words and a receipt, and
holds what scores are worth; the others answer with what their authors would have written. A call
in a process that holds the collection open tells what HTTP adds. With ``--writing``, another
process commits an image twice a second meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import psutil

from benchmarks import http_load, machine, report
from benchmarks.holdings import flat, large
from benchmarks.pictures import photos
from vitrail.indexer.wording import counted

ASKED = 512  # requests that are sent over and over
PHOTOS = 32
K = 10
OURS, HANDLER, RETRIEVAL = "vitrail serve", "plain FastAPI handler", "clip-retrieval's way"
WAYS = ("by id", "by vector", "by photograph")
_READY_SECONDS = 900  # a contender builds its index when it starts
_WRITE_SECONDS = 0.5


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(command: Sequence[str], port: int, probe: str) -> Iterator[psutil.Process]:
    """A service while it runs, once it answers."""
    process = subprocess.Popen([*command], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + _READY_SECONDS
        while not _answers(port, probe):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{command[2:]} did not come to answer")
            time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int, probe: str) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}{probe}", timeout=5):
            return True
    except URLError as error:
        return "HTTP Error" in str(error)  # of whoever has no such address, but answers
    except OSError:
        return False


def load(port: int, clients: int, seconds: float, requests: Path) -> dict[str, Any]:
    """What so many clients see for so long."""
    words = [str(port), str(clients), str(seconds), str(requests)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load", *words], stdout=subprocess.PIPE, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def questions(size: int, scratch: Path) -> dict[str, dict[str, Path]]:
    """Way -> service -> its requests, the same questions for all."""
    import faiss

    index = faiss.read_index(str(flat(size)))
    space = _space(size)
    numbers = np.random.default_rng(5).choice(size - 1, min(ASKED, size - 1), replace=False) + 1
    vectors = [index.reconstruct(int(n)).tolist() for n in numbers]
    pictures = [path.read_bytes() for path in sorted(photos(PHOTOS).iterdir())[:PHOTOS]]
    forms = [http_load.form("image", data) for data in pictures]
    made = {
        "by id": (
            [_ours({"id": int(n)}) for n in numbers],
            [_plain({"id": int(n)}) for n in numbers],
        ),
        "by vector": (
            [_ours({"vector": {space: vector}}) for vector in vectors],
            [_plain({"vector": vector}) for vector in vectors],
        ),
        "by photograph": (
            [http_load.request(f"/v1/search/image?k={K}", *form) for form in forms],
            [http_load.request("/upload", *form) for form in forms],
        ),
    }
    found: dict[str, dict[str, Path]] = {}
    for way, (ours, plain) in made.items():
        found[way] = {}
        for name, sent in (("ours", ours), ("plain", plain)):
            path = scratch / f"{way}-{name}".replace(" ", "-")
            http_load.save(sent, path)
            found[way][name] = path
    return found


def _space(size: int) -> str:
    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(large(size)) as store:
        return next(iter(store.spaces))


def _ours(part: dict[str, Any]) -> bytes:
    return http_load.request("/v1/search", json.dumps({"positive": [part], "k": K}).encode())


def _plain(asked: dict[str, Any]) -> bytes:
    return http_load.request("/search", json.dumps(asked).encode())


def in_process(size: int) -> dict[str, float]:
    """Median seconds of a call by id, in a process of its own that has warmed up."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.service", "call", str(size)],
        stdout=subprocess.PIPE,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def call(size: int) -> None:
    """What ``in_process`` runs."""
    from vitrail.service.operations.collection import Collection
    from vitrail.service.operations.warming import warm

    with Collection.open(large(size)) as collection:
        warm(collection, encoder=False)
        took, spent = [], time.process_time()
        for number in np.random.default_rng(6).choice(size - 1, 2 * ASKED, replace=False) + 1:
            began = time.perf_counter()
            collection.similar(int(number), k=K)
            took.append(time.perf_counter() - began)
        spent = (time.process_time() - spent) / len(took)
    print(json.dumps({**http_load.summary(took[ASKED:], sum(took[ASKED:])), "cpu": spent}))


@contextmanager
def writing(place: Path, busy: bool) -> Iterator[None]:
    """Another process that commits to a collection meanwhile, if it is to be busy."""
    if not busy:
        yield
        return
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.service", "write", str(place)])
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def write(place: str) -> None:
    """Commit an image, again and again; what ``writing`` runs."""
    from benchmarks.holdings import made_batch
    from vitrail.indexer.collection.store import CollectionStore

    rng, number = np.random.default_rng(os.getpid()), 10**9
    with CollectionStore.open(place, writable=True) as store:
        ((space, dim),) = store.fingerprint.spaces
        while True:
            row = rng.standard_normal((1, dim), np.float32)
            store.commit(made_batch(number, space, row / np.linalg.norm(row)))
            number += 1
            time.sleep(_WRITE_SECONDS)


def measure(
    name: str, process: psutil.Process, port: int, asked: dict[str, dict[str, Path]], options: Any
) -> list[dict[str, Any]]:
    """Every way of asking one service, by each number of clients."""
    kind = "ours" if name == OURS else "plain"
    rows = []
    for way in options.ways:
        seconds = options.seconds
        load(port, 2, min(seconds, 3), asked[way][kind])  # what is made at the first use
        for clients in options.clients:
            before = process.cpu_times()
            told = load(port, clients, seconds, asked[way][kind])
            after = process.cpu_times()
            spent = after.user + after.system - before.user - before.system
            rows.append(
                {
                    "service": name,
                    "way": way,
                    "clients": clients,
                    **told,
                    "cpu": spent / told["requests"],
                    "memory": process.memory_info().rss,
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def measure_all(size: int, scratch: Path, options: Any) -> dict[str, Any]:
    """All services over one collection, one after the other, and the call without any."""
    asked = questions(size, scratch)
    rows: list[dict[str, Any]] = []
    for name in (OURS, *((HANDLER, RETRIEVAL) if not options.alone else ())):
        port = free_port()
        with serving(_command(name, large(size), size, port, scratch), port, _probe(name)) as one:
            time.sleep(options.settle)  # the service loads ahead what it will need
            rows += measure(name, one, port, asked, options)
    written = _beside_writes(size, scratch, asked, options) if options.writing else []
    return {"size": size, "rows": rows, "in_process": in_process(size), "writing": written}


def _beside_writes(
    size: int, scratch: Path, asked: dict[str, dict[str, Path]], options: Any
) -> list[dict[str, Any]]:
    place = Path(shutil.copytree(large(size), scratch / f"written-{size}"))
    port, rows = free_port(), []
    with serving(_command(OURS, place, size, port, scratch), port, _probe(OURS)):
        time.sleep(options.settle)
        for busy in (False, True, False, True):
            with writing(place, busy):
                time.sleep(2)
                told = load(port, 8, options.seconds, asked["by id"]["ours"])
            rows.append({"writing": busy, **told})
            print(json.dumps(rows[-1]), flush=True)
    shutil.rmtree(place)
    return rows


def _command(name: str, place: Path, size: int, port: int, scratch: Path) -> list[str]:
    if name == OURS:
        words = ["serve", "--collection", str(place), "--port", str(port)]
        start = "from vitrail.service.cli import main; main()"
        return [sys.executable, "-c", start, *words, "--state", str(scratch / f"state-{port}")]
    way = "handler" if name == HANDLER else "retrieval"
    return [sys.executable, "-m", "benchmarks.service_contenders", way, str(size), str(port)]


def _probe(name: str) -> str:
    return "/v1/readyz" if name == OURS else "/"


def markdown(content: dict[str, Any]) -> str:
    """The page for people."""
    parts = [
        report.heading("The service under load", content["machine"]),
        f"{content['seconds']:g} s each, on loopback, {K} hits, photographs of 2048 x 1536.\n",
    ]
    for one in content["sizes"]:
        parts += [f"## {one['size']:,} images\n", _table(one), _added(one)]
    return "\n".join(parts)


def _table(one: dict[str, Any]) -> str:
    columns = ["", "clients", "p50", "p99", "requests/s", "of a processor", "memory"]
    rows = [
        [
            f"{row['way']}: {row['service']}",
            str(row["clients"]),
            f"{1e3 * row['p50']:,.1f} ms",
            f"{1e3 * row['p99']:,.1f} ms",
            f"{row['per_second']:,.1f}",
            f"{1e3 * row['cpu']:,.1f} ms",
            report.megabytes(row["memory"]),
        ]
        for row in sorted(one["rows"], key=lambda row: (WAYS.index(row["way"]), row["clients"]))
    ]
    return report.table(columns, rows)


def _added(one: dict[str, Any]) -> str:
    alone, told = one["in_process"], ""
    for row in [r for r in one["rows"] if (r["service"], r["way"]) == (OURS, "by id")][:1]:
        clients = counted(row["clients"], "client")
        told = (
            f"\nBy id a call within a process takes {1e3 * alone['p50']:.1f} ms (p50), an answer "
        )
        told += f"to {clients} of the service {1e3 * row['p50']:.1f} ms; of a processor they take "
        told += f"{1e3 * alone['cpu']:.1f} and {1e3 * row['cpu']:.1f} ms.\n"
    for way in (False, True):
        rates = [r["per_second"] for r in one["writing"] if r["writing"] is way]
        if rates:
            told += f"{'While an image is committed twice a second' if way else 'Alone'}, 8 "
            told += f"clients get {np.mean(rates):,.0f} answers a second.\n"
    return told


def main() -> None:
    if sys.argv[1:2] == ["call"]:
        return call(int(sys.argv[2]))
    if sys.argv[1:2] == ["write"]:
        return write(sys.argv[2])
    parser = argparse.ArgumentParser(description="the service under load; see the module's text")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--settle", type=float, default=10.0)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--alone", action="store_true", help="the service without the others")
    parser.add_argument("--writing", action="store_true", help="also while images are committed")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    started = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as scratch:
        content = {
            "machine": machine.describe(machine.command_line("benchmarks.service")),
            "load_when_starting": started,
            "seconds": options.seconds,
            "sizes": [measure_all(size, Path(scratch), options) for size in options.sizes],
        }
    report.write("service", content, markdown(content), options.results)
    return None


if __name__ == "__main__":
    main()
