"""What the page is tried with: example images, copies of some, and names that are meant to harm."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).parents[3]
KINDS = {"animals": 8, "food": 8, "photographs": 8, "plants": 6, "vehicles": 6}
SPACES = ("mean@6", "gem@9", "cls@12")
INDEX = """
import sys
from vitrail import Collection, IndexOptions

folder, home, *spaces = sys.argv[1:]
with Collection.create(home, checkpoint="dinov2-small-focus", spaces=spaces) as made:
    made.index(folder, options=IndexOptions(label_from="parent"))
"""
# a program does without the calibration of a command, which would embed six copies of each image
HOSTILE = """"><img src=x onerror="window.harmed=1">"""
"""A name of a file, a label and a prompt: none of it may become an element."""


def write_examples(folder: Path) -> None:
    """Write the images, one folder a kind."""
    for kind, count in KINDS.items():
        (folder / kind).mkdir(parents=True)
        for path in sorted((ROOT / "examples" / kind).iterdir())[:count]:
            shutil.copy(path, folder / kind)
    with Image.open(ROOT / "examples" / "photographs" / "cat.jpg") as cat:
        cat.reduce(2).save(folder / "photographs" / "cat-small.jpg", quality=60)
        cat.convert("L").save(folder / "photographs" / "cat-grey.jpg")
    hostile = folder / HOSTILE
    hostile.mkdir()
    told = PngInfo()
    told.add_text("parameters", f"{HOSTILE}\nSteps: 20, Sampler: Euler, Seed: 7, Model: m{HOSTILE}")
    with Image.open(ROOT / "examples" / "weather" / "rainbow.webp") as rainbow:
        rainbow.save(hostile / f"{HOSTILE}.png", pnginfo=told)


def indexed(home: Path) -> Path:
    """A collection of them below a folder, made by the first process that asks for it."""
    home.mkdir(exist_ok=True)
    collection = home / "collection"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            write_examples(home / "images")
            python("-c", INDEX, str(home / "images"), str(collection), *SPACES)
            (home / "made").touch()
    return collection


def run(*words: str) -> str:
    """What a command of the command line prints."""
    return python("-m", "vitrail.service.cli", *words)


def python(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
