"""What code does where: who talks, reads the environment, writes SQL, connects and renames."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from tests.sources import FILES, for_each, imported, relative, top

OPERATIONS = [path for path in FILES if "operations" in path.parts]


def nodes(path: Path, *words: str) -> list[ast.AST]:
    """All of a file in which any of these words stands; parsing takes longer than looking."""
    source = path.read_text("utf-8")
    return [*ast.walk(ast.parse(source))] if any(word in source for word in words) else []


CALLED = {"print", "input", "breakpoint"}
OF_THE_PROCESS = {"environ", "getenv", "getcwd", "stdin", "stdout", "stderr", "argv", "isatty"}
SWALLOWED = {"KeyboardInterrupt", "BaseException", "SystemExit"}


def ill_mannered(source: str) -> set[str]:
    """What an operation does that only a door may: talk, look at its process, swallow an end."""
    tree = ast.parse(source)
    found = top(imported(tree)) & {"sys", "typer", "rich", "jinja2", "readline"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in CALLED:
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and node.attr in OF_THE_PROCESS:
            found.add(node.attr)
        elif isinstance(node, ast.ExceptHandler):
            caught = "BaseException" if node.type is None else ast.unparse(node.type)
            if any(one in caught for one in SWALLOWED):
                found.add(f"except {caught}")
    return found


@for_each(OPERATIONS)
def test_operations_leave_talking_to_their_doors(path: Path) -> None:
    assert not ill_mannered(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "line",
    [
        "print('made')",
        "import sys",
        "from rich.console import Console",
        "def f():\n    import typer",
        "os.environ.get('HOME')",
        "path = os.path.join(os.getcwd(), text)",
        "try:\n    f()\nexcept (CancelledError, KeyboardInterrupt):\n    pass",
        "try:\n    f()\nexcept:\n    pass",
    ],
)
def test_ill_manners_are_noticed(line: str) -> None:
    assert not ill_mannered("import os\n_log.warning('a')\ntry:\n    f()\nexcept OSError:\n    g()")
    assert ill_mannered(line)


# Ours, and those that must read or set a library's own variables.
READ_THE_ENVIRONMENT = {
    "indexer/settings.py",
    "indexer/telemetry.py",
    "indexer/encoders/hub.py",
    "indexer/encoders/onnx_runtime.py",
}


@for_each(FILES)
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    if relative(path) in READ_THE_ENVIRONMENT:
        return
    for node in nodes(path, "environ", "getenv", "user_data_dir", "user_cache_dir", "VITRAIL_"):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"environ", "getenv", "user_data_dir", "user_cache_dir"}
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.match(r"VITRAIL_[A-Z]", node.value), "name it by vitrail.indexer.settings"


# in a file of its own, of no collection
OF_THE_SERVICE = {"service/http/jobs/opening.py", "service/http/jobs/table.py"}
SQL = re.compile(
    r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE \w+ (\w+ )?SET|PRAGMA|(ANTI|SEMI|LEFT) JOIN"
    r"|(CREATE|DROP|ALTER)( OR REPLACE)?( TEMP)? TABLE)\b"
)


# Of each that stands above: a file without any of them need not be parsed.
SQL_WORDS = ("SELECT", "INSERT", "DELETE", "UPDATE", "PRAGMA", "JOIN", "CREATE", "DROP", "ALTER")


def texts(there: Iterable[ast.AST]) -> Iterator[str]:
    """The strings among nodes that are no docstrings."""
    for node in there:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Constant) and not isinstance(node, ast.Expr):
                yield from [child.value] if isinstance(child.value, str) else ()


@for_each(FILES)
def test_sql_is_written_in_the_catalog_alone(path: Path) -> None:
    if relative(path).startswith("indexer/catalog/") or relative(path) in OF_THE_SERVICE:
        return
    there = nodes(path, *SQL_WORDS, "duckdb")
    found = [text for text in texts(there) if SQL.search(text)]
    assert not found, f"write {found[0]!r} in indexer/catalog"
    lazily = [n for n in there if isinstance(n, ast.Import)]
    assert not any("duckdb" in ast.unparse(n) for n in lazily), "DuckDB is the catalog's alone"


def test_sql_is_told_from_words() -> None:
    tree = ast.parse('"""SELECT x."""\ndef f():\n    """DELETE FROM t"""\n    return f"SELECT {1}"')
    assert [text for text in texts(ast.walk(tree)) if SQL.search(text)] == ["SELECT "]
    assert not SQL.search("select one, or update what was inserted")


@for_each(FILES)
def test_no_connection_of_duckdb_may_fetch_extensions(path: Path) -> None:
    for node in nodes(path, "duckdb"):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "duckdb.connect":
            given = {keyword.arg for keyword in node.keywords}
            assert "config" in given, f"line {node.lineno}: give vitrail.indexer.telemetry.DUCKDB"


@for_each(FILES)
def test_files_take_each_others_names_in_one_place_only(path: Path) -> None:
    """That one syncs the file before and the folder after; others forget it."""
    if relative(path) == "indexer/files/durability.py":
        return
    words = {word for name in RENAMES for word in name.split(".")} - {"os"}
    calls = (node for node in nodes(path, *words) if is_call(node))
    found = [ast.unparse(call) for call in calls if ast.unparse(call.func) in RENAMES]
    assert not found, f"use durability.replacing or rename instead of {found[0]}"


RENAMES = {"os.replace", "os.rename", "os.renames", "shutil.move"}


def is_call(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call)
