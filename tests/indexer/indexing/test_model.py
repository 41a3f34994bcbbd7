"""Random lives of a folder of pictures, indexed now and then, against a plain model."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from PIL import Image

from tests.examples import examples
from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import take_out, tidy
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import RemovalsRefusedError
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.indexer.indexing.pipeline import index_folders

FOLDERS = ("a", "b", "c")
PATHS = st.sampled_from([f"{folder}/{name}.png" for folder in FOLDERS for name in "012"])
NUMBERS = st.integers(0, 7)
# Globs with what they mean, told without them.
EXCLUDES: dict[tuple[str, ...], Callable[[str], bool]] = {
    (): lambda _: False,
    ("a/**",): lambda path: path.startswith("a/"),
    ("1.png", "c/"): lambda path: path.endswith("1.png") or path.startswith("c/"),
}
INCLUDES: dict[tuple[str, ...], Callable[[str], bool]] = {
    (): lambda _: True,
    ("0.*", "b/*"): lambda path: path[2] == "0" or path[0] == "b",
}
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "exclude": st.sampled_from(list(EXCLUDES)),
        "include": st.sampled_from(list(INCLUDES)),
        "label_from": st.sampled_from(["parent", "none"]),
        "keep_missing": st.booleans(),
    },
)


@cache
def picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def content(number: int) -> str:
    return hashlib.sha256(picture(number)).hexdigest()


@dataclass
class Row:
    """A known file: its picture, when it was written, its label, and how it is known."""

    number: int
    time: int
    label: str | None
    state: str = "live"
    missing: bool = False


class FolderMachine(RuleBasedStateMachine):
    """``disk`` is what lies there, ``known`` what the collection should know."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.root, self.away = self.place / "root", self.place / "away"
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True)
        self.encoder = ColourEncoder()
        self.collection = CollectionStore.create(self.place / "home", self.encoder.fingerprint)
        self.disk: dict[str, tuple[int, int]] = {}
        self.known: dict[str, Row] = {}
        self.waiting: set[int] = set()
        self.options: dict[str, Any] = {}
        self.ids: dict[int, int] = {}
        self.clock = 0
        self.mounted = True

    # What happens to the folder

    @precondition(lambda self: self.mounted)
    @rule(path=PATHS, number=NUMBERS)
    def write(self, path: str, number: int) -> None:
        self.clock += 1
        (self.root / path).write_bytes(picture(number))
        os.utime(self.root / path, ns=(0, self.clock * 10**9))
        self.disk[path] = number, self.clock

    @precondition(lambda self: self.mounted and self.disk)
    @rule(data=st.data(), destination=PATHS, copied=st.booleans())
    def move(self, data: st.DataObject, destination: str, copied: bool) -> None:
        source = data.draw(st.sampled_from(sorted(self.disk)))
        if copied:
            self.write(destination, self.disk[source][0])
        elif source != destination:
            os.replace(self.root / source, self.root / destination)
            self.disk[destination] = self.disk.pop(source)

    @precondition(lambda self: self.mounted and self.disk)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.disk)))
        (self.root / path).unlink()
        del self.disk[path]

    @rule()
    def mount(self) -> None:
        if self.mounted:
            self.root.rename(self.away)
            self.root.mkdir()
        else:
            self.root.rmdir()
            self.away.rename(self.root)
        self.mounted = not self.mounted

    # What happens to the collection

    @rule(given=OPTIONS, accept=st.booleans(), rehash=st.booleans())
    def index(self, given: dict[str, Any], accept: bool, rehash: bool) -> None:
        options = self.options | given
        there = self.disk if self.mounted else {}
        chosen = {path: file for path, file in there.items() if self.takes(path, options)}
        opened = {
            p
            for p, (_, time) in chosen.items()
            if p not in self.known or self.known[p].time != time
        }
        back = {p for p in chosen.keys() - opened if self.known[p].missing}
        back = {p for p in back if self.known[p].state != "removed"}
        left = {p for p, row in self.known.items() if p not in chosen and self.is_here(row)}
        excluded = {p for p in left if not self.takes(p, options) and self.known[p].state == "live"}
        gone = left - excluded - there.keys()
        shown = {p for p, row in self.known.items() if row.state == "live" and not row.missing}
        asked = IndexOptions(**given, accept_removals=accept, rehash=rehash)
        lost = not self.mounted and gone & shown and not options.get("keep_missing")
        before = sum(self.encoder.sizes)
        try:
            done = index_folders(self.collection, self.encoder, [str(self.root)], options=asked)
        except RemovalsRefusedError:
            assert lost
            assert not accept
            return
        assert accept or not lost
        self.options = options
        lacking = (done.missing, done.gone) if options.get("keep_missing") else (done.gone, 0)
        assert (*lacking, done.excluded) == (len(gone & shown), 0, len(excluded & shown))
        new = {chosen[p][0] for p in opened} - self.contents() - self.moved(gone)
        assert sum(self.encoder.sizes) - before == done.encoded == len(new)
        self.put(opened | back, chosen, new, gone)
        self.label(chosen.keys() - opened - back, options)
        if options.get("keep_missing"):
            self.leave(excluded)
            for path in gone:
                self.known[path].missing = True
        else:
            self.leave(excluded)
            self.leave(gone)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        candidates = sorted(p for p, row in self.known.items() if row.state != "removed")
        if not candidates:
            return
        paths = data.draw(st.sets(st.sampled_from(candidates), min_size=1))
        take_out(self.collection, sorted(str(self.root / path) for path in paths))
        for number in {self.known[path].number for path in paths}:
            if self.rows(number) <= paths:
                self.waiting.discard(number)
        for path in paths:
            self.known[path].state = "removed"

    @rule(now=st.booleans())
    def tidy(self, now: bool) -> None:
        done = tidy(self.collection, now=now)
        assert done.given_up == (len(self.waiting) if now else 0)
        if now:
            self.waiting.clear()
            for path in [p for p, r in self.known.items() if r.missing and r.state != "live"]:
                del self.known[path]

    @rule(tidies=st.booleans())
    def reopen(self, tidies: bool) -> None:
        if not tidies:
            self.collection.forget_changes()
        self.collection.close()
        self.collection = CollectionStore.open(self.place / "home", writable=True)

    # The model

    def takes(self, path: str, options: dict[str, Any]) -> bool:
        excluded = EXCLUDES[options.get("exclude", ())](path)
        return not excluded and INCLUDES[options.get("include", ())](path)

    def is_here(self, row: Row) -> bool:
        return row.state == "live" or not row.missing

    def rows(self, number: int) -> set[str]:
        """Paths of a live or waiting picture."""
        return {p for p, r in self.known.items() if r.number == number and r.state != "removed"}

    def live(self) -> set[int]:
        return {row.number for row in self.known.values() if row.state == "live"}

    def contents(self) -> set[int]:
        """Pictures that need not be embedded."""
        return self.live() | self.waiting

    def moved(self, gone: set[str]) -> set[int]:
        """Removed pictures whose files are not where they were."""
        removed = {p: r for p, r in self.known.items() if r.state == "removed"}
        return {row.number for path, row in removed.items() if row.missing or path in gone}

    def put(
        self, paths: set[str], chosen: dict[str, tuple[int, int]], new: set[int], gone: set[str]
    ) -> None:
        live, waiting = self.live(), set(self.waiting)
        losers = {
            self.known[p].number for p in paths if p in self.known and self.known[p].state == "live"
        }
        back = set()
        for path in paths:
            number, time = chosen[path]
            before = self.known.get(path)
            same = before is not None and before.time == time
            label = before.label if same and before is not None else None
            self.known[path] = Row(number, time, self.labelled(path, label), "live")
            if number not in live | waiting | new:
                self.known[path].state = "removed"
            elif number in waiting:
                back.add(number)
        for number in back:  # what else was remembered of it is forgotten
            self.waiting.discard(number)
            for path in self.rows(number):
                if self.known[path].state == "waiting":
                    del self.known[path]
        for number in losers - self.live():
            self.waiting.add(number)

    def labelled(self, path: str, before: str | None) -> str | None:
        said = self.options.get("label_from")
        return before if said is None else path[0] if said == "parent" else None

    def label(self, paths: set[str], options: dict[str, Any]) -> None:
        for path in paths:
            if self.known[path].state == "live":
                self.known[path].label = self.labelled(path, self.known[path].label)

    def leave(self, paths: set[str]) -> None:
        for number in {self.known[p].number for p in paths if self.known[p].state == "live"}:
            held = self.rows(number)
            if held <= paths:
                self.waiting.add(number)
                for path in held:
                    self.known[path].state, self.known[path].missing = "waiting", True
            else:
                for path in held & paths:
                    del self.known[path]
        for path in paths & self.known.keys():
            self.known[path].missing = True

    @invariant()
    def agrees(self) -> None:
        live = self.live()
        assert self.collection.content_hashes() == {content(number) for number in live}
        assert self.collection.embedded_hashes() == {content(number) for number in self.contents()}
        found = {
            os.path.relpath(path, self.root): (one.state, one.missing)
            for path, one in self.collection.known_files().items()
        }
        assert found == {path: (row.state, row.missing) for path, row in self.known.items()}
        self.check_images(live)
        self.ids = {n: i for n, i in self.ids.items() if n in self.contents()}

    def check_images(self, live: set[int]) -> None:
        numbers = {content(number): number for number in live}
        ids = self.collection.allowed_ids("true").tolist()
        assert self.collection.index("mean@1").ids().tolist() == ids
        for row in self.collection.metadata(ids):
            number = numbers[row["content_hash"]]
            assert self.ids.setdefault(number, row["id"]) == row["id"]
            paths = {os.path.relpath(path, self.root) for path in row["paths"]}
            assert paths == self.rows(number)
            assert row["label"] == self.known[os.path.relpath(row["path"], self.root)].label

    def teardown(self) -> None:
        self.collection.close()
        report = verify(self.place / "home")
        assert report.clean, report.damage
        shutil.rmtree(self.place)


FolderMachine.TestCase.settings = settings(
    max_examples=examples(10),
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TestFolders = FolderMachine.TestCase
