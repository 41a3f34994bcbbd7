"""Requests put to a service on loopback by many clients at once, and how long each waited.

``python -m benchmarks.http_load PORT CLIENTS SECONDS FILE`` reads prepared requests, one after the
other as bytes with their lengths before them, and prints JSON. It is a process of its own, whose
clients are coroutines over bare sockets: what they cost would else be told as the service's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_LENGTH = 8  # bytes before each request


def request(
    path: str, body: bytes, content_type: str = "application/json", method: str = "POST"
) -> bytes:
    """One request as bytes, over a connection that is kept."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def form(name: str, data: bytes) -> tuple[bytes, str]:
    """A form with one file, and its content type."""
    edge = "----vitrail-benchmark"
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
    return body, f"multipart/form-data; boundary={edge}"


def save(requests: Sequence[bytes], path: Path) -> None:
    """Write requests for another process to send."""
    path.write_bytes(b"".join(len(one).to_bytes(_LENGTH, "little") + one for one in requests))


def _load(path: Path) -> list[bytes]:
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        end = place + _LENGTH + int.from_bytes(data[place : place + _LENGTH], "little")
        found.append(data[place + _LENGTH : end])
        place = end
    return found


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> int:
    """Status of the answer, which is read to its end."""
    writer.write(sent)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    length = next(
        int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")
    )
    await reader.readexactly(length)
    return int(lines[0].split()[1])


async def _client(port: int, requests: Sequence[bytes], first: int, end: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took, number = [], first
    while time.perf_counter() < end:
        began = time.perf_counter()
        status = await _ask(reader, writer, requests[number % len(requests)])
        took.append(time.perf_counter() - began)
        if status != 200:
            raise SystemExit(f"a request was answered with {status}")
        number += 1
    writer.close()
    return took


async def _all(port: int, clients: int, seconds: float, requests: Sequence[bytes]) -> list[float]:
    end = time.perf_counter() + seconds
    step = max(1, len(requests) // clients)
    each = [_client(port, requests, number * step, end) for number in range(clients)]
    return [one for took in await asyncio.gather(*each) for one in took]


def summary(took: Sequence[float], seconds: float) -> dict[str, Any]:
    """Median and 99th percentile in seconds, and requests a second."""
    ranked = sorted(took)
    return {
        "requests": len(ranked),
        "p50": ranked[len(ranked) // 2],
        "p99": ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))],
        "per_second": len(ranked) / seconds,
    }


def main() -> None:
    port, clients, seconds, path = sys.argv[1:]
    requests = _load(Path(path))
    began = time.perf_counter()
    took = asyncio.run(_all(int(port), int(clients), float(seconds), requests))
    print(json.dumps(summary(took, time.perf_counter() - began)))


if __name__ == "__main__":
    main()
