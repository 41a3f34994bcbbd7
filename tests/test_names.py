"""What is ours is called by its whole name; no module is a drawer of odds and ends."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.sources import FILES, PACKAGES, ROOT, relative


def test_no_module_is_a_drawer_of_odds_and_ends() -> None:
    for path in FILES:
        assert path.stem not in {"utils", "util", "helpers", "common", "misc"}, relative(path)


def test_no_two_public_classes_have_the_same_name() -> None:
    homes: dict[str, list[str]] = {}
    for path in FILES:
        source = path.read_text("utf-8")
        for node in ast.parse(source).body if "\nclass " in source else ():
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(relative(path))
    assert len(homes) > 300
    assert not {name: files for name, files in homes.items() if len(files) > 1}


OLD = "|".join(PACKAGES)
MODULES = {
    f"{package}.{path.stem}"
    for package in PACKAGES
    for path in (ROOT / package).iterdir()
    if path.suffix == ".py" or path.is_dir()
}
# In any text: code within strings, patched names, settings, shell, pages.
BY_FOLDER = re.compile(
    rf"""
    (?<![\w.])from\ (?:{OLD})(?:\.\w+)*\ import\b
    | (?<!\w\ )(?<![\w.])import\ (?:[\w.]+,\ )*(?:{OLD})(?=\s*(?:[.;,"'`#]|as\b|$))
    | (?:PackageLoader|import_module|find_spec|importorskip|files)\(\s*["'](?:{OLD})["'.]
    | (?<![\w./-])(?:{"|".join(map(re.escape, sorted(MODULES)))})\b(?![/(])
    """,
    re.VERBOSE | re.MULTILINE,
)
TEXTS = [
    *(
        ROOT / name
        for name in ("README.md", "Makefile", "pyproject.toml", ".pre-commit-config.yaml")
    ),
    *FILES,
    *sorted(
        path
        for folder in (*PACKAGES, "tests", "benchmarks", "examples", "docs", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {"", ".py", ".md", ".sh", ".toml", ".html"} and path.is_file()
    ),
]


# They hold such names, as what is to be found.
QUOTING = {Path(__file__), Path(__file__).with_name("test_architecture.py")}


def test_nothing_of_ours_is_called_by_the_name_of_its_folder() -> None:
    for path in {*TEXTS} - QUOTING:
        found = BY_FOLDER.search(path.read_text("utf-8"))
        assert not found, f"{relative(path)} says {found[0]!r}: begin with vitrail."


@pytest.mark.parametrize(
    ("text", "is_old"),
    [
        ("from search import Collection", True),
        (">>> import service.cli", True),
        ("'import sys, generator.foreign; print()'", True),
        ("import indexer, openvino", True),
        ('"indexer.images.decoder_process"', True),
        ('[sys.executable, "-m", "service.cli"]', True),
        ('vitrail = "service.cli:main"', True),
        ('jinja2.PackageLoader("service")', True),
        ("see ``search.ranking``", True),
        ("from vitrail.search import query", False),
        ("from vitrail import search", False),
        ("'vitrail.indexer.images.decoder_process'", False),
        ("from tests.indexer.images import colours", False),
        ("vitrail search --prompt x", False),
        ("indexer/images/opening.py", False),
        ("results/search.md and benchmarks/search.py", False),
        ("we import search results from search engines", False),
        ("self.generator.tasks", False),
    ],
)
def test_such_names_are_told_from_folders_commands_and_words(text: str, is_old: bool) -> None:
    assert bool(BY_FOLDER.search(text)) is is_old


# Folders that the layout tells in one line, as their files' names tell the rest.
TOLD_AS_ONE = (
    *("indexer/images/containers/", "service/cli/commands/"),
    *("service/http/routers/", "service/http/schemas/"),
)


def laid_out(page: str) -> set[str]:
    """The Python files that a layout names, each with the folder that it stands in."""
    folders: list[tuple[int, str]] = []
    found = set()
    for line in page.splitlines():
        depth = len(line) - len(line.lstrip())
        folders = [(own, folder) for own, folder in folders if own < depth]
        above = "".join(folder for _, folder in folders)
        first, *words = line.split() or [""]
        if first.endswith("/"):
            folders.append((depth, first))
        elif first.endswith(".py"):
            found |= {above + word for word in (first, *words) if word.endswith(".py")}
    return found


def test_the_layout_names_every_file_where_it_stands() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    told = page.split("## Layout")[1].split("\n## ")[0]
    there = {
        relative(path)
        for path in FILES
        if path.parts[-1] not in {"__init__.py", "__main__.py"}
        and not relative(path).startswith(TOLD_AS_ONE)
    }
    ours = {name for name in laid_out(told) if name.startswith(PACKAGES)}
    assert ours == there


def test_a_layout_is_read_by_its_depth() -> None:
    page = """
search/          queries in, hits out
  options.py paging.py
                 what fakes.py is told of is no file here
  calibration/   what scores mean
    pairs.py     pairs
  images.py      images
indexer/         images in
  errors.py
"""
    assert laid_out(page) == {
        "search/options.py",
        "search/paging.py",
        "search/calibration/pairs.py",
        "search/images.py",
        "indexer/errors.py",
    }
