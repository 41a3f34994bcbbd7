"""Train the embedded Stable Diffusion from nothing: ``python -m generator.training.from_scratch``.

    python -m generator.training.from_scratch train  --out RUN
    python -m generator.training.from_scratch train  --out RUN --resume
    python -m generator.training.from_scratch export --out RUN --to FOLDER
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from generator.training import assembly, sheets
from generator.training.emoji import render
from generator.training.model_card import write_card
from generator.training.stages import Run, Settings
from indexer.errors import InputError, VitrailError

PROMPTS = (
    "red apple", "green apple", "banana", "pizza", "hamburger", "birthday cake", "sushi", "carrot",
    "dog", "cat", "cat face", "lion", "elephant", "penguin", "fish", "butterfly",
    "rose", "sunflower", "cactus", "palm tree", "mushroom", "four leaf clover", "tulip", "maple leaf",
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
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; go on with --resume", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m generator.training.from_scratch")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train, or go on with --resume")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    train.add_argument("--autoencoder-steps", type=int, default=Settings().autoencoder.steps)
    train.add_argument("--steps", type=int, default=Settings().diffusion.steps)
    train.add_argument("--decoder-steps", type=int, default=Settings().decoder.steps)
    train.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    export = commands.add_parser("export", help="write the newest checkpoint for diffusers")
    export.add_argument("--to", type=Path, required=True, help="folder to write")
    for command in (train, export):
        command.add_argument("--out", type=Path, required=True, help="the run's folder")
        command.add_argument("--font", help="Noto colour emoji font; searched for by default")
    return parser


def _train(options: argparse.Namespace) -> None:
    begun = any(options.out.glob("*/state.pt"))
    if begun and not options.resume:
        raise InputError(f"{options.out} holds a run: add --resume, or name another --out")
    if options.resume and not begun:
        raise InputError(f"{options.out} holds no run to resume: leave out --resume")
    run = Run(options.out, render(64, font=options.font), _settings(options))
    (options.out / "pid").write_text(str(os.getpid()), encoding="utf-8")
    run.train(_report)


def _settings(options: argparse.Namespace) -> Settings:
    if options.workers < 1:
        raise InputError(f"--workers must be at least 1, not {options.workers}")
    base = Settings()
    return dataclasses.replace(
        base,
        autoencoder=dataclasses.replace(base.autoencoder, steps=options.autoencoder_steps),
        diffusion=dataclasses.replace(base.diffusion, steps=options.steps),
        decoder=dataclasses.replace(base.decoder, steps=options.decoder_steps),
        workers=options.workers,
    )


def _report(run: Run, stage: str, step: int) -> None:
    """Draw the loss curves and, once there is a diffusion, a sheet of samples."""
    stages = ("autoencoder", "diffusion", "decoder")
    sheets.draw_losses([run.folder / one / "loss.csv" for one in stages], run.folder / "loss.png")
    if stage == "diffusion" and step % (5 * run.settings.diffusion.save_every):
        return
    if stage != "autoencoder":
        pipeline = assembly.assemble(*run.snapshot(stage), run.tokenizer)
        images = assembly.sample(pipeline, PROMPTS, steps=20)
        rows = [(prompt, [image]) for prompt, image in zip(PROMPTS, images, strict=True)]
        sheets.draw_sheet(rows, columns=16).save(run.folder / f"{stage}-{step:06d}.png")


def _export(options: argparse.Namespace) -> None:
    run = Run(options.out, render(64, font=options.font))
    if not run.restore():
        raise InputError(f"{options.out} holds no trained diffusion: train first")
    pipeline = assembly.assemble(run.autoencoder, run.denoiser, run.tokenizer)
    size = assembly.export(pipeline, options.to, write_card(options.out, len(run.pictures)))
    print(f"wrote {options.to}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
