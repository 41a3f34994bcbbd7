"""Commands that make encoders, stopped at any moment: the same words go on to the same result."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.indexer.encoders.tiny import save_tower
from tests.indexer.training.conftest import write_images
from tests.service.cli.forks import forks
from tests.service.cli.kills import Command, Kills

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="moments are told by Linux's /proc")
SHORT = "--epochs 2 --batch 8 --precision fp32 --device cpu --workers 1 --save-every 2 --quiet"
COMMANDS = {
    "train-encoder": Command(
        f"train-encoder striped --out made --checkpoint vit {SHORT}", images="striped/across"
    ),
    "distil": Command(
        f"distil striped --teacher vit --layers 1 --mlp-ratio 1 --out made {SHORT}",
        images="striped/across",
        tells=False,  # how fast teacher and student are
    ),
    "export-encoder": Command(
        "export-encoder made --to openvino --precision fp32 --checkpoint vit --images striped "
        "--sample 24 --quiet",
        once=True,
        tells=False,
    ),
}
TRAINING = ["train-encoder", "distil"]


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kills]:
    folder = tmp_path_factory.mktemp("kills") / "work"
    save_tower("vit", folder / "vit")
    write_images(folder / "striped", 14)
    with forks(folder) as started:
        yield Kills(started, COMMANDS)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of a command that can be run here."""
    found = str(request.param)
    if found == "export-encoder" and find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed")
    return found


@pytest.mark.parametrize(
    ("name", "before", "by"),
    [
        ("train-encoder", "os.rename made/config.json", signal.SIGKILL),
        ("train-encoder", "open made/training/report.html", signal.SIGKILL),
        ("train-encoder", "open made/training/state-N.tmp", signal.SIGINT),
        ("distil", "os.remove made/training/state-N.pt", signal.SIGKILL),
        ("export-encoder", "os.rename made", signal.SIGKILL),
    ],
    indirect=["name"],
)
def test_an_end_before_this_changes_nothing_that_comes_of_it(
    kills: Kills, name: str, before: str, by: signal.Signals
) -> None:
    kills.stop(name, kills.last(name, before), by)


@pytest.mark.parametrize("name", TRAINING)
def test_a_broken_picture_is_told_and_changes_nothing(kills: Kills, name: str) -> None:
    kills.spoil(name)


def test_a_full_disk_is_one_line_and_when_there_is_room_it_goes_on(kills: Kills) -> None:
    kills.fill("train-encoder", kills.writes("train-encoder")[5])


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("name", COMMANDS, indirect=True)
def test_an_end_at_ten_moments_changes_nothing_that_comes_of_it(
    kills: Kills, name: str, by: signal.Signals
) -> None:
    for moment in kills.moments(name):
        kills.stop(name, moment, by)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS, indirect=True)
def test_a_disk_that_is_full_from_ten_writes_on_loses_nothing(kills: Kills, name: str) -> None:
    for write in kills.writes(name):
        kills.fill(name, write)
