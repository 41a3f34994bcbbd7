"""Commands that make encoders, stopped at any moment: the same words go on to the same result."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.indexer.encoders.tiny import save_tower
from tests.indexer.training.conftest import write_images
from tests.service.cli.forks import Ended, Forks, forks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="moments are told by Linux's /proc")
SHORT = "--epochs 2 --batch 8 --precision fp32 --device cpu --workers 1 --save-every 2 --quiet"
COMMANDS = {
    "train-encoder": f"train-encoder striped --out made --checkpoint vit {SHORT}",
    "distil": f"distil striped --teacher vit --layers 1 --out made {SHORT}",
    "export-encoder": "export-encoder made --to openvino --precision fp32 --checkpoint vit "
    "--images striped --sample 24 --quiet",
}
TEN = 10


@dataclass(slots=True)
class Kills:
    """Runs the commands, and keeps what undisturbed ones came to.

    Attributes:
        forks: that are killed.
        whole: command -> how it ended undisturbed, and what it left.
    """

    forks: Forks
    whole: dict[str, tuple[Ended, dict[str, Any]]]

    def undisturbed(self, name: str) -> tuple[Ended, dict[str, Any]]:
        """How a command ends, and what it leaves."""
        if name == "export-encoder" and find_spec("openvino") is None:
            pytest.skip("OpenVINO is not installed")
        if name not in self.whole:
            done = self._run(name)
            assert done.code == 0, done.err
            self.whole[name] = done, self.left()
        return self.whole[name]

    def left(self) -> dict[str, Any]:
        """All files in the folder by name: what is in them, without what differs each time."""
        folder = self.forks.folder
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): _content(path) for path in paths}

    def stopped(self, name: str, moment: int, by: signal.Signals = signal.SIGKILL) -> None:
        """Stop it before its ``moment``-th change of files, and go on."""
        whole, expected = self.undisturbed(name)
        shutil.rmtree(self.forks.folder / "made", ignore_errors=True)
        told = f"{name} stopped by {by.name} before {moment}: {whole.moments[moment]}"
        ended = self._run(name, moment, by)
        # whoever asks for an end when all but the end is done is given it
        codes = (-signal.SIGKILL,) if by == signal.SIGKILL else (130, 0)
        assert ended.code in codes, f"{told}\n{ended.err}"
        if name == "export-encoder" and (self.forks.folder / "made").exists():
            assert self.left() == expected, told
            return
        done = self._run(name)
        assert done.code == 0, f"{told}\n{done.err}"
        assert self.left() == expected, told

    def _run(
        self, name: str, moment: int | None = None, by: signal.Signals = signal.SIGKILL
    ) -> Ended:
        return self.forks.run(COMMANDS[name].split(), moment, by)


def _content(path: Path) -> Any:
    if path.name == "metrics.jsonl":
        return [_lasting(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".json" and path.parent.name in ("made", "training"):
        return _lasting(json.loads(path.read_text("utf-8")))
    if path.suffix == ".html":
        return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "now", path.read_text("utf-8"))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _lasting(told: Any) -> Any:
    """Without how long something took."""
    if isinstance(told, dict):
        return {key: _lasting(one) for key, one in told.items() if key not in ("seconds", "speed")}
    return [_lasting(one) for one in told] if isinstance(told, list) else told


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kills]:
    folder = tmp_path_factory.mktemp("kills")
    save_tower("vit", folder / "vit")
    write_images(folder / "striped", 14)
    with forks(folder) as started:
        yield Kills(started, {})


@pytest.fixture(autouse=True)
def _fresh(kills: Kills) -> None:
    shutil.rmtree(kills.forks.folder / "made", ignore_errors=True)


@pytest.mark.parametrize(
    ("name", "before", "by"),
    [
        ("train-encoder", "os.rename made/config.json", signal.SIGKILL),
        ("train-encoder", "open made/training/report.html", signal.SIGKILL),
        ("train-encoder", "open made/training/state-N.tmp", signal.SIGINT),
        ("distil", "os.remove made/training/state-N.pt", signal.SIGKILL),
        ("export-encoder", "os.rename made", signal.SIGKILL),
    ],
)
def test_an_end_before_this_changes_nothing_that_comes_of_it(
    kills: Kills, name: str, before: str, by: signal.Signals
) -> None:
    moments = kills.undisturbed(name)[0].moments
    kills.stopped(name, len(moments) - 1 - moments[::-1].index(before), by)


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("name", COMMANDS)
def test_an_end_at_ten_moments_changes_nothing_that_comes_of_it(
    kills: Kills, name: str, by: signal.Signals
) -> None:
    """Spread over all changes of files that it makes, the first and the last among them."""
    count = len(kills.undisturbed(name)[0].moments)
    for moment in np.linspace(0, count - 1, TEN).round().astype(int).tolist():
        kills.stopped(name, moment, by)
