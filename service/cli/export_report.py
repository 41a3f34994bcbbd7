"""What an export prints: how near it is to its source, how it runs, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.tables import print_remark
from vitrail.service.cli.text import one_line, shell_word

if TYPE_CHECKING:
    from vitrail.indexer.export.certificate import Certificate, RunningCosts
    from vitrail.service.operations.exporting import Exported

_NAME = 14  # cells of a space's name, at most


def print_exported(made: Exported, *, as_json: bool) -> None:
    """Print the certificate as a table, or all of it as JSON."""
    if as_json:
        print_document(_document(made))
        return
    if made.certificate is None:
        print_remark(
            f"{one_line(str(made.folder))}: {_size(made.size)}, not certified: Core ML runs on "
            "Apple's systems alone, so that nothing was measured here"
        )
        return
    print_certificate(made.certificate)
    print()
    print_remark(_verdict(made))
    word = shell_word(str(made.folder))
    if made.command:
        print_remark("to build the engine, in that folder, on the machine that runs it:")
        print(f"  {made.command}")
    elif made.plan.target == "torch-export":
        print_remark("for programs that run torch.export's; Vitrail runs openvino and onnx")
    else:
        print(f"  vitrail index --checkpoint {word}")


def print_certificate(certificate: Certificate) -> None:
    """Print what was measured."""
    told = f"{counted(certificate.images, 'image')}, {certificate.copies:,} altered copies"
    print(f"{certificate.precision} ({certificate.target}) against its source, on {told}\n")
    print(f"{'space':<{_NAME}}  median   worst    10 nearest kept  copies found (source)")
    for name, one in certificate.spaces.items():
        mark = " *" if one.searched else ""
        print(
            f"{name[:_NAME]:<{_NAME}}  {one.median:.5f}  {one.least:.5f}  "
            f"{one.overlap:<15.1%}  {one.copies:.1%} ({one.copies_before:.1%}){mark}"
        )
    if certificate.head is not None:
        print(f"\nthe head's first label agrees for {certificate.head:.1%}")
    if certificate.reverted:
        print_remark(f"left in floating point: {', '.join(certificate.reverted)}")
    if certificate.tries > 1:
        print_remark(f"the images have judged {certificate.tries} exports, this one the last")
    for what, run in (("export", certificate.runs), ("source", certificate.source_runs)):
        if run is not None:
            print_remark(_running(run), f"{what}  ")


def _running(run: RunningCosts) -> str:
    return (
        f"{run.per_second:.1f} images/s ({run.per_cpu_second:.1f} a CPU second), "
        f"{_size(run.size)}, {_size(run.memory)} of memory; {run.runtime}"
    )


def _verdict(made: Exported) -> str:
    assert made.certificate is not None
    where = one_line(str(made.folder))
    if made.certificate.failed:
        told = "; ".join(made.certificate.failed)
        return f"{where} was kept though it falls short ({told})"
    if made.plan.target == "torch-export":  # no collection is searched by it
        return f"{where} is certified: its vectors may stand for those of its source"
    return f"{where} is certified: it may search and fill collections of its source"


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _document(made: Exported) -> dict[str, Any]:
    import json

    told = None if made.certificate is None else json.loads(made.certificate.to_json())
    return {
        "folder": str(made.folder),
        "target": made.plan.target,
        "precision": made.plan.precision,
        "size": made.size,
        "command": made.command or None,
        "certificate": told,
    }
