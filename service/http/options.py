"""How a service is set up: plain types, made by a door of the command line or by a program."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vitrail.indexer.errors import InputError

RATE = "3000/minute"
"""How often one key may ask, unless it is said: a page that shows thumbnails asks in hundreds."""
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")
_ROOT = re.compile(r"(/[A-Za-z0-9._~-]+)+")
# where what is asked below the root could be the root itself
_OWN = ("/v1/", "/assets/", "/image/", "/docs/", "/login/")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take.

    Attributes:
        body: bytes of a request's body.
        pixels: of an image that is asked with.
        k: hits of an answer.
        batch: questions of a batch.
        batch_hits: that they all ask for together.
        explained: hits that a request wants explained.
        drawn: images of prompts that a request wants drawn; more are a job.
        filter_seconds: that a filter may take.
        requests: that are answered at once.
        streams: of events that are open at once.
        logins: that are looked at at once.
        login_body: bytes of a login's body.
        bodies: bytes of all bodies that are here at once.
        body_seconds: in which a body has to arrive.
        head_seconds: in which the head of a request, and a login's body, have to arrive.
        send_seconds: in which each piece of a reply has to be taken.
    """

    body: int = 32 << 20
    pixels: int = 89_478_485
    k: int = 1_000
    batch: int = 256
    batch_hits: int = 10_000
    explained: int = 64
    drawn: int = 64
    filter_seconds: float = 5.0
    requests: int = 64
    streams: int = 64
    logins: int = 16
    login_body: int = 4 << 10
    bodies: int = 256 << 20
    body_seconds: float = 60.0
    head_seconds: float = 10.0
    send_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What is served, and how.

    Attributes:
        collections: name -> directory; requests that name none ask the first one.
        state: folder of what is the service's own: jobs, keys, thumbnails.
        host: address that is listened at.
        port: of it; 0 for any that is free.
        roots: folders that may be indexed, by name.
        originals: whether the files of images are given out.
        paths: whether replies tell where files lie.
        read_only: whether nothing may be written.
        limits: of one request.
        keys: whether a key is needed; ``None`` is where others than this machine can ask.
        rate: how often one key, or one address, may ask, such as ``600/minute``; ``None`` is
            ``RATE`` where a key is needed, and as often as it likes otherwise.
        allow_hosts: names that it may be asked by, beside its own.
        allow_origins: origins whose pages may ask, such as ``https://example.org``.
        proxies: addresses whose word on who asks is taken.
        root_path: below which a proxy shows it, such as ``/vitrail``.
        runtime: what runs the encoders: ``auto``, ``openvino``, ``onnx`` or ``torch``.
        device: where: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: in what numbers: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        checkpoints: collection -> certified export of its encoder, or a copy, that embeds what is
            asked with and indexed; its own where none is named.
        warm: whether indexes and encoders are loaded before the first request.
        models: what may draw: name -> Stable Diffusion checkpoint.
        trash: whether jobs may move copies to the trash.

    Raises:
        InputError: no collection is named, a name cannot stand in an address, or the rate, an
            origin or the root is none.
    """

    collections: Mapping[str, Path]
    state: Path
    host: str = "127.0.0.1"
    port: int = 8000
    roots: Mapping[str, Path] = field(default_factory=dict)
    originals: bool = True
    paths: bool = False
    read_only: bool = False
    limits: Limits = Limits()
    keys: bool | None = None
    rate: str | None = None
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    root_path: str = ""
    runtime: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    warm: bool = True
    models: Mapping[str, str] = field(default_factory=lambda: {"embedded": "embedded"})
    trash: bool = False

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine can ask."""
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def most_often(self) -> str | None:
        """How often one key, or one address, may ask; ``None`` as often as it likes."""
        return self.rate or (RATE if self.needs_keys else None)

    @property
    def needs_keys(self) -> bool:
        """Whether a key is needed."""
        return not self.on_loopback if self.keys is None else self.keys

    def __post_init__(self) -> None:
        if not self.collections:
            raise InputError("no collection is named; name at least one to serve")
        for name in self.checkpoints:
            if name not in self.collections:
                raise InputError(
                    f"a checkpoint is given for {name!r}, and served are "
                    f"{', '.join(self.collections)}; name one of these, as NAME=CHECKPOINT"
                )
        for name in (*self.collections, *self.roots, *self.models):
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"the name {name!r} cannot stand in an address; use up to 64 of a-z, 0-9, "
                    "dots, dashes and underscores, a letter or digit first"
                )
        for origin in self.allow_origins:
            if not _ORIGIN.fullmatch(origin):
                raise InputError(
                    f"{origin!r} is no origin; write it like https://example.org, without a path"
                )
        if self.root_path and not _ROOT.fullmatch(self.root_path):
            raise InputError(f"{self.root_path!r} is no root; write it like /vitrail")
        if f"{self.root_path}/".startswith(_OWN):
            raise InputError(
                f"{self.root_path!r} is no root: it is an address of the service's own; "
                "take another, such as /vitrail"
            )
