"""A collection in which every text is hostile, and every command that prints any of it."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.service.colours import colour_fingerprint
from tests.service.conftest import Outcome, Vitrail
from tests.test_docs import COMMANDS
from vitrail.indexer import encoders

Paint = Callable[..., Path]
EVIL = "\x1b]0;pwned\x07\x1b[2J\x9b31m\u202e[bold]\r"
# What a terminal may obey, or what makes text run backwards. Rich's own colours, links and cursor
# are left out by a dumb terminal.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def hostile(
    vitrail: Vitrail, paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder of pictures with hostile names, recipes and EXIF, indexed and annotated."""

    def fingerprint(name: str, spaces: Sequence[str] = ()) -> Any:
        return replace(colour_fingerprint(name, spaces), checkpoint=f"{name}{EVIL}")

    monkeypatch.setattr(encoders, "read_fingerprint", fingerprint)
    folder = tmp_path / "pictures" / f"label{EVIL}"
    paint("a.png", (250, 0, 0))
    folder.mkdir()
    (tmp_path / "pictures" / "a.png").rename(folder / f"a{EVIL}.png")
    (folder / f"torn{EVIL}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + EVIL.encode())
    told = PngInfo()
    told.add_text(
        "parameters",
        f"prompt{EVIL}\nNegative prompt: no{EVIL}\n"
        f"Steps: 20, Sampler: Euler{EVIL}, Seed: 5, Model: m{EVIL}, Version: v{EVIL}",
    )
    Image.new("RGB", (16, 16), (200, 0, 0)).save(folder / "made.png", pnginfo=told)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = f"maker{EVIL}", f"camera{EVIL}"
    Image.new("RGB", (16, 16), (0, 0, 200)).save(folder / "b.jpg", exif=exif)
    done = vitrail("index", folder.parent, "--label-from", "parent", "--checkpoint", "colours")
    assert done.code == 0, done
    # The column's name is refused where annotate is wary of it, and shown in the refusal.
    for name, column in (("own", f"column{EVIL}"), ("tame", "mood")):
        rows = {"path": ["made.png", f"none{EVIL}"], column: [f"value{EVIL}", EVIL]}
        pq.write_table(pa.table(rows), tmp_path / f"{name}.parquet")
        vitrail("annotate", tmp_path / f"{name}.parquet")
    return folder


def commands(folder: Path, tmp_path: Path) -> list[tuple[object, ...]]:
    """Every command that prints, with arguments that make it print what is stored, or refuse it."""
    other = ("-c", tmp_path / f"other{EVIL}")
    return [
        ("index", folder),
        ("index", folder / f"none{EVIL}"),
        ("index", folder, "--checkpoint", "colours-2"),
        ("search", "made.png"),
        ("search", "made.png", "--json"),
        ("search", "made.png", "--html", tmp_path / f"sheet{EVIL}.html"),
        ("search", "made.png", "--where", f"label = 'label{EVIL}'"),
        ("search", "made.png", "--where", f'"column{EVIL}" = 1'),
        ("search", "made.png", "--where", "none = 1"),
        ("search", "made.png", "--space", EVIL),
        ("search", "made.png", "--only", EVIL),
        ("search", f"none{EVIL}"),
        ("search", "png"),
        ("search", f"torn{EVIL}.png"),
        ("search", folder / f"torn{EVIL}.png"),
        ("search", "made.png", f"another{EVIL}"),
        ("search", "made.png", "--group-by", "label", "--sort", "prompt"),
        ("search", "made.png", "--group-by", "prompt", "--json"),
        ("search", "made.png", "--group-by", f"column{EVIL}"),
        ("search", "made.png", "--sort", f"column{EVIL}"),
        ("search", "made.png", "--negative", f"none{EVIL}"),
        ("search", "made.png", "--box", EVIL),
        ("search", "made.png", "--region", EVIL),
        ("search", "made.png", "--after", EVIL),
        ("search", "--queries", folder, "--out", tmp_path / f"hits{EVIL}.jsonl"),
        ("search", "--queries", folder, "--out", tmp_path / f"hits{EVIL}"),
        ("search", "--queries", folder / f"none{EVIL}", "--out", tmp_path / "hits.jsonl"),
        ("search", f"--option{EVIL}"),
        (f"command{EVIL}",),
        ("list",),
        ("list", "--json"),
        ("list", "--where", "generated"),
        ("list", "--columns", "id,path,mood,prompt,camera,sampler"),
        ("list", "--columns", f"column{EVIL}"),
        ("list", "--html", tmp_path / f"list{EVIL}.html"),
        ("sample", "--diverse", 2),
        ("sample", "--typical", 1, "--json"),
        ("sample", "--diverse", 2, "--html", tmp_path / f"sample{EVIL}.html"),
        ("sample", "--diverse", 2, "--where", f"label = 'none{EVIL}'"),
        ("map", "--where", f"label = 'label{EVIL}'"),
        ("map", "--layout", EVIL),
        ("map", "--color", f"column{EVIL}"),
        ("map", "--html", tmp_path / f"none{EVIL}" / "map.html"),
        ("audit", "--generated", f"label = 'none{EVIL}'"),
        ("audit", "--against", f"label = 'label{EVIL}'", "--space", EVIL),
        ("spaces",),
        ("spaces", "--default", EVIL),
        ("whiten", EVIL),
        ("tune-spaces", "--labels", f"column{EVIL}"),
        ("classify", "made.png", "--labels", "label"),
        ("classify", f"none{EVIL}.png", "--labels", f"column{EVIL}"),
        ("classify", "--where", "true", "--labels", "label", "--write", f"x{EVIL}"),
        ("labels", EVIL),
        ("labels", "report", "--labels", "mood"),
        ("labels", "suspects", "--labels", f"column{EVIL}"),
        ("compare", "--a", "generated", "--group-by", "label"),
        ("compare", "--a", f"column{EVIL}"),
        ("compare", "--a", EVIL, "--html", tmp_path / f"sets{EVIL}.html"),
        ("compare", f"one{EVIL}", "made.png"),
        ("duplicates",),
        ("duplicates", "--json", "--look-alikes"),
        ("duplicates", "--html", tmp_path / f"copies{EVIL}.html"),
        ("duplicates", "--space", EVIL),
        ("duplicates", "--trash", "--tier", EVIL),
        ("duplicates", "--trash", "--undo-list", tmp_path / f"moved{EVIL}.jsonl"),
        ("decide", EVIL),
        ("decide", "keep", "made.png"),
        ("decide", "keep", f"none{EVIL}"),
        ("decide", "undo", EVIL),
        ("decisions",),
        ("decisions", "--json"),
        ("calibrate", "--space", EVIL),
        ("calibrate", "--html", tmp_path / f"scores{EVIL}.html"),
        ("reembed", "--checkpoint", f"colours{EVIL}", "--space", "mean@2"),
        ("tidy",),
        ("lineage", "made.png"),
        ("lineage", "made.png", "--json"),
        ("reproduce", "made.png"),
        ("img2img", f"a{EVIL}.png", "a", "--model", f"model{EVIL}"),
        ("info",),
        ("info", "--json"),
        ("rejects",),
        ("rejects", "--json"),
        ("annotate", tmp_path / "own.parquet"),
        ("annotate", tmp_path / "tame.parquet"),
        ("annotate", tmp_path / f"none{EVIL}.csv"),
        ("verify",),
        ("verify", "--json"),
        ("export", tmp_path / f"all{EVIL}.parquet"),
        ("export", tmp_path / f"all{EVIL}.parquet"),
        ("import", tmp_path / f"all{EVIL}.parquet", *other),
        ("info", *other),
        ("search", "made.png", *other),
        ("import", tmp_path / f"none{EVIL}.parquet", *other),
        ("remove", f"none{EVIL}"),
        ("remove", "made.png"),
        ("info", "-c", tmp_path / f"nowhere{EVIL}"),
        ("serve", tmp_path / f"nowhere{EVIL}"),
        ("serve", f"name{EVIL}={folder}"),
        ("train-encoder", folder, "--out", tmp_path / f"made{EVIL}", "--checkpoint", f"none{EVIL}"),
        ("train-encoder", f"none{EVIL}", "--out", tmp_path / "made"),
        ("train-encoder", "--labels", EVIL, "--where", EVIL, "--out", tmp_path / "made"),
        ("distil", folder, "--teacher", f"none{EVIL}", "--out", tmp_path / f"made{EVIL}"),
        ("distil", f"none{EVIL}", "--teacher", f"none{EVIL}", "--out", tmp_path / "made"),
        ("train-generator", f"none{EVIL}", "--out", tmp_path / f"made{EVIL}", "--prompt", EVIL),
        ("train-generator", folder, "--out", tmp_path / "made"),
        ("train-generator", "--captions", EVIL, "--where", EVIL, "--out", tmp_path / "made"),
        ("train-generator", folder, "--out", tmp_path / "made", "--model", f"none{EVIL}"),
        ("pick-checkpoint", f"none{EVIL}"),
        ("pick-checkpoint", folder, "--prompt", EVIL, "--out", tmp_path / f"made{EVIL}"),
        ("pick-checkpoint", folder, "--references", f"none{EVIL}"),
        ("export-encoder", tmp_path / f"small{EVIL}", "--checkpoint", f"none{EVIL}"),
        ("export-encoder", tmp_path / "small", "--to", EVIL, "--space", EVIL),
        ("mcp", "-c", tmp_path / f"nowhere{EVIL}"),
        ("mcp", "--root", f"none{EVIL}", "--model", f"m{EVIL}=x{EVIL}"),
        ("keys", "new", "--name", f"name{EVIL}", "--state", tmp_path / f"state{EVIL}"),
        ("keys", "new", "--name", f"{EVIL}", "--scope", EVIL, "--state", tmp_path / "state"),
        ("keys", "list", "--state", tmp_path / f"state{EVIL}"),
        ("keys", "revoke", EVIL, "--state", tmp_path / f"state{EVIL}"),
    ]


def test_nothing_stored_is_obeyed_by_a_terminal_or_turns_a_line_around(
    vitrail: Vitrail, hostile: Path, tmp_path: Path
) -> None:
    seen = ""
    for words in commands(hostile, tmp_path):
        for run in (vitrail, lambda *words_: vitrail.at(80, *words_)):
            done: Outcome = run(*words)
            for text in (done.out, done.err):
                found = OBEYED.search(text)
                assert found is None, (words, found, text)
            assert "Traceback" not in done.err
            seen += done.out + done.err
    for word in ("label", "prompt", "column", "value", "colours", "torn", "Euler", "camera"):
        assert rf"{word}\x1b]0;pwned\x07" in seen, f"{word} was never printed: nothing is proved"


def test_the_walk_takes_in_every_command(tmp_path: Path) -> None:
    walked = {str(words[0]) for words in commands(tmp_path, tmp_path)}
    # of what is made, names are ours, and img2img stands for the four that make it
    assert set(COMMANDS) - walked <= {"generate", "inpaint", "style"}


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_terminal_with_colours_gets_no_more_than_richs_own(
    vitrail: Vitrail, hostile: Path, tmp_path: Path, every: int
) -> None:
    for words in commands(hostile, tmp_path)[::every]:
        done = vitrail.at(80, *words, term="xterm-256color")
        for text in (done.out, done.err):
            assert "\x1b]0" not in text, (words, text)
            assert "\x1b[2J" not in text, (words, text)
            assert not re.search("[\x07\x80-\x9f\u202e]", text), (words, text)


def test_a_terminal_of_another_encoding_gets_escapes_rather_than_a_traceback(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cold" / "blue.png").rename(folder / "cold" / "日本.png")
    vitrail.index(folder)
    assert "日本" in vitrail("search", "navy.png").out
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "latin-1", "strict"))
    done = vitrail("search", "navy.png")
    assert done.code == 0, done
    sys.stdout.seek(0)
    assert r"\u65e5\u672c.png" in sys.stdout.read()
