"""``import vitrail``: the names of the Python API, each loaded when it is first asked for."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import vitrail

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "transformers", "openvino", "diffusers", "faiss", "duckdb", "pyarrow", "onnx"}
MIDDLING = {"numpy", "PIL", "typer", "rich", "jinja2", "psutil"}


def loaded_by(code: str) -> set[str]:
    """The modules that a process has loaded after some code."""
    code = f"{code}\nimport json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_the_door_itself_loads_next_to_nothing() -> None:
    names = loaded_by("import vitrail; dir(vitrail); vitrail.__all__")
    assert not {name.partition(".")[0] for name in names} & (HEAVY | MIDDLING)
    ours = {name for name in names if name.startswith("vitrail")}
    assert ours == {"vitrail", "vitrail.indexer", "vitrail.indexer.telemetry"}


def test_no_name_loads_a_framework() -> None:
    names = loaded_by(f"from vitrail import {', '.join(vitrail.__all__)}")
    assert "vitrail.service.operations.collection" in names
    assert not {name.partition(".")[0] for name in names} & HEAVY


def test_every_name_is_there_once_and_no_other() -> None:
    assert len(vitrail.__all__) <= 13
    assert {*vitrail.__all__} <= {*dir(vitrail)}
    for name in vitrail.__all__:
        assert getattr(vitrail, name).__name__ == name
        assert getattr(vitrail, name) is getattr(vitrail, name)
    with pytest.raises(AttributeError, match="module 'vitrail' has no attribute 'Colection'"):
        getattr(vitrail, "Colection")  # noqa: B009 - a type checker knows that it is not there
    with pytest.raises(ImportError, match="cannot import name 'Colection' from 'vitrail'"):
        exec("from vitrail import Colection")


def test_type_checkers_are_told_the_same_places() -> None:
    tree = ast.parse((ROOT / "vitrail" / "__init__.py").read_text("utf-8"))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    told = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == getattr(vitrail, "_HOMES")  # noqa: B009 - not for users, so not typed as theirs
    assert sorted(told) == vitrail.__all__
    for name, home in told.items():
        assert getattr(vitrail, name).__module__ == home
