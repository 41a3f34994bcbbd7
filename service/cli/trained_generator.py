"""What came of a training of a generator, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.tables import print_remark
from vitrail.service.cli.text import near, shell_word

if TYPE_CHECKING:
    from vitrail.service.operations.generator_records import TrainedGenerator


def print_trained_generator(made: TrainedGenerator, *, as_json: bool) -> None:
    """Print what was learned, and how the model is used."""
    if as_json:
        print_document(made.to_dict())
        return
    for line in told_of_generator(made):
        print_remark(line, before="")


def told_of_generator(made: TrainedGenerator) -> list[str]:
    """Sentences on what was learned from, what came of it, and where it lies."""
    beside = f", {made.prior:,} of the class beside" if made.prior else ""
    how = {
        "lora": "by low-rank weights",
        "full": "as a whole",
        "inversion": f"by {counted(len(made.tokens), 'token')} of its own",
    }[made.method]
    before, after = made.loss
    folder = shell_word(near(made.folder))
    lines = [
        f"{counted(made.images, 'image')} with {counted(len(made.captions), 'caption')}{beside}",
        f"{made.source} {how}, {counted(made.steps, 'step')}; the loss of the same noise: "
        f"{before:.4f} before, {after:.4f} after",
        f"samples: {shell_word(near(made.sheet))}, and earlier ones beside it",
    ]
    if made.low_rank:
        files = ", ".join(shell_word(near(path)) for path in made.low_rank)
        lines.append(f"low-rank weights: {files} (diffusers; ComfyUI and A1111)")
    if made.tokens:
        files = ", ".join(shell_word(near(path)) for path in made.tokens)
        lines.append(f"what the tokens mean: {files} (diffusers; ComfyUI and A1111)")
    prompt = shell_word(made.captions[0])
    lines.append(f"use it: vitrail generate {prompt} --model {folder}")
    return lines
