"""``vitrail distil``, from folders to a checkpoint that other commands take."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.indexer.encoders.tiny import save_tower
from tests.indexer.training.conftest import write_images
from tests.service.conftest import Vitrail
from vitrail.indexer import encoders
from vitrail.indexer.encoders import loading
from vitrail.indexer.training.fidelity import Fidelity, KeptRetrieval
from vitrail.service.cli.distilled import lines_of
from vitrail.service.operations.distilling import Distilled

SHORT = ("--epochs", 1, "--batch", 8, "--precision", "fp32", "--device", "cpu", "--workers", 1)


@pytest.fixture
def distils(vitrail: Vitrail, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Vitrail:
    monkeypatch.setattr(encoders, "load_encoder", loading.load_encoder)
    monkeypatch.chdir(tmp_path)
    save_tower("vit", tmp_path / "vit")
    write_images(tmp_path / "striped", 12)
    return vitrail


def test_folders_become_a_student_and_a_report(distils: Vitrail) -> None:
    command = ("distil", "striped", "--teacher", "vit", "--layers", 1, *SHORT)
    done = distils.at(80, *command, "--out", "small", "--quiet")
    assert done.code == 0, done.err
    assert re.search(r"^space +cls@3 +cls@1$", done.out, re.M)
    assert re.search(r"^parameters +\d+\.\d+ M +\d+\.\d+ M +\d+% of it$", done.out, re.M)
    assert re.search(r"^images/cpu-s .* times as fast$", done.out, re.M)
    assert "of the teacher's ten nearest" in done.out
    assert "--space cls@1" in done.out
    again = distils(*command, "--out", "other", "--json", "--quiet")
    told = json.loads(again.out)
    assert told["teacher"] == "vit"
    assert told["spaces"] == {"teacher": "cls@3", "student": "cls@1"}
    assert sum(told["images"].values()) == 24
    found = told["retrieval"]
    assert found["images"] == told["images"]["held_out"]
    assert found["student"]["parameters"] < found["teacher"]["parameters"]


def test_a_student_that_learned_nothing_good_is_as_it_began_and_said_to_be() -> None:
    kept = KeptRetrieval(0.9, 10, 5.0)
    fidelity = Fidelity(9, kept, kept, 0.5)
    made = Distilled("small", "vit", ("cls@3", "cls@1"), (30, 5, 9), 12, 0, fidelity)
    told = "30 images learned from, 5 to judge by, 9 held out; "
    assert f"{told}none of 12 steps made it better, so it is as it began" in lines_of(made)
    assert f"{told}best after step 4 of 12" in lines_of(replace(made, best_step=4))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--teacher", "vit"), "a new folder by --out"),
        (("--teacher", "vit", "--out", "x"), "give --layers, --mlp-ratio or --width, or --student"),
        (("--teacher", "vit", "--out", "x", "--layers", 9), "of 9 blocks cannot be cut"),
        (("--teacher", "vit", "--out", "x", "--mlp-ratio", 4), "are 1.5 times as wide; give 1"),
        (("--teacher", "nothing", "--out", "x", "--layers", 1), "no directory here and no Hub"),
        (("--teacher", "vit", "--out", "x", "--layers", 1, "--augment", "so"), "'so' is unknown"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    given: tuple[object, ...], told: str, distils: Vitrail, tmp_path: Path
) -> None:
    done = distils("distil", "striped", *given)
    assert done.code != 0
    assert told in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "x").exists()
