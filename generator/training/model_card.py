"""The model card of an exported run."""

from __future__ import annotations

import csv
from pathlib import Path

from vitrail.generator.training.assembly import GUIDANCE, STEPS

_CARD = """---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
tags: [stable-diffusion, text-to-image, emoji]
---

# emoji-diffusion-64

A small latent-diffusion model that draws emoji from their names, 64x64 pixels.
It was trained from nothing by Vitrail's own code, and is what Vitrail uses where no other
Stable Diffusion checkpoint can be had. Its layout is the usual one of diffusers:

```python
from diffusers import StableDiffusionPipeline

pipeline = StableDiffusionPipeline.from_pretrained("generator/checkpoints/emoji-diffusion-64")
image = pipeline("red apple", num_inference_steps={sampling}, guidance_scale={guidance}).images[0]
```

## Data

The {images} distinct images of Google's Noto Emoji, drawn from the font of Debian's package
`fonts-noto-color-emoji` on white at 64x64, without skin tones, country flags and gendered joined
sequences. Captions are the emoji's English CLDR names in lower case, 70% of them exactly, the
others with an article, "emoji", "a picture of", the words shuffled, another name, or what people
add to prompts out of habit ("highly detailed").

## Training

{steps}

The latents (8x8x16) are the leading principal components of the images' 8x8 patches; the
autoencoder (f = 8) learns to make them, and to draw the image that slightly wrong ones stand for.
The text encoder (CLIP, 2 layers, width 192) first learns alone: prompts are padded to 36 tokens,
and each of the last 16 has to tell the latents of one region of the image, on a grid of 4x4, and
to bear that region's mark. Under it, unchanged, the U-Net learns with velocity prediction, a cosine
schedule, min-SNR weights, 10% empty captions and a moving average of the weights, all on two cores
of a CPU. So it is the text encoder that remembers the images, and the U-Net that draws what it is
told; both are needed, and other seeds change details only.
Again: `python -m vitrail.generator.training.from_scratch train --out RUN`, then `export`.

{figures}
## What it can and cannot do

It draws the emoji it has seen, and it is meant to remember them: it serves as a known case when
looking for copies of training images. It draws nothing else: no photographs, no scenes, no
combinations that can be relied on ("a red cat on a bus"). Prompts are cut at 34 tokens, and the
name belongs among the first 18. Small letters and digits, and fine details, are soft.

## Licence

Apache-2.0, like the Noto Emoji images it was trained on, (c) Google LLC and contributors,
<https://github.com/googlefonts/noto-emoji>.
"""


def write_card(run: Path, images: int, figures: str = "") -> str:
    """Return the model card, Markdown.

    Args:
        run: the run's folder; its logs tell the steps.
        images: how many images it was trained on.
        figures: a Markdown section of measured results, if there are any.
    """
    lines = []
    for stage in ("autoencoder", "text", "diffusion"):
        log = run / stage / "loss.csv"
        if log.exists():
            with open(log, newline="", encoding="utf-8") as file:
                last = max(int(line["step"]) for line in csv.DictReader(file))
            lines.append(f"- {stage}: {last:,} steps")
    return _CARD.format(
        images=f"{images:,}",
        steps="\n".join(lines),
        figures=figures,
        sampling=STEPS,
        guidance=GUIDANCE,
    )
