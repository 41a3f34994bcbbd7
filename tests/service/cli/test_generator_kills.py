"""Training a generator and picking its checkpoint, stopped at any moment: the same comes of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from tests.generator.tiny import build_sd
from tests.generator.training.lessons import paint
from tests.indexer.encoders.tiny import save_tower
from tests.service.cli.forks import forks
from tests.service.cli.kills import Command, Kills

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="moments are told by Linux's /proc")
TRAIN = "train-generator images --model sd --steps 4 --batch 2 --precision fp32 --device cpu"
SHORT = "--sheet-every 2 --save-every 1 --quiet"
TAUGHT = f"{TRAIN} --prompt cat --rank 2 {SHORT} --out run"
COMMANDS = {
    "lora": Command(f"{TRAIN} --prompt cat --rank 2 {SHORT} --out made", images="images"),
    "dreambooth": Command(
        f"{TRAIN} --prompt cat --rank 2 --prior dog --prior-count 2 {SHORT} --out made",
        images="images",
    ),
    "inversion": Command(
        f"{TRAIN} --prompt <zeb> --method inversion --token <zeb> --vectors 2 {SHORT} --out made",
        images="images",
    ),
    "full": Command(
        f"{TRAIN} --prompt cat --method full --text --average 0.9 --keep {SHORT} --out made",
        images="images",
    ),
    "pick-checkpoint": Command(
        "pick-checkpoint run --other dog --seeds 3 --rate 0.2 --checkpoint vit --step 2 --out best "
        "--html picked.html --device cpu --json --quiet",
        makes=("best", "picked.html", "run/training/picked"),
    ),
}
TRAINING = ["lora", "dreambooth", "inversion", "full"]


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kills]:
    folder = tmp_path_factory.mktemp("kills") / "work"
    build_sd(folder / "sd", steps=1)
    save_tower("vit", folder / "vit")
    paint(folder / "images")
    with forks(folder, "generators") as started:
        done = started.run(TAUGHT.split())
        assert done.code == 0, done.err
        yield Kills(started, COMMANDS)


@pytest.mark.parametrize(
    ("name", "before", "by"),
    [
        ("lora", "os.rename made/model_index.json", signal.SIGKILL),
        ("lora", "os.rename made/training/kept/step-N.safetensors", signal.SIGINT),
        ("pick-checkpoint", "open picked.html", signal.SIGKILL),
    ],
)
def test_an_end_before_this_changes_nothing_that_comes_of_it(
    kills: Kills, name: str, before: str, by: signal.Signals
) -> None:
    kills.stop(name, kills.last(name, before), by)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINING)
def test_a_broken_picture_is_told_and_changes_nothing(kills: Kills, name: str) -> None:
    kills.spoil(name)


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("name", COMMANDS)
def test_an_end_at_ten_moments_changes_nothing_that_comes_of_it(
    kills: Kills, name: str, by: signal.Signals
) -> None:
    for moment in kills.moments(name):
        kills.stop(name, moment, by)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full_from_ten_writes_on_loses_nothing(kills: Kills, name: str) -> None:
    for write in kills.writes(name):
        kills.fill(name, write)
