"""Docstrings of public functions name the errors that are raised, and the shapes of arrays."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.sources import ROOT, for_each
from vitrail.indexer import errors

ROOMS = ("generator", "indexer/encoders")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.VitrailError)
}
SHAPE = re.compile(r"\((?:\d+|[\w*/ ]+),(?: ?[\w*/@ .]+,?)*\)")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.Module) -> Iterator[Function]:
    """All that a module defines at its top or in its classes, by whatever name."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from (inner for inner in node.body if isinstance(inner, Function))


def public(tree: ast.Module) -> Iterator[Function]:
    """Those that others call: of public classes, with a name of their own; no protocol's either."""
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        if isinstance(node, ast.ClassDef) and node.name.startswith("_"):
            continue
        for each in inner:
            if isinstance(each, Function) and not each.name.startswith("_"):
                yield each


def within(function: Function) -> Iterator[ast.AST]:
    """The nodes of its body, without those of functions inside it."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def called(node: ast.expr | None) -> str:
    """The name of what is called, without modules and objects before it."""
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def refusals(tree: ast.Module) -> Mapping[str, str]:
    """Functions of a module that make an error to be raised, and of which kind."""
    return {
        each.name: ast.unparse(each.returns)
        for each in functions(tree)
        if each.returns is not None and ast.unparse(each.returns) in ERRORS
    }


def raised(function: Function, makers: Mapping[str, str]) -> set[str]:
    """Kinds of our errors that a function raises itself."""
    kinds = {called(node.exc) for node in within(function) if isinstance(node, ast.Raise)}
    return {makers.get(kind, kind) for kind in kinds} & ERRORS.keys()


def caught(function: Function) -> set[int]:
    """The nodes of its body that stand in a ``try`` which catches anything."""
    return {
        id(inner)
        for node in within(function)
        if isinstance(node, ast.Try) and node.handlers
        for line in node.body
        for inner in ast.walk(line)
    }


def raised_below(tree: ast.Module) -> dict[str, set[str]]:
    """Kinds that each function of a module raises, or lets through from others of the module."""
    makers = refusals(tree)
    found = {each.name: raised(each, makers) for each in functions(tree)}
    calls = {
        each.name: {
            called(node)
            for node in within(each)
            if isinstance(node, ast.Call) and id(node) not in caught(each)
        }
        & found.keys()
        for each in functions(tree)
    }
    for _ in found:  # as far as the longest chain of calls goes
        for name, others in calls.items():
            found[name] = found[name].union(*(found[other] for other in others))
    return found


def named(function: Function) -> set[str]:
    """What the section Raises of a docstring names."""
    _, _, section = (ast.get_docstring(function) or "").partition("Raises:\n")
    return set(re.findall(r"^    (\w+):", section, re.MULTILINE))


def unnamed(source: str) -> list[str]:
    """Public functions that raise what their docstrings do not name, by one name or a wider one."""
    tree = ast.parse(source)
    kinds = raised_below(tree)
    return [
        f"{function.name}: {kind}"
        for function in public(tree)
        for kind in sorted(kinds[function.name])
        if not any(issubclass(ERRORS[kind], ERRORS[name]) for name in named(function) & {*ERRORS})
    ]


def shapeless(source: str) -> list[str]:
    """Public functions that take or give arrays and tell no shape."""
    found = []
    for function in public(ast.parse(source)):
        arguments = [*function.args.args, *function.args.kwonlyargs]
        kinds = [function.returns, *(argument.annotation for argument in arguments)]
        words = " ".join(ast.unparse(kind) for kind in kinds if kind is not None)
        told = ast.get_docstring(function) or ""
        if re.search(r"\b(?:NDArray|Tensor)\b", words) and not SHAPE.search(told):
            found.append(function.name)
    return found


@for_each(FILES)
def test_public_functions_name_what_they_raise(path: Path) -> None:
    assert not unnamed(path.read_text("utf-8"))


@for_each(FILES)
def test_public_functions_tell_the_shapes_of_arrays(path: Path) -> None:
    assert not shapeless(path.read_text("utf-8"))


def documented(*errors: str) -> str:
    lines = [f"        {name}: told." for name in errors]
    return "\n".join(['"""Do it.', "", "    Raises:", *lines, '    """'])


@pytest.mark.parametrize(
    ("told", "body", "found"),
    [
        ('"""Do it."""', 'raise InputError("x")', ["do: InputError"]),
        ('"""Do it, or InputError: no."""', "raise InputError()", ["do: InputError"]),
        (documented("InputError"), "raise InputError()", []),
        (documented("VitrailError"), "raise InputError()", []),
        (documented("CacheError"), "raise errors.InputError()", ["do: InputError"]),
        ('"""Do it."""', "if x:\n        raise _no()", ["do: CacheError"]),
        ('"""Do it."""', "return _try_it()", ["do: CacheError"]),
        ('"""Do it."""', "try:\n        _try_it()\n    except CacheError:\n        pass", []),
        ('"""Do it."""', "def inner():\n        raise InputError()", []),
        ('"""Do it."""', "raise ValueError()", []),
    ],
)
def test_what_is_raised_unnamed_is_found(told: str, body: str, found: list[str]) -> None:
    before = (
        "def _no() -> CacheError:\n    return CacheError()\n\n\n"
        "def _try_it():\n    _refuse()\n\n\n"
        "def _refuse():\n    raise _no()\n\n\n"
    )
    lines = f"def do(x):\n    {told}\n    {body}\n"
    assert unnamed(before + lines) == found
    indented = lines.replace("\n", "\n    ")
    assert unnamed(f"{before}class It:\n    {indented}") == found
    assert unnamed(f"{before}class _It:\n    {indented}") == []


@pytest.mark.parametrize(
    ("line", "told", "found"),
    [
        ("x: NDArray[np.float32]", "Of x.", ["do"]),
        ("x: NDArray[np.float32]", "Of x, (n, dim) float32.", []),
        ("x: Tensor | None = None", "Of x (a tensor).", ["do"]),
        ("*, x: torch.Tensor", "Of x: (n, c, h/p, w/p).", []),
        ("x: int", "Of x.", []),
    ],
)
def test_arrays_without_shapes_are_found(line: str, told: str, found: list[str]) -> None:
    assert shapeless(f'def do({line}):\n    """{told}"""') == found
