"""Services that are written in an hour: a plain FastAPI handler, and clip-retrieval's way.

``python -m benchmarks.service_contenders handler SIZE PORT`` and ``... retrieval SIZE PORT`` serve
the vectors of the benchmark's collection of that size by the same encoder, at ``/search``: a JSON
body with ``id``, ``vector`` or ``image`` (base64), or a form with ``image``.

The handler is what tutorials of FastAPI and FAISS show: everything at the start, a flat index, one
request at a time on the event loop. clip-retrieval's back end is a Flask resource: a thread a
request, an HNSW index as autofaiss builds it for so many vectors, metadata read by row from Arrow,
and near duplicates among the hits removed by their own vectors, which is what its ``clip_back.py``
does by default. Flask's server is Python's own, which is taken here.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, UploadFile
from numpy.typing import NDArray
from PIL import Image

from benchmarks.holdings import flat
from benchmarks.pictures import cache_folder
from vitrail.indexer.encoders import EMBEDDED, Encoder, EncoderSettings, load_encoder
from vitrail.indexer.images.preprocess import apply

Floats = NDArray[np.float32]
K = 10
_DUPLICATE = 0.94  # the cosine that clip_back.py calls a duplicate


class Embedder:
    """The benchmark's encoder, used as a tutorial uses one."""

    def __init__(self) -> None:
        self._encoder: Encoder = load_encoder(EncoderSettings(EMBEDDED))

    def embed(self, data: bytes) -> Floats:
        """(1, dim) float32 of an image file."""
        image = Image.open(io.BytesIO(data)).convert("RGB")
        pixels = apply(self._encoder.preprocess, image)
        (rows,) = self._encoder.encode(pixels[None]).vectors.values()
        return rows


def captions(size: int) -> list[dict[str, Any]]:
    """What is told of each vector."""
    return [
        {"id": n, "path": f"/made/up/kind-{n % 1000:03}/{n:08}.jpg", "label": f"kind-{n % 1000:03}"}
        for n in range(size)
    ]


def handler_app(size: int) -> FastAPI:
    """A plain FastAPI application, everything at its start and in its handlers."""
    import faiss

    index, embedder, known = faiss.read_index(str(flat(size))), Embedder(), captions(size)
    app = FastAPI()

    def answer(vector: Floats) -> list[dict[str, Any]]:
        scores, rows = index.search(np.ascontiguousarray(vector, np.float32), K)
        return [
            {"score": float(score), **known[row]}
            for score, row in zip(scores[0], rows[0], strict=True)
        ]

    @app.post("/search")
    async def search(request: Request) -> list[dict[str, Any]]:
        asked = await request.json()
        if "id" in asked:
            return answer(np.asarray(index.reconstruct(int(asked["id"])))[None])
        return answer(np.asarray([asked["vector"]], np.float32))

    @app.post("/upload")
    async def upload(image: UploadFile) -> list[dict[str, Any]]:
        return answer(embedder.embed(await image.read()))

    return app


def hnsw(size: int) -> Path:
    """The graph that autofaiss builds for so many vectors."""
    import faiss

    place = cache_folder() / f"hnsw-{size}.faiss"
    if not place.exists():
        held = faiss.read_index(str(flat(size)))
        index = faiss.IndexHNSWFlat(held.d, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 80
        index.add(held.reconstruct_n(0, held.ntotal))
        faiss.write_index(index, str(place))
    return place


class Retrieval:
    """What clip-retrieval's back end does with a request."""

    def __init__(self, size: int) -> None:
        import faiss
        import pyarrow as pa

        self._index = faiss.read_index(str(hnsw(size)))
        self._embedder = Embedder()
        self._known = pa.Table.from_pylist(captions(size))
        self._model = threading.Lock()  # its model is one, too

    def query(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """The hits of a JSON body."""
        if "image" in asked:
            data = base64.b64decode(asked["image"])
            with self._model:
                vector = self._embedder.embed(data)
        elif "id" in asked:
            vector = np.asarray(self._index.reconstruct(int(asked["id"])))[None]
        else:
            vector = np.asarray([asked["vector"]], np.float32)
        scores, rows, vectors = self._index.search_and_reconstruct(vector, K)
        kept = self._without_duplicates(vectors[0])
        found = self._known.take([int(rows[0][i]) for i in kept]).to_pylist()
        return [
            {**one, "similarity": float(scores[0][i])} for one, i in zip(found, kept, strict=True)
        ]

    @staticmethod
    def _without_duplicates(vectors: Floats) -> list[int]:
        near = vectors @ vectors.T > _DUPLICATE
        return [i for i in range(len(vectors)) if not near[i, :i].any()]


def serve_retrieval(size: int, port: int) -> None:
    """Python's own server, a thread a request."""
    retrieval = Retrieval(size)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # which would cost 40 ms an answer

        def do_GET(self) -> None:
            self.send_response(204)  # it lives
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.headers["Content-Type"]
            asked = json.loads(body) if kind == "application/json" else _of_form(kind, body)
            answer = json.dumps(retrieval.query(asked)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    with Server(("127.0.0.1", port), Handler) as server:
        server.serve_forever()


def _of_form(kind: str, body: bytes) -> dict[str, Any]:
    parts = BytesParser(EmailMessage, policy=default).parsebytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + body
    )
    (file,) = parts.iter_attachments()
    return {"image": base64.b64encode(file.get_content())}


def main() -> None:
    way, size, port = sys.argv[1:]
    if way == "handler":
        import uvicorn

        uvicorn.run(handler_app(int(size)), host="127.0.0.1", port=int(port), log_level="warning")
    else:
        serve_retrieval(int(size), int(port))


if __name__ == "__main__":
    main()
