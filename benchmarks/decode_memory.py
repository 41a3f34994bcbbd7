"""How much memory decoding takes, by format and mode: bytes a pixel at the peak.

Run: ``python -m benchmarks.decode_memory [--side 4500]``. Each picture is opened in a process of
its own, for an encoder of 224 pixels and with every pixel; what the process had before is left out,
and what its decoder process took is counted with it. Beside it stands what ``pixels.bytes_needed``
expects from the header. Linux only, which tells a process's peak.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks.machine import command_line, describe
from benchmarks.report import heading, table, write
from vitrail.indexer.images import formats
from vitrail.indexer.images.containers import take_apart
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.images.pixels import bytes_needed

TARGET = 224
# Format, mode, and options of Pillow's writer.
KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    *(("PNG", mode, {"compress_level": 1}) for mode in ("RGB", "RGBA", "LA", "L", "1", "P")),
    ("PNG", "P", {"compress_level": 1, "transparency": 3}),
    ("PNG", "RGB", {"compress_level": 1, "transparency": (1, 2, 3)}),
    ("PNG", "I;16", {"compress_level": 1}),
    ("GIF", "P", {}),
    ("GIF", "P", {"transparency": 3}),
    ("GIF", "P", {"save_all": True}),
    ("WEBP", "RGB", {"method": 0}),
    ("WEBP", "RGBA", {"method": 0}),
    ("WEBP", "RGBA", {"method": 0, "lossless": True}),
    ("WEBP", "RGB", {"method": 0, "save_all": True}),
    ("BMP", "RGB", {}),
    ("BMP", "P", {}),
    *(("TIFF", mode, {}) for mode in ("RGB", "RGBA", "I;16", "I", "F", "CMYK", "LAB")),
    ("TIFF", "RGBA", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    *(("AVIF", mode, {"speed": 10}) for mode in ("RGB", "RGBA", "L")),
    *(("HEIF", mode, {}) for mode in ("RGB", "RGBA")),
    *(("JPEG2000", mode, {}) for mode in ("RGB", "RGBA", "I;16")),
    ("PPM", "RGB", {}),
)


def made_picture(name: str, mode: str, options: dict[str, Any], side: int) -> bytes:
    """A smooth picture of ``side`` squared pixels, its alpha a ramp."""
    if name == "HEIF":
        formats.load_plugin(name)
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((side, side))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(small.convert("L")).astype(np.uint16) * 257)
    else:
        image = small.convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(small.convert("L"))
    if options.get("save_all"):
        turned = image.transpose(Image.Transpose.ROTATE_90)
        options = {**options, "append_images": [turned, image]}
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def measure(name: str, path: str, target: int | None) -> float:
    """Bytes that opening takes at its peak, beyond those of the file and of what was there."""
    data = Path(path).read_bytes()
    warm_up(name)
    processes = [psutil.Process(), *psutil.Process().children()]
    before = sum(reset_peak(one) for one in processes)
    open_image(data, target=target)
    return sum(peak(one) for one in processes) - before


def warm_up(name: str) -> None:
    """Load what the format needs, its decoder process included."""
    small = Image.new("RGB", (64, 64))
    buffer = io.BytesIO()
    small.save(buffer, "TIFF" if name == "HEIF" else name)
    open_image(buffer.getvalue(), target=TARGET)
    buffer = io.BytesIO()
    small.save(buffer, "TIFF")
    open_image(buffer.getvalue(), target=TARGET)
    formats.load_plugin(name)


def reset_peak(process: psutil.Process) -> int:
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    return int(process.memory_info().rss)


def peak(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def in_own_process(name: str, path: Path, target: int | None) -> float:
    words = [sys.executable, "-m", "benchmarks.decode_memory", "--open", name, str(path)]
    words += ["--target", str(target or 0)]
    return float(subprocess.run(words, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4500)
    parser.add_argument("--folder", type=Path, default=Path("demo"))
    parser.add_argument("--open", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--target", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.open:
        name, path = options.open
        print(measure(name, path, options.target or None))
        return
    rows = []
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "picture"
    for name, mode, how in KINDS:
        data = made_picture(name, mode, how, options.side)
        path.write_bytes(data)
        row = [f"{name} {mode}", ", ".join(f"{k}={v}" for k, v in how.items())]
        for target in (TARGET, None):
            taken = in_own_process(name, path, target) / options.side**2
            expected = bytes_needed(take_apart(name, data), name, target) / options.side**2
            row += [f"{taken:.2f}", f"{expected:.2f}"]
        rows.append(row)
        print(*row, sep="\t", flush=True)
    path.unlink()
    machine = describe(command_line("benchmarks.decode_memory"))
    columns = ("picture", "as", f"for {TARGET}", "expected", "every pixel", "expected ")
    page = (
        heading("Memory of decoding, bytes a pixel", machine) + "\n" + table(columns, rows) + "\n"
    )
    write("decode_memory", {"machine": machine, "side": options.side, "rows": rows}, page)


if __name__ == "__main__":
    main()
