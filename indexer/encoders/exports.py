"""Exported encoders as they lie on disk: what they were made from, and what vouches for them.

An export is a model directory with a runtime's own file in the place of the weights. Two files say
what that is: the manifest, of which encoder it is an export, and the certificate, how near its
vectors were to that encoder's on somebody's images. No framework is imported here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from vitrail.indexer.encoders.weights import read_object
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.files.cache import file_sha256
from vitrail.indexer.fingerprint import Fingerprint

Target = Literal["openvino", "onnx", "torch-export", "coreml", "tensorrt"]
TARGETS: tuple[str, ...] = get_args(Target)
MANIFEST = "vitrail-export.json"
CERTIFICATE = "certificate.json"
LOGITS = "logits"
"""What the head's output is called in a graph."""
FORMAT = 1
"""Of both files; a later one is not read by this version."""
RUNS = {"openvino": "openvino", "onnx": "onnx", "tensorrt": "onnx"}
"""Target -> the runtime that Vitrail runs it by; the others are for other programs."""


@dataclass(frozen=True, slots=True)
class Export:
    """An exported encoder that has been looked at, but not loaded.

    Attributes:
        directory: where its files are.
        target: what it was exported to.
        precision: ``fp32``, ``fp16``, ``bf16``, ``int8`` or ``int4``.
        files: of the model, the one that is loaded first; relative to the directory.
        digest: sha256 (hex) over the files.
        outputs: of the graph, in order: the spaces' names, and ``logits`` where there is a head.
        source: fingerprint of the encoder that it was made from, with the spaces that it gives.
        doubt: why nothing vouches for it; empty where its certificate does.
    """

    directory: Path
    target: str
    precision: str
    files: tuple[str, ...]
    digest: str
    outputs: tuple[str, ...]
    source: Fingerprint
    doubt: str

    @property
    def certified(self) -> bool:
        """Whether its vectors may stand for those of its source."""
        return not self.doubt

    @property
    def variant(self) -> str:
        """Which sibling of its source it is, for people."""
        return f"{self.precision} {self.target} export {self.digest[:10]}"

    @property
    def model(self) -> Path:
        """The file that is loaded first."""
        return self.directory / self.files[0]


def is_export(directory: Path) -> bool:
    """Whether a model directory says of itself that it is an export."""
    return (directory / MANIFEST).is_file()


def read_export(directory: Path, name: str) -> Export:
    """What a directory's manifest and certificate tell, held against the files themselves.

    Args:
        directory: has a manifest.
        name: of the checkpoint, for messages.

    Raises:
        CheckpointError: the manifest cannot be used, or a file is missing or another than the one
            that was written.
    """
    told = read_object(directory / MANIFEST)
    if told.get("format") != FORMAT:
        raise CheckpointError(
            f"{name!r} is an export of format {told.get('format')!r}, and this version reads "
            f"{FORMAT}: export it again, or update vitrail"
        )
    try:
        files = {str(key): str(value) for key, value in told["files"].items()}
        source = Fingerprint.from_json(json.dumps(told["source"]))
        target, precision = str(told["target"]), str(told["precision"])
        outputs = tuple(map(str, told["outputs"]))
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{directory / MANIFEST} does not tell what was exported ({error}): export it again"
        ) from None
    spaces = tuple(space for space, _ in source.spaces)
    fits = outputs in (spaces, (*spaces, LOGITS))
    if target not in TARGETS or not files or not fits or any(map(_leads_away, files)):
        raise CheckpointError(f"{directory / MANIFEST} names no export of ours: export it again")
    _hold_files(directory, files, name)
    digest = files_digest(files)
    doubt = _doubt(directory, digest, source, (target, precision))
    return Export(directory, target, precision, tuple(files), digest, outputs, source, doubt)


def refuse_export(name: str, export: Export | None) -> None:
    """Refuse an export where weights are needed, to learn or to be exported again.

    Args:
        name: of the checkpoint, for the message.
        export: what it is one of; ``None`` where it has weights of its own.

    Raises:
        CheckpointError: names what it was made from.
    """
    if export is not None:
        raise CheckpointError(
            f"{name!r} is an export itself: name what it was made from, {export.source.checkpoint}"
        )


def _leads_away(file: str) -> bool:
    """Whether a name leads out of the export's folder."""
    path = Path(file)
    return path.is_absolute() or ".." in path.parts


def _hold_files(directory: Path, files: Mapping[str, str], name: str) -> None:
    """Refuse a file that is not what was written; a package of many files goes by its list."""
    for file, expected in files.items():
        path = directory / file
        if not path.is_file():
            raise CheckpointError(f"{name!r} lacks {file}, which it was exported with: copy it too")
        if file_sha256(path) != expected:
            raise CheckpointError(
                f"{name!r} has another {file} than it was exported with: copy it again, or export "
                "it again"
            )


def files_digest(files: Mapping[str, str]) -> str:
    """Sha256 (hex) over names and sha256 of a model's files."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def _doubt(directory: Path, digest: str, source: Fingerprint, made: tuple[str, str]) -> str:
    """Why a certificate does not vouch for a model, made so; empty where it does."""
    path = directory / CERTIFICATE
    if not path.is_file():
        return "has no certificate"
    try:
        told = read_object(path)
    except CheckpointError:
        return "has a certificate that cannot be read"
    if told.get("format") != FORMAT:
        return "has a certificate of another version"
    if told.get("checksum") != certificate_checksum(told):
        return "has a certificate that was changed"
    if told.get("model") != digest or told.get("source") != source.digest:
        return "has the certificate of another export"
    if (told.get("target"), told.get("precision")) != made:
        return "calls itself otherwise than its certificate does"
    if told.get("failed") != []:
        return "fell short of its certificate"
    return ""


def certificate_checksum(told: Mapping[str, Any]) -> str:
    """Sha256 (hex) over all that a certificate tells besides its checksum."""
    rest = {key: value for key, value in told.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
