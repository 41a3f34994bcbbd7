from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from vitrail.generator.training import sheets
from vitrail.generator.training.from_scratch import PROMPTS, main
from vitrail.indexer.errors import InputError


def test_prompts_of_the_sheet_are_names_of_the_data_set() -> None:
    from vitrail.generator.training.emoji import list_emoji

    assert len(set(PROMPTS)) == 64
    assert set(PROMPTS) <= {emoji.name for emoji in list_emoji()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--out", "{}", "--resume"], "no run to resume"),
        (["train", "--out", "{}", "--font", "no.ttf"], "no emoji font found"),
        (
            ["export", "--out", "{}", "--to", "{}/to"],
            "no trained autoencoder and no text",
        ),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    font: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([one.replace("{}", str(tmp_path)) for one in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error


def test_a_run_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "diffusion").mkdir()
    (tmp_path / "diffusion" / "state.pt").write_bytes(b"")
    assert main(["train", "--out", str(tmp_path)]) == 2
    assert "--resume" in capsys.readouterr().err


def test_a_sheet_has_a_cell_for_each_prompt() -> None:
    image = Image.new("RGB", (16, 16), "red")
    sheet = sheets.draw_sheet([(f"picture {n}", [image, image]) for n in range(5)], columns=3)
    assert sheet.width == 3 * 36
    assert sheet.getpixel((1, 1)) == (255, 0, 0)
    with pytest.raises(InputError):
        sheets.draw_sheet([])


def test_the_loss_curve_forgets_steps_that_were_done_again(tmp_path: Path) -> None:
    log = tmp_path / "diffusion" / "loss.csv"
    log.parent.mkdir()
    log.write_text("step,loss,seconds_per_step\n20,1.0,1\n40,0.9,1\n20,0.8,1\n", encoding="utf-8")
    assert sheets._read_losses(log) == ([20, 40], [0.8, 0.9])
    sheets.draw_losses([log, tmp_path / "missing.csv"], tmp_path / "loss.png")
    with Image.open(tmp_path / "loss.png") as curve:
        assert curve.width > 100
