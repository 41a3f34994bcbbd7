"""What others wrote for the page is as its manifest says, and found by paths alone."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.service.web.examples import ROOT

WEB = ROOT / "service" / "web"
VENDOR = WEB / "vendor"
OURS = {"fetch.mjs", "manifest.json"}
IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']""")
SCRIPTS = {"swagger-ui-dist"}  # which are no modules: what looks like an import is a text
TYPESCRIPT = "typescript@7.0.2"


def test_each_file_is_the_one_that_the_manifest_names() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())
    named = {path: told for package in manifest.values() for path, told in package["files"].items()}
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file()
    }
    assert {path: found[path] for path in found.keys() - OURS} == named
    for name, package in manifest.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"]), name
        assert package["licence"] in {"MIT", "BSD-3-Clause", "Apache-2.0"}, name
        assert package["npm"].startswith("sha512-"), name


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(WEB.rglob("*.js")) if not {*path.parts} & SCRIPTS],
    ids=lambda path: path.relative_to(WEB).as_posix(),
)
def test_imports_are_paths_of_files_that_are_there(path: Path) -> None:
    for wanted in IMPORT.findall(path.read_text()):
        assert wanted.startswith("."), f"{wanted} is found by no browser"
        assert (path.parent / wanted).is_file(), wanted


def test_types_hold() -> None:
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("types of the page are checked where there is node")
    command = [npx, "--yes", "--prefer-offline", "-p", TYPESCRIPT, "tsc", "-p", str(WEB)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if "npm error" in done.stderr:
        pytest.skip("types of the page are checked where npm reaches its registry")
    assert done.returncode == 0, done.stdout
