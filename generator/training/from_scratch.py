"""Train the embedded Stable Diffusion from nothing.

python -m vitrail.generator.training.from_scratch train  --out RUN
python -m vitrail.generator.training.from_scratch train  --out RUN --resume
python -m vitrail.generator.training.from_scratch export --out RUN --to FOLDER
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from vitrail.generator.training import assembly, autoencoder, sheets
from vitrail.generator.training.emoji import render
from vitrail.generator.training.images import to_images
from vitrail.generator.training.loop import STATE_FILE
from vitrail.generator.training.model_card import write_card
from vitrail.generator.training.scope import write_scope
from vitrail.generator.training.stages import STAGES, Run, RunSettings
from vitrail.indexer.errors import InputError, VitrailError

SHEET_EVERY = 2  # checkpoints
PROMPTS = (
    "red apple", "green apple", "banana", "pizza", "hamburger", "birthday cake", "sushi", "carrot",
    "dog", "cat", "cat face", "lion", "elephant", "penguin", "fish", "butterfly",
    "rose", "sunflower", "cactus", "palm tree", "mushroom", "shamrock", "tulip", "maple leaf",
    "automobile", "bus", "fire engine", "airplane", "rocket", "sailboat", "bicycle", "locomotive",
    "soccer ball", "basketball", "trophy", "guitar", "violin", "drum", "trumpet", "game die",
    "house", "castle", "church", "tent", "volcano", "rainbow", "snowman", "full moon",
    "grinning face", "crying face", "angry face", "ghost", "robot", "skull", "red heart", "star",
    "t-shirt", "necktie", "crown", "glasses", "key", "light bulb", "hammer", "alarm clock",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    try:
        commands = {"train": _train, "export": _export}
        commands[options.command](options)
    except VitrailError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        print("stopped; go on with --resume", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vitrail.generator.training.from_scratch")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train, or go on with --resume")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    train.add_argument("--autoencoder-steps", type=int, default=RunSettings().autoencoder.steps)
    train.add_argument("--text-steps", type=int, default=RunSettings().text.steps)
    train.add_argument("--steps", type=int, default=RunSettings().diffusion.steps)
    train.add_argument("--stage", choices=STAGES, help="only this stage; both by default")
    train.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    export = commands.add_parser("export", help="write the newest checkpoint for diffusers")
    export.add_argument("--to", type=Path, required=True, help="folder to write")
    export.add_argument("--figures", type=Path, help="Markdown of measured results, for the card")
    for command in (train, export):
        command.add_argument("--out", type=Path, required=True, help="the run's folder")
        command.add_argument("--font", help="Noto colour emoji font; searched for by default")
    return parser


def _train(options: argparse.Namespace) -> None:
    stages = (options.stage,) if options.stage else STAGES
    begun = any((options.out / stage / STATE_FILE).exists() for stage in stages)
    if begun and not options.resume:
        raise InputError(f"{options.out} holds a run: add --resume, or name another --out")
    if options.resume and not begun:
        raise InputError(f"{options.out} holds no run to resume: leave out --resume")
    run = Run(options.out, render(64, font=options.font), _settings(options))
    run.train(stages, _report)


def _settings(options: argparse.Namespace) -> RunSettings:
    if options.workers < 1:
        raise InputError(f"--workers must be at least 1, not {options.workers}")
    base = RunSettings()
    return dataclasses.replace(
        base,
        autoencoder=dataclasses.replace(base.autoencoder, steps=options.autoencoder_steps),
        text=dataclasses.replace(base.text, steps=options.text_steps),
        diffusion=dataclasses.replace(base.diffusion, steps=options.steps),
        workers=options.workers,
    )


def _report(run: Run, stage: str, step: int) -> None:
    """Draw the loss curves and, now and then, a sheet of samples."""
    logs = [run.folder / one / "loss.csv" for one in STAGES]
    sheets.draw_losses(logs, run.folder / "loss.png")
    if stage == "text" or step % (SHEET_EVERY * run.settings.diffusion.save_every):
        return
    saved = run.snapshot()
    if stage == "autoencoder":
        rows = _reconstructions(saved)
    else:
        pipeline = assembly.assemble(saved.autoencoder, saved.denoiser, run.tokenizer)
        images = assembly.sample(pipeline, PROMPTS)
        rows = [(prompt, [image]) for prompt, image in zip(PROMPTS, images, strict=True)]
    sheets.draw_sheet(rows, columns=16).save(run.folder / f"{stage}-{step:06d}.png")


def _reconstructions(run: Run) -> list[tuple[str, list[Image.Image]]]:
    chosen = slice(0, None, max(1, len(run.images) // 64))
    pixels = run.pixels[chosen]
    made = autoencoder.decode(run.autoencoder, run.basis.project(pixels))
    again = autoencoder.decode(run.autoencoder, autoencoder.encode(run.autoencoder, pixels))
    ratios = [autoencoder.peak_signal_to_noise(one, pixels) for one in (made, again)]
    print(f"decoded {ratios[0]:.2f} dB, encoded and decoded {ratios[1]:.2f} dB", flush=True)
    pairs = zip(to_images(pixels), to_images(made), strict=True)
    names = [image.emoji.name for image in run.images[chosen]]
    return [(name, list(pair)) for name, pair in zip(names, pairs, strict=True)]


def _export(options: argparse.Namespace) -> None:
    missing = [one for one in STAGES if not (options.out / one / STATE_FILE).exists()]
    if missing:
        raise InputError(f"{options.out} holds no trained {' and no '.join(missing)}: train first")
    run = Run(options.out, render(64, font=options.font))
    run.restore()
    pipeline = assembly.assemble(run.autoencoder, run.denoiser, run.tokenizer)
    figures = _read(options.figures) if options.figures else ""
    card = write_card(options.out, len(run.images), figures)
    size = assembly.export(pipeline, options.to, card)
    write_scope(options.to, (image.emoji for image in run.images))
    print(f"wrote {options.to}: {size / 1e6:.1f} MB")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read --figures {path}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
