"""What ``vitrail pick-checkpoint`` prints and draws of checkpoints whose figures are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.search.picking.worlds import NULLS, base, learning, over_trained, taught
from tests.service.conftest import Vitrail
from vitrail.search.picking.choosing import compare_checkpoints
from vitrail.search.picking.made_sets import MadeSet
from vitrail.service.cli.pick_report import render_pick_report
from vitrail.service.documents.picking import told_of_pick, verdict
from vitrail.service.operations import picking
from vitrail.service.operations.pick_records import PickedRun

Make = Callable[..., PickedRun]
EVIL = "</style><script>alert(1)</script>\x1b[31m"


@pytest.fixture
def compared(tmp_path: Path) -> Make:
    """Makes what came of a comparison; all images are one file."""
    image = tmp_path / "one.png"
    Image.new("RGB", (16, 16), "red").save(image)

    def make(
        made: Sequence[MadeSet] = (learning(100, 0.3), learning(300, 0.9), over_trained(900)),
        nulls: np.ndarray = NULLS,
        **changes: str,
    ) -> PickedRun:
        every = (base(), *made)
        return PickedRun(
            run=str(tmp_path / "zeb-sd"),
            source="embedded",
            method="lora",
            finished=True,
            prompts=(changes.get("prompt", "a zeb"), "a zeb on grass"),
            others=("a dog", "a cat"),
            seeds=tuple(range(8)),
            taught=(str(image),) * 10,
            drawn={one.step: ((str(image),) * 8,) * 4 for one in every},
            copying={one.step: one.copying for one in every},
            encoder="dinov2-small-focus",
            space="gem@9",
            found=compare_checkpoints(base(), made, taught(), nulls, 0.01),
            out=changes.get("out"),
            out_step=300 if "out" in changes else None,
        )

    return make


def test_a_table_and_a_verdict_fit_into_a_terminal(
    vitrail: Vitrail, compared: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = compared(out=str(tmp_path / "best"))
    monkeypatch.setattr(picking, "pick_checkpoint", lambda *_, **__: made)
    done = vitrail.at(80, "pick-checkpoint", "zeb-sd", "--quiet")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80, done.out
    rows = [line.split() for line in lines if re.match(r"(none|\d+) ", line)]
    assert [row[0] for row in rows][-4:] == ["none", "100", "300", "900"]
    assert rows[-2][-4:] == ["0", "of", "16", "best"]
    assert rows[-1][-3:] == ["16", "of", "16"]
    text = " ".join(done.out.split())
    assert "after step 300 it is the best, and all others are shown to be worth less." in text
    assert "the model after step 300: vitrail generate 'a zeb' --model" in text
    assert "(200 were held against the taught)" in text
    assert "beaten by 300" in text


def test_json_has_all_figures(
    vitrail: Vitrail, compared: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compared()
    monkeypatch.setattr(picking, "pick_checkpoint", lambda *_, **__: made)
    told = vitrail("pick-checkpoint", "zeb-sd", "--json", "--quiet").json
    assert (told["best"], told["alike"]) == (300, [300])
    last = told["checkpoints"][2]
    assert (last["step"], last["copies"], last["shares"]["original"]) == (900, 16, 0)
    assert last["behind"]["low"] > 0
    assert [one["taught"] for one in last["drawn"]] == [True, True, False, False]
    assert told["copies"]["needed"] == 99


def test_the_report_shows_what_each_makes_and_marks_copies(compared: Make) -> None:
    page = render_pick_report(compared())
    assert page.count('<span class="copy">copy</span>') == 16
    assert len(re.findall(r'<circle class="dot', page)) == 3
    assert len(re.findall(r'<circle class="dot best', page)) == 1
    # ten taught; four prompts by four checkpoints by eight seeds
    assert page.count('src="data:image/webp') == 10 + 4 * 4 * 8
    assert "After step 300 it is the best" in page
    assert not re.search(r"\bnan\b", page)


def test_a_report_of_hostile_prompts_runs_nothing_and_fetches_nothing(compared: Make) -> None:
    page = render_pick_report(compared(prompt=EVIL))
    assert "<script" not in page
    assert "\x1b" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|javascript:", page)


def test_steps_of_many_that_kept_nothing_stay_within_the_drawing(compared: Make) -> None:
    made = [learning(100, 0.5), *(over_trained(step) for step in range(200, 900, 100))]
    page = render_pick_report(compared(made))
    labels = re.findall(
        r'<text(?: class="best")? x="(\S+)" y="(\S+)"[^>]*>(\d{3})(?: best)?<', page
    )
    places = {int(step): (float(x), float(y)) for x, y, step in labels}
    assert set(places) == {100, 200, 300, 400, 500, 600, 700, 800}
    assert all(0 < y < 340 for _, y in places.values())
    assert len({*places.values()}) == 8


def test_what_is_unknown_is_said_and_drawn_without(compared: Make) -> None:
    page = render_pick_report(compared(nulls=NULLS[:20]))
    assert "whether they copy cannot be told at 1%: that needs 99 innocent images" in page
    assert '<span class="copy">' not in page
    assert "share of copies, less is better" not in page


def test_one_checkpoint_several_alike_and_none_that_is_better_are_told_so(compared: Make) -> None:
    assert verdict(compared([learning(100, 0.5)])).startswith("there is one checkpoint")
    alike = compared([learning(step, 0.8, seed=step) for step in (100, 200, 300)])
    assert re.search(r"that it is worth more than after \d+ and \d+ is not shown", verdict(alike))
    nothing = compared([MadeSet(100, *_parts(base()))])
    assert "no checkpoint is better" in verdict(nothing)
    assert "nothing was learned; train for longer" in verdict(nothing)
    assert '<p class="verdict warn">No checkpoint' in render_pick_report(nothing)


def test_why_no_checkpoint_is_worth_anything_is_told(compared: Make) -> None:
    subject, others, copying = _parts(learning(100, 0.5))
    lost = MadeSet(100, subject, taught()[:2, None].repeat(8, axis=1), copying)
    assert "nothing is left of what other prompts drew; train beside a --prior" in verdict(
        compared([lost])
    )
    copies = MadeSet(100, subject, others, np.ones_like(copying))
    assert "all that they make of it are copies; train for fewer steps" in verdict(
        compared([copies])
    )
    one = MadeSet(100, np.broadcast_to(subject[:1, :1], subject.shape).copy(), others, copying)
    assert "each draws one image again and again; train for fewer steps" in verdict(compared([one]))
    mixed = verdict(compared([lost, copies]))
    assert "or has lost what other prompts drew; train at another rate" in mixed


def test_taught_images_that_have_little_in_common_are_said_to_tell_little(compared: Make) -> None:
    said = "how much was learned is hardly told: before, images were about as near to the taught"
    made = compared()
    assert not any(said in line for line in told_of_pick(made))
    unlike = np.concatenate([base().subject[0, :5], taught(5)])
    found = compare_checkpoints(base(), [learning(100, 0.1)], unlike, NULLS, 0.01)
    assert any(said in line for line in told_of_pick(replace(made, found=found)))


def _parts(made: MadeSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return made.subject, made.others, made.copying
