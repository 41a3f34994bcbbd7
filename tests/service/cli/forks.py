"""Commands in forks of a process that has loaded all they need, each stopped when it is asked for.

A start takes seconds, most of them for imports; a fork of what has started takes milliseconds, and
is killed and begins anew as a process does. ``python -m tests.service.cli.forks`` reads a line of
JSON for each command and answers by one. What is to be loaded is named: ``encoders`` or
``generators``.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.library import build, fill_disk

ROOT = Path(__file__).parents[3]
_PATIENCE = 1200  # seconds after which a fork that hangs is ended, and the test with it
_CHANGES = {"os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0}
"""What changes a folder, and which argument tells where."""


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: exit code, or less than 0 a signal.
        out: what it printed.
        err: what it said.
        moments: changes of files that it made, or was about to make, in order.
        writes: calls by which it wrote, libraries' own among them; 0 where nobody counts them.
    """

    code: int
    out: str
    err: str
    moments: list[str]
    writes: int

    @property
    def complaints(self) -> list[str]:
        """The lines that it said, but for notes."""
        return [line for line in self.err.splitlines() if not line.startswith("note: ")]


@dataclass(frozen=True, slots=True)
class Forks:
    """Runs commands in a folder.

    Attributes:
        folder: they run in; what they change below it is what is counted.
        process: whose forks they are.
        writes: whether writes are counted, so that one can find the disk full.
    """

    folder: Path
    process: subprocess.Popen[str]
    writes: bool

    def run(
        self,
        words: Sequence[object],
        moment: int | None = None,
        by: signal.Signals = signal.SIGKILL,
        full: int | None = None,
    ) -> Ended:
        """Run a command to its end, or until it is stopped.

        Args:
            words: what follows ``vitrail``.
            moment: number of the change of files before which it is sent a signal, from 0.
            by: the signal.
            full: number of the write from which on the disk is full, from 0.
        """
        told = {"words": [*map(str, words)], "folder": str(self.folder), "writes": self.writes}
        asked = {**told, "moment": moment, "by": int(by), "full": full}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"no fork answered {asked['words']}"
        return Ended(**json.loads(answer))


@contextmanager
def forks(folder: Path, loaded: str = "encoders") -> Iterator[Forks]:
    """Start what is forked, and end it afterwards.

    Args:
        folder: that commands run in.
        loaded: what is trained, ``encoders`` or ``generators``.
    """
    library = build(folder.parent)
    environment = os.environ | {
        # a fork has the threads' locks and not the threads
        "OMP_NUM_THREADS": "1",
        "VITRAIL_COLLECTION": str(folder / "collection"),
        "PYTHONPATH": str(ROOT),
    }
    if library is not None:
        environment["LD_PRELOAD"] = str(library)
    command = [sys.executable, "-W", "ignore", "-m", "tests.service.cli.forks", loaded]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Forks(folder, process, library is not None)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def serve() -> None:
    """Fork for each line that is read."""
    _LOADED[sys.argv[1]]()
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as beside:  # where no disk is full
            print(json.dumps(_forked(json.loads(line), beside)))
        sys.stdout.flush()


def _forked(asked: dict[str, Any], beside: str) -> dict[str, Any]:
    places = {name: os.path.join(beside, name) for name in ("out", "err", "moments", "writes")}
    for place in places.values():
        Path(place).touch()
    pid = os.fork()
    if pid == 0:
        _child(asked, places)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    told = {name: Path(place).read_text("utf-8") for name, place in places.items()}
    counted = {"moments": told["moments"].split("\n")[:-1], "writes": int(told["writes"] or 0)}
    return {"code": code, **told, **counted}


def _load_encoders() -> None:
    """Import what commands do, and start no thread."""
    import accelerate
    import torch
    import transformers

    import vitrail.indexer.encoders.torch_encoder
    import vitrail.indexer.training.fidelity
    import vitrail.indexer.training.finetuning
    import vitrail.indexer.training.loop
    import vitrail.indexer.training.saving
    import vitrail.indexer.training.teaching
    import vitrail.indexer.training.trainee
    import vitrail.service.cli
    import vitrail.service.operations.distilling
    import vitrail.service.operations.exporting
    import vitrail.service.operations.training_encoders

    torch.set_num_threads(1)
    # what these find when they are first asked for
    _ = transformers.ViTForImageClassification, transformers.ViTModel, accelerate.Accelerator
    _ = transformers.ViTConfig, vitrail


def _load_generators() -> None:
    """Likewise, of commands that train generators."""
    _load_encoders()

    import diffusers
    import diffusers.utils
    import peft

    import vitrail.generator.checkpoints.scope
    import vitrail.generator.models.libraries
    import vitrail.generator.training.adapting
    import vitrail.generator.training.captioned
    import vitrail.generator.training.fixed_sets
    import vitrail.generator.training.kept
    import vitrail.generator.training.samples
    import vitrail.generator.training.saving
    import vitrail.generator.training.tuning
    import vitrail.service.cli.pick_report
    import vitrail.service.operations.picking
    import vitrail.service.operations.training_generators  # noqa: F401

    _ = diffusers.StableDiffusionPipeline, diffusers.UNet2DConditionModel, peft
    _ = diffusers.AutoencoderKL, diffusers.PNDMScheduler


_LOADED: dict[str, Callable[[], None]] = {
    "encoders": _load_encoders,
    "generators": _load_generators,
}


def _child(asked: dict[str, Any], places: dict[str, str]) -> None:
    """Be the command; never returns."""
    code: object = 1
    signal.alarm(_PATIENCE)
    try:
        for name, number in (("out", 1), ("err", 2)):
            handle = os.open(places[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, number)
        sys.stdout, sys.stderr = (os.fdopen(one, "w", closefd=False) for one in (1, 2))
        os.chdir(asked["folder"])
        _count(asked["folder"], asked["moment"], asked["by"], places["moments"])
        writes = fill_disk(asked["folder"], asked["full"]) if asked["writes"] else lambda: 0
        code = _command(asked["words"])
        Path(places["writes"]).write_text(str(writes()))
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


def _command(words: Sequence[str]) -> object:
    from vitrail.indexer.export import trial
    from vitrail.service.cli import main

    # how fast an export runs is no matter here, and is told by processes of their own
    trial.try_out = lambda *_, **__: None
    sys.argv = ["vitrail", *words]
    try:
        main()
    except SystemExit as leaving:
        return leaving.code
    return 0


def _count(folder: str, moment: int | None, by: int, told: str) -> None:
    """Write down each change of files below a folder before it is made, and be sent a signal."""
    moments = open(told, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - as long as the process
    done = 0

    def change(what: str, path: object) -> None:
        nonlocal done
        where = os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes) else ""
        if not where.startswith(folder + os.sep):
            return
        done += 1
        if done - 1 == moment:
            os.kill(os.getpid(), by)
        moments.write(f"{what} {_plain(os.path.relpath(where, folder))}\n")

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR):
            change("open", given[0])
        elif event in _CHANGES and given[-1] in (-1, None):  # else a name within an open folder
            change(event, given[_CHANGES[event]])

    sys.addaudithook(hook)
    real = os.fsync

    def fsync(handle: int) -> None:
        change("os.fsync", os.readlink(f"/proc/self/fd/{handle}"))
        real(handle)

    os.fsync = fsync  # type: ignore[assignment]  # given numbers alone


def _plain(path: str) -> str:
    """A path without what differs from process to process."""
    return re.sub(r"\d+-[0-9a-f]{8,16}|(?<=vitrail-)\d+|(?<=state-)\d+", "N", path)


if __name__ == "__main__":
    serve()
