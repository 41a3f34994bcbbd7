"""Who may import whom, and where the heavy packages may be imported at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("indexer", "search", "generator", "service")
MAY_IMPORT = {
    "indexer": {"indexer"},
    "search": {"search", "indexer"},
    "generator": {"generator", "indexer"},
    "service": set(PACKAGES),
}
HEAVY = {"torch", "transformers", "openvino", "diffusers", "faiss", "duckdb", "pyarrow", "onnx"}
# Files that are themselves imported only when their package is needed.
AT_ONCE = {
    "torch": (
        "indexer/encoders/torch_encoder.py",
        "indexer/encoders/tower.py",
        "generator/training/*.py",
    ),
    "transformers": ("generator/training/*.py",),
    "diffusers": ("generator/training/*.py",),
    "onnx": ("generator/training/*.py",),
    "faiss": (),
    "duckdb": (),
    "pyarrow": (),
    "openvino": (
        "indexer/encoders/openvino_encoder.py",
        "indexer/encoders/openvino_compile.py",
    ),
}
FILES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)


def imported(tree: ast.AST, *, at_once: bool = False) -> Iterator[str]:
    """Dotted names of what a module imports; with ``at_once``, only what its own import costs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            if not at_once:
                yield from imported(node)
            for other in node.orelse:
                yield from imported(ast.Module([other], []), at_once=at_once)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (at_once and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            yield from imported(node, at_once=at_once)


def top(names: Iterator[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_each_package_imports_only_what_it_may(path: Path) -> None:
    names = top(imported(ast.parse(path.read_text("utf-8"))))
    package = path.relative_to(ROOT).parts[0]
    ours = names & {*PACKAGES, "tests", "benchmarks", "examples"}
    assert ours <= MAY_IMPORT[package]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_heavy_packages_are_imported_when_needed(path: Path) -> None:
    names = top(imported(ast.parse(path.read_text("utf-8")), at_once=True)) & HEAVY
    where = path.relative_to(ROOT)
    refused = {name for name in names if not any(where.match(glob) for glob in AT_ONCE[name])}
    assert not refused, f"import {', '.join(sorted(refused))} in the function that needs it"


def test_training_and_export_are_imported_lazily_and_by_the_command_line_only() -> None:
    for path in FILES:
        package, *inner = path.relative_to(ROOT).parts
        if inner[0] in ("training", "export"):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        lazily = package == "service"
        names = set(imported(tree, at_once=lazily))
        found = {name for name in names if {"training", "export"} & set(name.split(".")[1:2])}
        # vitrail.indexer.collection.transfer.export is a function, not a package
        assert not found - {"vitrail.indexer.collection.transfer.export"}, (
            f"{relative(path)} imports {found}"
        )


def test_no_module_is_a_drawer_of_odds_and_ends() -> None:
    for path in FILES:
        assert path.stem not in {"utils", "util", "helpers", "common", "misc"}, relative(path)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_connection_of_duckdb_may_fetch_extensions(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "duckdb.connect":
            given = {keyword.arg for keyword in node.keywords}
            assert "config" in given, f"line {node.lineno}: give vitrail.indexer.telemetry.DUCKDB"
