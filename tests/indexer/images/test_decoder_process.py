"""What a thread could not be freed from is decoded where it can be ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
from PIL import Image

from tests.badfiles import encode, picture
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import decoder_process, opening
from vitrail.indexer.images.containers import take_apart
from vitrail.indexer.images.decoder_process import DecodingStoppedError, close_idle
from vitrail.indexer.images.opening import open_image

TIFF = encode(picture(1), "TIFF")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    close_idle()
    yield
    close_idle()


def slow_file(seconds: float = 3600) -> bytes:
    """Plain text that Pillow decodes in Python: a comment it deletes again and again."""
    return b"P2 9999 9999 255\n" + b"#\n" * int(400_000 * seconds) + b"1 " * 10


def reason_of(data: bytes, **options: Any) -> tuple[str, str]:
    with pytest.raises(ImageRejectedError) as caught:
        open_image(data, **options)
    assert "\n" not in caught.value.detail
    return caught.value.reason, caught.value.detail


def test_processes_are_used_again_and_threads_have_their_own() -> None:
    open_image(TIFF)
    (first,) = decoder_process._idle
    open_image(TIFF)
    assert decoder_process._idle == [first]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: open_image(TIFF).image.tobytes(), range(9)))
    assert set(found) == {picture(1).tobytes()}
    assert 1 <= len(decoder_process._idle) <= 3


def test_a_file_that_takes_too_long_becomes_a_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_process, "SECONDS", 0.5)
    monkeypatch.setattr(decoder_process, "SECONDS_A_MEGAPIXEL", 0.0)
    reason, detail = reason_of(slow_file(20))
    assert reason == "too-costly"
    assert "--exclude" in detail
    assert open_image(TIFF).format == "TIFF"


def test_a_file_that_takes_too_much_memory_becomes_a_reject(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoder_process, "SPARE_MEMORY", -(1 << 40))
    assert reason_of(slow_file(20))[0] == "too-costly"


def test_whoever_asked_can_stop_it() -> None:
    stopping = threading.Event()
    threading.Timer(0.5, stopping.set).start()
    with pytest.raises(DecodingStoppedError):
        open_image(slow_file(20), stop=stopping.is_set)
    assert decoder_process._idle == []


def test_a_crash_is_a_reject_and_the_next_picture_goes_on() -> None:
    open_image(TIFF)
    (process,) = decoder_process._idle
    threading.Timer(0.5, process._process.kill).start()
    assert reason_of(slow_file(20)) == (
        "broken",
        "its decoder crashed over it: restore the file, or save it anew",
    )
    assert open_image(TIFF).format == "TIFF"


def test_an_idle_process_that_the_system_ended_is_no_files_fault() -> None:
    open_image(TIFF)
    decoder_process._idle[0]._process.kill()
    decoder_process._idle[0]._process.wait()
    assert open_image(TIFF).format == "TIFF"


def test_without_a_second_process_the_thread_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/no/such/python")
        assert open_image(TIFF).image.tobytes() == picture(1).tobytes()
    monkeypatch.setattr(decoder_process, "_START", "raise ImportError")
    assert open_image(TIFF).image.tobytes() == picture(1).tobytes()


@pytest.mark.skipif(os.name == "nt", reason="sessions are of POSIX")
def test_decoders_end_with_whoever_started_them() -> None:
    code = (
        "import sys; from vitrail.indexer.images.opening import open_image; "
        "open_image(sys.stdin.buffer.read()); "
        "from vitrail.indexer.images import decoder_process as d; "
        "print(d._idle[0]._process.pid, flush=True); import time; time.sleep(600)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as parent:  # type: ignore[call-overload]
        parent.stdin.write(TIFF)
        parent.stdin.close()
        decoder = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        decoder.wait(timeout=60)


def test_errors_over_there_are_told_like_those_here() -> None:
    for name in ("TIFF", "AVIF", "JPEG2000"):
        data = encode(picture(2), name)
        assert reason_of(data[: len(data) * 2 // 3])[0] in ("truncated", "broken")
    assert reason_of(TIFF, max_pixels=10)[0] == "too-many-pixels"


def test_tame_files_are_decoded_in_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "decode_apart", lambda *_: pytest.fail("went apart"))
    for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "PPM"):
        open_image(encode(picture(), name))


def scans(count: int, side: int = 640) -> bytes:
    """A progressive JPEG whose last scan is there many times."""
    data = encode(Image.new("RGB", (side, side), "red"), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def test_jpegs_of_many_scans_go_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def apart(picture: bytes, how: Any, *_: object) -> Image.Image:
        sent.append(how.name)
        return Image.new("RGB", (1, 1))

    monkeypatch.setattr(opening, "decode_apart", apart)
    open_image(scans(10))
    assert sent == []
    open_image(scans(6_000))
    assert sent == ["JPEG"]
    assert take_apart("JPEG", scans(10)).held == 640 * 640 * 3  # 4:2:0: three bytes a pixel
