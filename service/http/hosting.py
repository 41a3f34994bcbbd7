"""The collections that a service answers for, held open and brought up to date."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Annotated

from fastapi import Depends, Query, Request

from vitrail.indexer.errors import CollectionError, UnknownImageError
from vitrail.service.documents.plain import model_name
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.warming import warm

_CHORE_SECONDS = 60.0
_PATIENCE = 10.0  # with what is being loaded ahead, when the service ends
FRESH_SECONDS = 1.0  # after which a commit of another process is seen at the latest


class UnknownCollectionError(UnknownImageError):
    """No collection of this name is served."""

    code = "unknown-collection"


@dataclass(frozen=True, slots=True)
class Hosted:
    """One of them.

    Attributes:
        name: under which it is served.
        directory: of it.
        collection: open for reading; threads share it.
        places: whether replies tell where files lie.
    """

    name: str
    directory: Path
    collection: Collection
    places: bool = False

    @property
    def checkpoint(self) -> str:
        """Its encoder's, as replies tell it."""
        named = self.collection.fingerprint.checkpoint
        return named if self.places else model_name(named)


class Host:
    """All of them, opened on entry; a context manager.

    Args:
        collections: name -> directory, the first one being the default.
        runtime: what runs the encoders: ``auto``, ``openvino``, ``onnx`` or ``torch``.
        device: where: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: in what numbers: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        checkpoints: name -> certified export that runs in the place of a collection's encoder.
        ahead: whether what the first requests need is loaded at once, in a thread of its own.
        chore: done once a minute, by that thread.
        places: whether replies tell where files lie.

    Raises:
        CollectionError: one is missing, damaged or of a newer format.
        InputError: an unknown runtime, device or precision, or an export that lacks spaces.
        CheckpointError: an export cannot be had.
        FingerprintMismatchError: one makes other vectors than its collection's.
    """

    def __init__(
        self,
        collections: Mapping[str, Path],
        *,
        runtime: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        checkpoints: Mapping[str, str] = MappingProxyType({}),
        ahead: bool = False,
        chore: Callable[[], None] = lambda: None,
        places: bool = False,
    ) -> None:
        self._hosted: dict[str, Hosted] = {}
        with ExitStack() as opened:  # closed again where a later one cannot be had
            for name, directory in collections.items():
                one = Collection.open(
                    directory, runtime=runtime, device=device, precision=precision
                )
                opened.callback(one.close)
                self._hosted[name] = Hosted(name, directory, one, places)
            for name, checkpoint in checkpoints.items():
                self._hosted[name].collection.run_by(checkpoint)
            self._opened = opened.pop_all()
        self._troubles: dict[str, str] = {}
        held = self._hosted.values() if ahead else ()
        # of one without images nothing is loaded that anybody would wait for
        self._loading = {one.name for one in held if len(one.collection.store)}
        self._ahead, self._chore = ahead, chore
        self._closing = threading.Event()
        self._following = threading.Thread(target=self._follow, name="follow", daemon=True)

    def __enter__(self) -> Host:
        self._following.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._following.join(_PATIENCE)
        self._opened.close()

    def get(self, name: str | None = None) -> Hosted:
        """One by its name; the first where none is named.

        Raises:
            UnknownCollectionError: there is none of this name.
        """
        if name is None:
            return next(iter(self._hosted.values()))
        try:
            return self._hosted[name]
        except KeyError:
            raise UnknownCollectionError(
                f"no collection {name!r} is served here; there are {', '.join(self._hosted)}"
            ) from None

    def all(self) -> tuple[Hosted, ...]:
        """All, the default one first."""
        return tuple(self._hosted.values())

    def batches(self) -> dict[str, int]:
        """How many batches the encoders have run, by their images."""
        counts = Counter[int]()
        for hosted in self._hosted.values():
            counts.update(hosted.collection.encoder_batches)
        return {str(images): count for images, count in sorted(counts.items())}

    @property
    def troubles(self) -> dict[str, str]:
        """Name of each collection whose newest commit cannot be read now -> the error's code."""
        return dict(self._troubles)

    @property
    def loading(self) -> tuple[str, ...]:
        """Names of the collections whose indexes and encoders are yet to be loaded ahead."""
        return tuple(name for name in self._hosted if name in self._loading)

    def _follow(self) -> None:
        """Move on to what other processes commit, so that no request has to."""
        for hosted in self._hosted.values() if self._ahead else ():
            self._load(hosted)
            self._loading.discard(hosted.name)
        done = time.monotonic()
        while not self._closing.wait(FRESH_SECONDS):
            if time.monotonic() - done > _CHORE_SECONDS:
                self._chore()
                done = time.monotonic()
            for hosted in self._hosted.values():
                trouble = follow(hosted)
                if trouble is None:
                    self._troubles.pop(hosted.name, None)
                else:
                    self._troubles[hosted.name] = trouble

    def _load(self, hosted: Hosted) -> None:
        """Load ahead, unless the service ends: then it may be closed meanwhile."""
        try:
            if not self._closing.is_set():
                warm(hosted.collection)
        except Exception:
            if not self._closing.is_set():
                raise


def follow(hosted: Hosted) -> str | None:
    """Move on to the newest commit; the code of what stands in the way, if anything does.

    What cannot be read now leaves the collection at the commit that it is at.
    """
    try:
        hosted.collection.store.refresh()
    except CollectionError as error:
        return error.code
    except (OSError, MemoryError):
        return "system"
    return None


# Coroutines: what is a plain function here would wait for a thread, for every request.


async def host_of(request: Request) -> Host:
    """The collections of the service that a request came to."""
    host: Host = request.app.state.host
    return host


async def options_of(request: Request) -> ServiceOptions:
    """How the service that a request came to is set up."""
    options: ServiceOptions = request.app.state.options
    return options


async def _asked(
    host: Annotated[Host, Depends(host_of)],
    collection: Annotated[
        str | None, Query(description="Name of the collection; the first one where none is named.")
    ] = None,
) -> Hosted:
    return host.get(collection)


Asked = Annotated[Hosted, Depends(_asked)]
"""The collection that a request names by ``?collection=``."""
ServedBy = Annotated[ServiceOptions, Depends(options_of)]
