"""The project's Python files, and what they import."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


PACKAGES = ("indexer", "search", "generator", "service")
FILES = [
    *sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")),
    *sorted((ROOT / "vitrail").glob("*.py")),
]


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
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif not (at_once and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            yield from imported(node, at_once=at_once)


@cache
def imports(source: str, *, at_once: bool = False) -> frozenset[str]:
    """What a module's text imports; parsed once, for all tests that ask."""
    return frozenset(imported(ast.parse(source), at_once=at_once))


def top(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def for_each(files: Iterable[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Make one test of what holds for every file; it names all for which that fails.

    As a test a file there were more of these than of all else, and they took several times as long.
    """

    def of_all(holds: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            failures = []
            for path in files:
                try:
                    holds(path)
                except AssertionError as error:
                    failures.append(f"{relative(path)}: {error}")
            assert not failures, "\n".join(failures)

        test.__name__, test.__doc__ = holds.__name__, holds.__doc__
        return test

    return of_all
