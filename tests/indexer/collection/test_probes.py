"""Files of probes: whole or not there, told apart from damaged ones, and set aside by a repair."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import ColourEncoder
from vitrail.indexer.collection import probes
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import DamagedError, UnreadableError
from vitrail.indexer.files import durability

TOLD = {"column": "label", "commit": 3}
ARRAYS = {"mean": np.arange(4, dtype=np.float32), "weights": np.ones((4, 2), np.float32)}
DATA = probes.pack(TOLD, ARRAYS)
NAME = probes.name_of("label", "gem@9")


@pytest.fixture
def directory(tmp_path: Path) -> str:
    CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint).close()
    return str(tmp_path / "c")


def test_what_was_written_is_read() -> None:
    told, arrays = probes.unpack(DATA)
    assert told == TOLD
    assert all((arrays[name] == one).all() for name, one in ARRAYS.items())


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_byte_that_differs_is_noticed(place: int, change: int) -> None:
    altered = bytearray(DATA)
    altered[place] ^= change
    try:
        told, arrays = probes.unpack(bytes(altered))
    except DamagedError:
        return
    # white space of the header may differ, what it says may not
    assert told == TOLD
    assert arrays.keys() == ARRAYS.keys()
    assert all((arrays[name] == one).all() for name, one in ARRAYS.items())


@given(st.integers(0, len(DATA) - 1))
def test_a_torn_file_is_noticed(length: int) -> None:
    with pytest.raises(DamagedError, match="vitrail verify --repair"):
        probes.unpack(DATA[:length])


def test_names_depend_on_column_and_space_and_hold_nothing_of_them() -> None:
    names = {probes.name_of(c, s) for c in ("label", "../x", "a/b") for s in ("gem@9", "gem@9/w")}
    assert len(names) == 6
    assert all("/" not in name and ".." not in name for name in names)
    assert probes.name_of("Label", "gem@9") == NAME


def test_verify_and_repair(directory: str) -> None:
    probes.write_probe(directory, NAME, DATA)
    assert verify(directory).clean
    path = Path(directory) / probes.FOLDER / NAME
    path.write_bytes(DATA[:-1])
    (finding,) = verify(directory).damage
    assert (finding.part, finding.kind) == ("probe", "damaged")
    assert NAME in finding.file
    (action,) = repair(directory).actions
    assert "set aside" in action
    assert verify(directory).clean
    assert not path.exists()
    assert path.with_name(NAME + ".damaged-1").read_bytes() == DATA[:-1]
    assert probes.read_probe(directory, NAME) is None


def test_what_cannot_be_read_now_is_left(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    probes.write_probe(directory, NAME, DATA)

    def refused(_: str) -> bytes:
        raise UnreadableError("not now")

    monkeypatch.setattr(probes, "read_bytes", refused)
    (finding,) = verify(directory).unreadable
    assert finding.part == "probe"
    assert "left as it is" in repair(directory).actions[0]
    assert (Path(directory) / probes.FOLDER / NAME).read_bytes() == DATA


@pytest.mark.parametrize("where", ["file", "folder"])
def test_what_lies_in_its_place_is_to_be_moved_away(directory: str, where: str) -> None:
    folder = Path(directory) / probes.FOLDER
    if where == "file":
        (folder / NAME).mkdir(parents=True)
        probes.write_probe(directory, probes.name_of("other", "gem@9"), DATA)
    else:
        folder.touch()
    told = rf"{NAME if where == 'file' else probes.FOLDER} cannot .* than a {where} lies there.*"
    with pytest.raises(UnreadableError, match=told + "move that away, and run again"):
        probes.check_place(directory, NAME)
    (finding,) = verify(directory).unreadable
    assert finding.part == "probe"
    assert "move that away" in finding.problem


@pytest.mark.parametrize("when", ["sync_file", "os.replace"])
def test_a_failed_write_leaves_the_one_that_was_there(
    directory: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    probes.write_probe(directory, NAME, DATA)

    def fails(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        if when == "sync_file":
            patch.setattr(durability, "sync_file", fails)
        else:
            patch.setattr(os, "replace", fails)
        with pytest.raises(Exception, match="disk full"):
            probes.write_probe(directory, NAME, probes.pack({"column": "other"}, ARRAYS))
    assert probes.read_probe(directory, NAME) == DATA
    assert os.listdir(os.path.join(directory, probes.FOLDER)) == [NAME]


def test_what_a_killed_writer_has_begun_is_swept(directory: str) -> None:
    probes.write_probe(directory, NAME, DATA)
    begun = Path(directory) / probes.FOLDER / f"{NAME}.1234.tmp"
    begun.write_bytes(b"half")
    assert verify(directory).clean
    CollectionStore.open(directory, writable=True).close()
    assert not begun.exists()
    assert probes.probe_names(directory) == [NAME]
