"""How long a reader takes to see one change more, and what memory that takes, old against new.

    git worktree add ../before COMMIT
    python -m benchmarks.refreshing --sizes 10000 100000 1000000 --before ../before

Images have files, labels, recipes for every second one, predictions and two columns of the user's
own. A reader that has loaded all (the index, metadata, the table that filters read) is a process of
its own; another adds one image, gives a file another label, annotates an image, removes one, and
after each the reader refreshes, asks for metadata and filters. The versions do so in turns, and
have to answer the same, which is also what a reader that is opened anew answers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO, Any

import numpy as np

ROOT = Path(__file__).parent.parent
DIM = 16
SPACE = "cls@1"
COMMITTED = 20_000
FILTERS = (
    "label = 'kind-007'",
    "width > 1200 and prompt like '%7 foxes%'",
    "who = 'user 3' and score > 10",
    "name like '%99.jpg'",
    "list_contains(labels, 'thing 5') and not generated",
)


def content(number: int) -> str:
    """The made-up sha256 of an image."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def path_of(number: int) -> str:
    """The made-up path of an image: elsewhere than any real one."""
    return f"/made/up/kind-{number % 1000:03}/{number:08}.jpg"


def batch(numbers: range, label: str | None = None) -> Any:
    """Images, and their files, as a commit takes them."""
    from vitrail.indexer.records import Batch, FileRecord, ImageRecord

    rng = np.random.default_rng(numbers.start)
    rows = rng.standard_normal((len(numbers), DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    images = [
        ImageRecord(
            content_hash=content(number),
            width=1024 + number % 512,
            height=768,
            format="PNG",
            bytes=100_000 + number,
            taken_at=None,
            camera=f"camera {number % 20}",
            generated=number % 2 == 0,
            recipe=_recipe(number) if number % 2 == 0 else None,
            vectors={SPACE: row},
            predictions=tuple((f"thing {number * n % 1000}", 0.5**n) for n in (1, 2, 3)),
        )
        for number, row in zip(numbers, rows, strict=True)
    ]
    files = [
        FileRecord(path_of(n), 1000, 1, content(n), label or f"kind-{n % 1000:03}") for n in numbers
    ]
    return Batch(images, files)


def _recipe(number: int) -> dict[str, Any]:
    return {
        "task": "text-to-image",
        "prompt": f"a picture of {number % 1000} foxes in a field of glass, detailed",
        "checkpoint": "some/diffusion-checkpoint",
        "seed": number,
        "steps": 30,
    }


def made(size: int, folder: Path) -> Path:
    """A collection of so many images, made once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.fingerprint import Fingerprint

    place = folder / f"refreshed-{size}"
    if place.is_dir():
        return place
    print(f"making {size:,} images", flush=True)
    partial = place.with_name(place.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    fingerprint = Fingerprint("made-up", "0" * 64, {"size": [8, 8]}, ((SPACE, DIM),))
    with CollectionStore.create(partial, fingerprint) as writer:
        for start in range(0, size, COMMITTED):
            writer.commit(batch(range(start, min(size, start + COMMITTED))))
        numbers = range(0, size, 3)
        own = {
            "path": [path_of(number) for number in numbers],
            "score": [number / 7 for number in numbers],
            "who": [f"user {number % 9}" for number in numbers],
        }
        with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as scratch:
            pq.write_table(pa.table(own), f"{scratch}/own.parquet")
            writer.annotate(f"{scratch}/own.parquet")
    os.rename(partial, place)
    return place


# The reader, in a process of its own: of the version whose folder is first on the path.


def read(place: str, size: int) -> None:
    """Answer, for each line that is read, what a refresh costs and what is seen then."""
    from vitrail.indexer.collection.store import CollectionStore

    started = time.perf_counter()
    reader = CollectionStore.open(place)
    opened = time.perf_counter()
    reader.warm()
    warm = time.perf_counter()
    _tell({"open": opened - started, "warm": warm - opened, "memory": _resident()})
    for line in sys.stdin:
        if line.startswith("digest"):
            _tell({"digest": digest(reader, size)})
            continue
        before = _resident()
        _forget_peak()
        times = [time.perf_counter()]
        moved = reader.refresh()
        times.append(time.perf_counter())
        peak = _peak()
        reader.metadata(range(1, 11))
        times.append(time.perf_counter())
        reader.allowed_ids("label = 'kind-007'")
        times.append(time.perf_counter())
        refresh, metadata, filtering = np.diff(times).tolist()
        _tell(
            {
                "moved": moved,
                "refresh": refresh,
                "metadata": metadata,
                "filter": filtering,
                "peak": max(0, peak - before),
                "after": _resident(),
            }
        )


def digest(reader: Any, size: int) -> str:
    """What a reader answers, as a number: filters, metadata of a sample, lists and counts."""
    from vitrail.indexer.catalog.listing import Listing

    found = hashlib.sha256()
    for where in FILTERS:
        found.update(reader.allowed_ids(where).tobytes())
    live = reader.allowed_ids("true")
    found.update(live.tobytes())
    ids = np.unique(np.concatenate([live[:: max(1, len(live) // 1000)], live[-50:]])).tolist()
    found.update(repr(reader.metadata(ids)).encode())
    with reader.listed(Listing(sort=("-added_at", "path"), limit=200)) as (columns, rows):
        found.update(repr((columns, list(rows))).encode())
    state = reader.state
    found.update(repr((state.seq, state.images, state.deletions, len(state.segments))).encode())
    query = reader.vectors([int(live[-1])], SPACE)
    found.update(reader.index(SPACE).search(query, 10).ids.tobytes())
    found.update(repr([reader.rejects(), reader.roots(), size]).encode())
    return found.hexdigest()


def _tell(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def _resident() -> int:
    return _status("VmRSS:")


def _peak() -> int:
    return _status("VmHWM:")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


# What is done to a collection, and who tells how long readers took.


class Reader:
    """A reader's process of one version.

    Args:
        version: folder of its source.
        place: the collection.
        size: images that it was made with.
    """

    def __init__(self, version: Path, place: Path, size: int) -> None:
        command = [sys.executable, "-W", "ignore", __file__, "read", str(place), str(size)]
        paths = os.pathsep.join([str(version), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=version,
            env={**os.environ, "PYTHONPATH": paths},
        )
        self.opened = self._answer()

    def ask(self, word: str) -> dict[str, Any]:
        """Say a word and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(_line(self._process.stdout))
        return answer


def _line(stream: IO[str]) -> str:
    line = stream.readline()
    if not line:
        raise SystemExit("a reader ended; its error is above")
    return line


def changes(place: Path, size: int, repeats: int) -> Iterator[str]:
    """Change a collection, and tell how; each time it is closed before."""
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.records import Batch, FileRecord

    table = place.parent / "one.csv"
    for turn in range(repeats):
        with _writer(CollectionStore, place) as writer:
            writer.commit(batch(range(size + turn, size + turn + 1), label="added"))
        yield "one image added"
        number = size // 2 + turn
        with _writer(CollectionStore, place) as writer:
            file = FileRecord(path_of(number), 1000, 1, content(number), f"other-{turn}")
            writer.commit(Batch(files=[file]))
        yield "one file given another label"
        table.write_text(f"path,score,who\n{path_of(number + 1000)},{turn}.5,me\n")
        with _writer(CollectionStore, place) as writer:
            writer.annotate(str(table))
        yield "one image annotated"
        with _writer(CollectionStore, place) as writer:
            writer.remove([number + 2000])
        yield "one image removed"
        start = size + 100_000 + 1000 * turn
        with _writer(CollectionStore, place) as writer:
            writer.commit(batch(range(start, start + 1000)))
        yield "1,000 images added"


@contextmanager
def _writer(store: Any, place: Path) -> Iterator[Any]:
    with store.open(place, writable=True) as writer:
        yield writer
        writer.forget_changes()  # no merges: these are measured elsewhere


def measure(size: int, versions: dict[str, Path], repeats: int, folder: Path) -> dict[str, Any]:
    """All that is told of one size: what each version took, after each kind of change."""
    with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as scratch:
        place = Path(shutil.copytree(made(size, folder), Path(scratch) / "collection"))
        readers = {name: Reader(version, place, size) for name, version in versions.items()}
        took: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in versions}
        for number, what in enumerate(changes(place, size, repeats)):
            order = list(readers)[:: 1 if number % 2 else -1]
            for name in order:
                answer = readers[name].ask("refresh")
                assert answer["moved"]
                took[name].setdefault(what, []).append(answer)
        seen = {name: reader.ask("digest")["digest"] for name, reader in readers.items()}
        anew = Reader(ROOT, place, size)
        seen["anew"] = anew.ask("digest")["digest"]
        for reader in (*readers.values(), anew):
            reader.close()
        if len(set(seen.values())) > 1:
            raise SystemExit(f"{size:,} images: the answers differ: {seen}")
        opened = {name: reader.opened for name, reader in readers.items()}
    return {"size": size, "opened": opened, "took": took, "alike": sorted(seen)}


def markdown(content: dict[str, Any]) -> str:
    """The page for people."""
    from benchmarks import report

    rows = []
    for result in content["results"]:
        for what in next(iter(result["took"].values())):
            for name, took in result["took"].items():
                some = took[what]
                times = (
                    f"{1e3 * median(one[key] for one in some):,.1f} ms"
                    for key in ("refresh", "metadata", "filter")
                )
                slowest = f"{1e3 * max(one['refresh'] for one in some):,.1f} ms"
                peak = report.megabytes(max(one["peak"] for one in some))
                after = report.megabytes(some[-1]["after"])
                rows.append([f"{result['size']:,}", what, name, *times, slowest, peak, after])
    columns = ("images", "change", "version", "refresh", "metadata", "filter")
    return "\n".join(
        [
            report.heading("Refreshing", content["machine"]),
            f"Medians of {content['repeats']} refreshes of a reader that has loaded all, then the "
            "first metadata of ten images and the first filter; the slowest refresh, the most "
            "memory that one took beside what was resident, and what is resident in the end. All "
            "versions and a reader that was opened anew then answered the same.\n",
            report.table((*columns, "slowest", "peak", "resident"), rows),
            "",
        ]
    )


def main() -> None:
    if sys.argv[1:2] == ["read"]:
        read(sys.argv[2], int(sys.argv[3]))
        return
    from benchmarks import machine, report
    from benchmarks.pictures import cache_folder

    parser = argparse.ArgumentParser(description="refreshing benchmark; see the module's text")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--before", type=Path, help="folder of another version's source")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    versions = {"now": ROOT}
    if options.before is not None:
        versions["before"] = options.before.resolve()
    results: list[dict[str, Any]] = []
    content = {
        "machine": machine.describe(machine.command_line("benchmarks.refreshing")),
        "repeats": options.repeats,
        "results": results,
    }
    for size in options.sizes:
        results.append(measure(size, versions, options.repeats, cache_folder()))
        report.write("refreshing", content, markdown(content), options.results)


if __name__ == "__main__":
    main()
