"""A process that decodes one image after the other; see ``decoder_process``.

Requests come on standard input, replies go to standard output: four bytes with the length of a
JSON header, the header, and raw bytes. Nothing is pickled, so that a decoder that a file took over
cannot take over who asked.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO

from PIL import Image

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images.pixels import Decoding, decode

BAND = 1 << 20
"""Pixels that are sent at once."""


def serve() -> None:
    """Decode what is asked for until standard input ends."""
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(1), "wb")
    # A library that prints must not talk into a reply.
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    while (header := read_header(requests)) is not None:
        encoded = requests.read(header["bytes"])
        _limit_time(header["seconds"])
        _answer(replies, encoded, Decoding(header["name"], header["target"], header["max_pixels"]))
        replies.flush()


def read_header(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message's header, or ``None`` at the stream's end."""
    length = stream.read(4)
    if len(length) < 4:
        return None
    text = stream.read(int.from_bytes(length, "big"))
    found = json.loads(text)
    return found if isinstance(found, dict) else None


def write_header(stream: BinaryIO, header: dict[str, Any]) -> None:
    """Begin a message."""
    text = json.dumps(header).encode()
    stream.write(len(text).to_bytes(4, "big") + text)


def _answer(replies: BinaryIO, encoded: bytes, how: Decoding) -> None:
    try:
        image = decode(encoded, how)
    except ImageRejectedError as error:
        write_header(replies, {"reason": error.reason, "detail": error.detail})
    except Exception as error:
        kind = "memory" if isinstance(error, MemoryError) else type(error).__name__
        write_header(replies, {"error": kind, "text": str(error)[:500]})
    else:
        _send(replies, image)


def _send(replies: BinaryIO, image: Image.Image) -> None:
    width, height = image.size
    write_header(replies, {"size": [width, height]})
    rows = max(1, BAND // width)
    for top in range(0, height, rows):
        replies.write(image.crop((0, top, width, min(height, top + rows))).tobytes())


def _limit_time(seconds: float) -> None:
    """Let the system end this process, should nobody be left to watch it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used + 2 * seconds) + 1
    if hard == resource.RLIM_INFINITY or wanted <= hard:
        resource.setrlimit(resource.RLIMIT_CPU, (wanted, hard))
