"""A collection that is killed, refused and cut off by the hundreds; see docs/reliability.md.

``make test`` runs a share of it, ``make test-slow`` all.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator

import pytest

from tests.faults.campaign import Campaign, Tally
from tests.faults.library import build
from tests.faults.scenarios import SCENARIOS

SEED = 20261125
# Those that go through every kind of commit, merges, imports and a repair.
SHARE = (
    "create",
    "know",
    "tidy",
    "stage",
    "import",
    "maintain",
    "repair-lost",
    "migrate-4",
    "derive",
    "decide",
)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    folder = tmp_path_factory.mktemp("faults")
    library = build(folder)
    if library is None:
        pytest.skip("calls are intercepted on Linux, and only where there is a C compiler")
    (folder / "work").mkdir()
    made = Campaign(folder / "work", library)
    yield made
    made.close()
    shutil.rmtree(folder)


def check(tally: Tally, kind: str, scenario: str) -> None:
    print(f"{kind} {scenario}: {tally.faults} faults, {dict(tally.counts)}")
    assert tally.faults
    assert not tally.harms, "\n".join(tally.harms[:5])


@pytest.mark.parametrize("scenario", SHARE)
def test_a_kill_and_a_power_cut_lose_nothing(campaign: Campaign, scenario: str) -> None:
    tally = Tally()
    campaign.cut(scenario, 1, SEED, tally)  # first: a recording counts the calls, too
    campaign.kill(scenario, 1, SEED, tally)
    check(tally, "killed or cut", scenario)


def test_some_refused_calls_are_told_in_a_line_and_lose_nothing(campaign: Campaign) -> None:
    tally = Tally()
    for code in (errno.ENOSPC, errno.EIO, errno.EMFILE):
        campaign.refuse("create", code, tally, every=94)
    check(tally, "refused", "create")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_kills_lose_nothing(campaign: Campaign, scenario: str) -> None:
    tally = Tally()
    campaign.kill(scenario, 50, SEED + 1, tally)
    check(tally, "killed", scenario)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_power_cuts_lose_nothing(campaign: Campaign, scenario: str) -> None:
    tally = Tally()
    campaign.cut(scenario, 28, SEED + 1, tally)
    check(tally, "cut", scenario)


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EMFILE], ids=errno.errorcode.get)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_refusal_of_every_call_is_told_and_loses_nothing(
    campaign: Campaign, scenario: str, code: int
) -> None:
    tally = Tally()
    campaign.refuse(scenario, code, tally)
    check(tally, errno.errorcode[code], scenario)
