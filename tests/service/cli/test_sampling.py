from __future__ import annotations

from typing import Annotated

import typer
from typer.testing import CliRunner

from vitrail.service.cli.sampling import Drawing, drawing_options


def run(*words: str, without: tuple[str, ...] = ()) -> tuple[str, list[Drawing]]:
    """Output and drawings of a command with an option of its own before the shared ones."""
    app, drawings = typer.Typer(rich_markup_mode=None), []

    @drawing_options(without=without)
    def command(
        image: Annotated[str, typer.Argument(metavar="IMAGE")],
        strength: float = 0.6,
        *,
        drawing: Drawing,
    ) -> None:
        """Draw."""
        typer.echo(f"{image} {strength}")
        drawings.append(drawing)

    app.command()(command)
    return CliRunner().invoke(app, list(words)).output, drawings


def test_the_options_become_one_drawing() -> None:
    output, (drawing,) = run(
        *("cat.png", "--strength", "0.2", "-n", "3", "--seed", "7", "--negative", "fog"),
        *("--width", "64", "--lora", "a:0.5", "--lora", "b", "--guidance", "2", "-q"),
    )
    assert output == "cat.png 0.2\n"
    assert drawing == Drawing(
        n=3, seed=7, negative="fog", width=64, lora=["a:0.5", "b"], guidance=2.0, quiet=True
    )
    assert drawing.options.sampling.n == 3
    assert drawing.options.sampling.seed == 7
    assert drawing.options.sampling.negative_prompt == "fog"
    assert drawing.options.sampling.guidance == 2.0


def test_defaults_are_the_dataclass_s_own() -> None:
    _, (drawing,) = run("cat.png")
    assert drawing == Drawing()


def test_the_help_shows_own_options_first_then_the_shared_ones_in_order() -> None:
    output, _ = run("--help")
    options = [line.split()[0] for line in output.splitlines() if line.startswith("  -")]
    assert options == [
        *("--strength", "-n,", "--seed", "--negative", "--width", "--height", "--steps"),
        *("--guidance", "--scheduler", "--lora", "--model", "--checkpoint", "--space"),
        *("--force", "-c,", "--device"),
        *("--precision", "--json", "-q,", "--install-completion", "--show-completion", "--help"),
    ]


def test_an_option_left_out_is_unknown() -> None:
    output, drawings = run("cat.png", "--width", "64", without=("width", "height"))
    assert "No such option" in output
    assert drawings == []
    _, (drawing,) = run("cat.png", "--steps", "4", without=("width", "height"))
    assert (drawing.width, drawing.steps) == (None, 4)
