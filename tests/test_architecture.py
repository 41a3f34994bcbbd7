"""Who may import whom, and where the heavy packages may be imported at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.sources import FILES, PACKAGES, ROOT, for_each, imported, imports, relative, top

MAY_IMPORT = {
    "indexer": {"vitrail.indexer"},
    "search": {"vitrail.search", "vitrail.indexer"},
    "generator": {"vitrail.generator", "vitrail.indexer"},
    "service": {f"vitrail.{package}" for package in PACKAGES},
    "vitrail": {f"vitrail.{package}" for package in PACKAGES},
}
# The floors of each package, bottom first: a room may import its own and those of lower floors.
FLOORS = {
    "indexer": (
        {
            "errors",
            "wording",
            "telemetry",
            "paths",
            "spaces",
            "fingerprint",
            "memory",
            "records",
            "image_columns",
            "image_info",
            "cancellation",
            "callbacks",
            "building",
            "settings",
        },
        {"files"},
        {"images", "recipes"},
        {"encoders"},
        {"segments"},
        {"catalog"},
        {"vectors"},
        {"collection"},
        {"indexing", "export"},
        {"training"},
    ),
    "search": (
        # arrays and plain types
        {
            "boxes",
            "comparison",
            "derived",
            "diversity",
            "duplicates",
            "explanation",
            "joining",
            "lineage",
            "measures",
            "options",
            "regions",
        },
        {"ranking", "thumbnails", "vectors"},
        {"filters", "heatmaps", "images", "listing", "recommending", "tuning"},
        # a question and its answer, which shows itself
        {"query", "frames", "notebook"},
        # what scores mean; the question put to indexes; what becomes of the ranking
        {"calibration"},
        {"retrieval"},
        {"classification"},
        {"evidence", "group_members", "grouping", "paging", "reasons", "sorting"},
        {"selecting"},
        {"searcher", "maps", "replication"},
        {"picking"},
    ),
    "generator": (
        {"images", "monitoring"},
        {"checkpoints"},
        {"checks", "prompts"},
        {"adapters"},
        {"models"},
        {"tasks"},
        {"batch", "reproduction"},
        {"guarded"},
        {"training"},
    ),
    "service": (
        {"operations"},
        {"documents"},
        {"client"},  # of a service that may run elsewhere
        {"http"},
        {"mcp"},  # tools that ask it
        {"cli"},  # which starts both
    ),
}
# What a door may import of the packages below operations: plain types that these take and give,
# words for people, what a text typed by a person may be, and thumbnails for a page.
DOORS_MAY_IMPORT = {
    *("vitrail.indexer.errors", "vitrail.indexer.cancellation", "vitrail.indexer.paths"),
    *("vitrail.indexer.settings", "vitrail.indexer.telemetry"),
    *("vitrail.indexer.spaces", "vitrail.indexer.wording", "vitrail.indexer.catalog.kinds"),
    *("vitrail.indexer.files.durability", "vitrail.indexer.files.lock"),
    *("vitrail.indexer.images.opening", "vitrail.indexer.building"),
    *("vitrail.indexer.indexing.options", "vitrail.indexer.indexing.reembedding"),
    *("vitrail.indexer.training.options", "vitrail.indexer.training.splits"),
    "vitrail.indexer.training.distilling",
    "vitrail.indexer.indexing.removal",
    *("vitrail.search.options", "vitrail.search.query", "vitrail.search.listing"),
    "vitrail.search.boxes",
    *("vitrail.search.thumbnails", "vitrail.search.heatmaps"),
    *("vitrail.generator.checks", "vitrail.generator.prompts", "vitrail.generator.tasks.masks"),
    *("vitrail.generator.checkpoints.schedulers", "vitrail.generator.training.options"),
}
NOT_INSTALLED = {"tests", "benchmarks", "examples"}
HEAVY = {
    *("torch", "transformers", "openvino", "diffusers", "faiss", "duckdb", "pyarrow", "onnx"),
    *("onnxruntime", "onnxscript", "nncf", "coremltools"),
}
# Files that are themselves imported only when their package is needed.
AT_ONCE = {
    "torch": (
        "indexer/encoders/devices.py",
        "indexer/encoders/onnx_graph.py",
        "indexer/encoders/spreading.py",
        "indexer/encoders/text_encoder.py",
        "indexer/encoders/torch_encoder.py",
        "indexer/encoders/tower.py",
        "indexer/training/*.py",
        "indexer/export/coreml_packages.py",
        "indexer/export/torch_programs.py",
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
        "indexer/encoders/openvino_export.py",
        "indexer/export/openvino_models.py",
    ),
    "onnxruntime": ("indexer/encoders/onnx_runtime.py",),
    "onnxscript": (),
    "nncf": (),
    "coremltools": (),
}


def forbidden(package: str, source: str) -> set[str]:
    """What a file of a package imports of ours, and may not: upwards, sideways, by another name."""
    found = set()
    for name in imports(source):
        first, _, rest = name.partition(".")
        if first in {"", *PACKAGES, *NOT_INSTALLED}:
            found.add(name)
        elif first == "vitrail":
            ours = f"vitrail.{rest.partition('.')[0]}"
            if ours not in MAY_IMPORT[package]:  # the front door, too, is above every package
                found.add(name)
    return found


def climbs(root: Path, package: str) -> set[str]:
    """Which files of a package below ``root`` import from a floor that is above their own."""
    floors = {room: number for number, rooms in enumerate(FLOORS[package]) for room in rooms}
    prefix = f"vitrail.{package}."
    found = set()
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root / package).parts
        if parts == ("__init__.py",):
            continue
        own = parts[0].removesuffix(".py")
        for name in imports(path.read_text("utf-8")):
            room = name.removeprefix(prefix).partition(".")[0]
            if not name.startswith(prefix) or room == own:
                continue
            assert own in floors, f"{own} stands on no floor"
            assert room in floors, f"{room} stands on no floor"
            if floors[room] > floors[own] or (floors[room] == floors[own] and len(parts) > 1):
                found.add(f"{'/'.join(parts)}: {name}")
    return found


@pytest.mark.parametrize("package", FLOORS)
def test_no_room_imports_from_a_floor_above(package: str) -> None:
    assert not climbs(ROOT, package)
    rooms = {
        path.name.removesuffix(".py")
        for path in (ROOT / package).iterdir()
        if path.suffix == ".py" or any(path.rglob("*.py"))
    }
    assert rooms - {"__init__"} == set().union(*FLOORS[package])


@pytest.mark.parametrize(
    ("package", "file", "line"),
    [
        ("indexer", "errors.py", "from vitrail.indexer.files.lock import WriterLock"),
        ("indexer", "catalog/state.py", "from vitrail.indexer.collection.snapshot import Snapshot"),
        ("indexer", "segments/rows.py", "import vitrail.indexer.catalog.schema"),
        ("indexer", "recipes/png.py", "from vitrail.indexer.images import opening"),
        (
            "indexer",
            "vectors/index.py",
            "def f():\n    from vitrail.indexer.collection import store",
        ),
        (
            "indexer",
            "images/files.py",
            "if TYPE_CHECKING:\n    from vitrail.indexer.encoders import Encoder",
        ),
        ("search", "recommending.py", "from vitrail.search.query import Query"),
        ("search", "retrieval.py", "from vitrail.search.paging import Cursor"),
        ("search", "calibration/pairs.py", "from vitrail.search.retrieval import Ranking"),
        ("generator", "images.py", "from vitrail.generator.checkpoints.files import Info"),
        ("generator", "checkpoints/hub.py", "from vitrail.generator.adapters import loras"),
        ("generator", "checks.py", "from vitrail.generator.models.pipelines import load_model"),
        ("generator", "adapters/loras.py", "def f():\n    import vitrail.generator.models.memory"),
        ("generator", "models/memory.py", "from vitrail.generator.tasks.denoising import Drawn"),
        ("generator", "tasks/style.py", "from vitrail.generator.batch import generate_all"),
        ("generator", "tasks/style.py", "from vitrail.generator.training import latents"),
        ("service", "operations/making.py", "from vitrail.service.cli.text import one_line"),
        ("service", "operations/making.py", "def f():\n    import vitrail.service.cli.progress"),
    ],
)
def test_a_climb_is_noticed(package: str, file: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("from vitrail.indexer import errors\n")
    assert not climbs(tmp_path, package)
    path.write_text(line)
    assert climbs(tmp_path, package)


def without_type_checking(tree: ast.Module) -> ast.Module:
    """The module as it runs."""

    class Cut(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.If | None:
            return None if "TYPE_CHECKING" in ast.dump(node.test) else node

    cut = Cut().visit(tree)
    assert isinstance(cut, ast.Module)
    return cut


def sidesteps(source: str) -> set[str]:
    """What a door imports beside operations and plain types."""
    named = imported(without_type_checking(ast.parse(source)))
    below = {one for one in named if one.startswith("vitrail.")}
    allowed = ("vitrail.service", *DOORS_MAY_IMPORT)
    return {one for one in below if not any(f"{one}.".startswith(f"{a}.") for a in allowed)}


@for_each([p for p in FILES if {"cli", "http"} & {*p.parts}])
def test_doors_ask_operations(path: Path) -> None:
    assert not sidesteps(path.read_text("utf-8"))


def test_a_sidestep_is_noticed() -> None:
    fine = """
from vitrail.indexer.errors import InputError
from vitrail.service.operations.searching import search
if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore
"""
    assert not sidesteps(fine)
    for line in (
        "from vitrail.indexer.collection.store import CollectionStore",
        "def f():\n    from vitrail.generator.batch import generate_all",
        "import vitrail.search.searcher",
    ):
        assert sidesteps(fine + line)


@for_each(FILES)
def test_each_package_imports_only_what_it_may(path: Path) -> None:
    assert not forbidden(path.relative_to(ROOT).parts[0], path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("indexer", "import vitrail.search.query"),
        ("indexer", "from vitrail.generator import recipes"),
        ("search", "from vitrail.generator.recipes import Recipe"),
        ("search", "def f():\n    from vitrail.service.cli import main"),
        ("generator", "if TYPE_CHECKING:\n    from vitrail.search.query import Hit"),
        ("generator", "try:\n    import vitrail.service\nexcept ImportError:\n    pass"),
        ("service", "from vitrail import Collection"),
        ("service", "import vitrail"),
        ("service", "from indexer.errors import VitrailError"),
        ("vitrail", "import search"),
        ("indexer", "from . import errors"),
        ("indexer", "from .errors import VitrailError"),
        ("service", "from tests.fakes import ColourEncoder"),
    ],
)
def test_a_forbidden_import_is_found(package: str, line: str) -> None:
    allowed = (
        "from __future__ import annotations\nimport numpy\nfrom vitrail.indexer import errors\n"
    )
    assert not forbidden(package, allowed)
    assert forbidden(package, allowed + line)


@for_each(FILES)
def test_heavy_packages_are_imported_when_needed(path: Path) -> None:
    names = top(imports(path.read_text("utf-8"), at_once=True)) & HEAVY
    where = path.relative_to(ROOT)
    refused = {name for name in names if not any(where.match(glob) for glob in AT_ONCE[name])}
    assert not refused, f"import {', '.join(sorted(refused))} in the function that needs it"


def test_training_and_export_are_imported_lazily_and_by_the_command_line_only() -> None:
    for path in FILES:
        package, *inner = path.relative_to(ROOT).parts
        if inner[0] in ("training", "export"):
            continue
        if path.match("operations/export*.py"):  # which the command imports late itself
            continue
        names = imports(path.read_text("utf-8"), at_once=package == "service")
        found = {name for name in names if {"training", "export"} & set(name.split(".")[2:3])}
        # vitrail.indexer.collection.transfer.export is a function, not a package
        assert not found - {"vitrail.indexer.collection.transfer.export"}, (
            f"{relative(path)} imports {found}"
        )


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import one another in a ring, wherever in their files; empty without one."""
    left = {name: set(needs) for name, needs in graph.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_no_benchmarks_import_one_another_in_a_circle() -> None:
    graph = {
        f"benchmarks.{path.stem}": set(imports(path.read_text("utf-8")))
        for path in (ROOT / "benchmarks").glob("*.py")
    }
    assert "benchmarks.vectors" in graph["benchmarks.search"]
    assert not circle(graph)
    assert circle({"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set()}) == ["a", "b", "c"]
