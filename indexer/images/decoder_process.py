"""Decoding where it can be ended: in a process of its own, watched for time and memory.

What a thread does inside a C library cannot be stopped, and a library that holds the interpreter
holds Ctrl-C too. So there are two kinds of image:

- *Tame* ones (JPEG, PNG, GIF, small WebP, most BMP and PPM): after ``containers`` has left out all
  that is no image, their decoders' work is bounded by numbers in the header, which are checked
  before. They are decoded in the caller's thread, at no cost.
- The others (TIFF, AVIF, HEIF, JPEG 2000, runs and plain text that Pillow decodes in Python, JPEGs
  of hundreds of scans): a kilobyte of them may ask for hours, by hidden frames, empty tiles, layers
  or a compression of its own. No header tells, so they go to a process that is ended when it takes
  far more time or memory than an image of that size does. It also keeps a decoder's crash, and
  what it prints, away from us.

A watchdog alone could only say which file hangs; a process for every image would take a quarter
of a second before the first one, for the formats that most files have and that need it least. The
processes are started when first needed, used again, and end with their standard input.

Time is the process's own, which a busy machine does not shorten.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from vitrail.indexer.errors import ImageRejectedError, VitrailError
from vitrail.indexer.images.budget import written
from vitrail.indexer.images.decoder_server import BAND, read_header, write_header
from vitrail.indexer.images.pixels import Decoding

SECONDS = 60.0
"""Processor time that every image may take,"""

SECONDS_A_MEGAPIXEL = 1.0
"""and how much more for its size: some ten times what the slowest of these formats takes."""

SPARE_MEMORY = 256 << 20
"""Bytes that a decoder may take beyond what the image's header lets expect."""

_WALL = 20  # times the processor time: what waits for nothing must end some time too
_LOOK = 0.05  # seconds between two looks at a process
_IDLE_MEMORY = 300 << 20  # a process that kept more than this is not used again
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from vitrail.indexer.images.decoder_server import serve; serve()"
)


class DecodingStoppedError(VitrailError):
    """Decoding was ended because whoever asked for it does not want it any more."""


class DecodingUnavailableError(VitrailError):
    """No process can be started here."""


def decode_apart(
    encoded: bytes,
    how: Decoding,
    size: tuple[int, int],
    memory: int,
    stop: Callable[[], bool] = lambda: False,
) -> Image.Image:
    """As ``pixels.decode``, in another process.

    Args:
        encoded: the file.
        how: ``orientation`` and ``icc`` are left to Pillow.
        size: (width, height) by the header.
        memory: bytes that it should need.
        stop: asked now and then; once true, the process is ended.

    Raises:
        ImageRejectedError: ``too-costly``, or a reason of ``pixels.decode``.
        DecodingStoppedError: ``stop`` said so.
        DecodingUnavailableError: no process can be started.
        Exception: what the decoder stumbled over, as ``pixels.decode``.
    """
    seconds = SECONDS + SECONDS_A_MEGAPIXEL * size[0] * size[1] / 1e6
    process = _take()
    try:
        memory += SPARE_MEMORY + 2 * len(encoded)
        return process.decode(encoded, how, seconds, memory, stop)
    finally:
        _give_back(process)


class _DecoderProcess:
    """One process; used by one thread at a time."""

    def __init__(self) -> None:
        import psutil

        options: dict[str, Any] = {} if os.name == "nt" else {"start_new_session": True}
        try:
            # A session of its own: Ctrl-C is for whoever asked, who then ends us or goes on.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                **options,
            )
            self._seen = psutil.Process(self._process.pid)
        except (OSError, ValueError, psutil.Error) as error:
            raise DecodingUnavailableError(f"no decoder can be started ({error})") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._replies: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self.answered = self._was_ended = False

    def decode(
        self,
        encoded: bytes,
        how: Decoding,
        seconds: float,
        memory: int,
        stop: Callable[[], bool],
    ) -> Image.Image:
        with _Watch(self, seconds, memory, stop) as watch:
            try:
                return self._ask(encoded, how, seconds)
            except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
                if isinstance(error, _DecoderError):
                    raise error.told() from None
                self.end()
                raise watch.verdict or self._ended_early() from error
            except ImageRejectedError:
                raise
            except BaseException:  # Ctrl-C: half a reply may be on its way
                self.end()
                raise

    def _ask(self, encoded: bytes, how: Decoding, seconds: float) -> Image.Image:
        request = {"name": how.name, "target": how.target, "max_pixels": how.max_pixels}
        write_header(self._requests, {**request, "bytes": len(encoded), "seconds": seconds})
        self._requests.write(encoded)
        self._requests.flush()
        reply = read_header(self._replies)
        if reply is None:
            raise EOFError
        self.answered = True
        if "reason" in reply:
            raise ImageRejectedError(str(reply["reason"]), str(reply["detail"]))
        if "error" in reply:
            raise _DecoderError(str(reply["error"]), str(reply["text"]))
        width, height = (int(side) for side in reply["size"])
        if not 0 < width * height <= how.max_pixels:
            raise ValueError("no such size")
        return self._receive(width, height)

    def _receive(self, width: int, height: int) -> Image.Image:
        found = Image.new("RGB", (width, height))
        rows = max(1, BAND // width)
        for top in range(0, height, rows):
            count = min(rows, height - top)
            band = self._replies.read(3 * width * count)
            found.paste(Image.frombytes("RGB", (width, count), band), (0, top))
        return found

    def _ended_early(self) -> Exception:
        status = self._process.wait()
        if not self.answered and status == 1:  # Python itself found no way to start
            return DecodingUnavailableError("no decoder can be started")
        return ImageRejectedError(
            "broken", "its decoder crashed over it: restore the file, or save it anew"
        )

    def used(self) -> tuple[float, int]:
        """Processor seconds so far, and bytes now."""
        import psutil

        try:
            times = self._seen.cpu_times()
            return times.user + times.system, int(self._seen.memory_info().rss)
        except psutil.Error:
            return 0.0, 0

    def is_fit(self) -> bool:
        """Whether it may be used again."""
        running = not self._was_ended and self._process.poll() is None
        return running and self.used()[1] < _IDLE_MEMORY

    def end(self) -> None:
        """End it at once."""
        self._was_ended = True
        self._process.kill()

    def close(self) -> None:
        """End it, and wait until it has."""
        self.end()
        for stream in (self._requests, self._replies):
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()


class _DecoderError(ValueError):
    """What the decoder raised over there."""

    def told(self) -> Exception:
        kind, text = self.args
        if kind == "memory":
            return MemoryError(text)
        if kind == UnidentifiedImageError.__name__:
            return UnidentifiedImageError(text)
        if kind == Image.DecompressionBombError.__name__:
            return Image.DecompressionBombError(text)
        return EOFError(text) if kind == EOFError.__name__ else OSError(text)


class _Watch:
    """Looks at a process from a thread of its own, while another waits for it."""

    def __init__(
        self, process: _DecoderProcess, seconds: float, memory: int, stop: Callable[[], bool]
    ) -> None:
        self._process, self._stop = process, stop
        self._seconds, self._memory = seconds, memory
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self.verdict: Exception | None = None

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        before, held = self._process.used()
        started = time.monotonic()
        while self.verdict is None and not self._over.wait(_LOOK):
            used, now = self._process.used()
            waited = time.monotonic() - started
            if self._stop():
                self.verdict = DecodingStoppedError("decoding was stopped")
            elif used - before > self._seconds or waited > _WALL * self._seconds:
                self.verdict = _too_costly(f"{self._seconds:.0f} s of a processor")
            elif now - held > self._memory:
                self.verdict = _too_costly(written(self._memory))
        if self.verdict is not None:
            self._process.end()


def _too_costly(what: str) -> ImageRejectedError:
    return ImageRejectedError(
        "too-costly",
        f"decoding it took more than {what}, far beyond what its size needs, and was ended: save "
        "it anew with an image editor, or leave it out with --exclude",
    )


_idle: list[_DecoderProcess] = []
_lock = threading.Lock()


def _take() -> _DecoderProcess:
    while True:
        with _lock:
            if not _idle:
                break
            process = _idle.pop()
        if process.is_fit():  # the system may have ended it meanwhile
            return process
        process.close()
    return _DecoderProcess()


def _give_back(process: _DecoderProcess) -> None:
    if process.is_fit():
        with _lock:
            _idle.append(process)
    else:
        process.close()


def close_idle() -> None:
    """End the processes that nobody uses now; the next image that needs one starts it."""
    with _lock:
        idle, _idle[:] = _idle[:], []
    for process in idle:
        process.close()


atexit.register(close_idle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # their pipes are the parent's
