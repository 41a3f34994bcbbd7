"""Results as JSON and as a Markdown page, side by side in ``benchmarks/results``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write(name: str, content: dict[str, Any], markdown: str, folder: Path = RESULTS) -> None:
    """Write ``name.json`` and ``name.md``, and print the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    (folder / f"{name}.md").write_text(markdown)
    print(markdown)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [columns, rule, *rows])


def heading(title: str, machine: dict[str, Any]) -> str:
    """The title, the command and the machine, as every page begins."""
    packages = ", ".join(f"{name} {found}" for name, found in machine["packages"].items())
    return (
        f"# {title}\n\n`{machine['command']}`\n\n"
        f"{machine['processor']}, {machine['cores']} cores "
        f"({', '.join(machine['instruction_sets'])}), {machine['memory_gb']} GB, "
        f"{machine['system']}; Python {machine['python']}, {packages}.\n"
    )


def apart(results: Sequence[dict[str, Any]]) -> str:
    """A sentence if results that joined were not all measured by one run, each with its machine."""
    machines = [one["machine"] for one in results]

    def differ(of: Callable[[dict[str, Any]], object]) -> bool:
        return any(of(machine) != of(machines[0]) for machine in machines)

    if differ(lambda machine: [machine[name] for name in ("processor", "cores", "memory_gb")]):
        return "Not all of it was measured on one machine; the raw figures name each.\n"
    if differ(lambda machine: machine["packages"]):
        return "Not all of it was measured with the same packages; the raw figures name them.\n"
    if differ(lambda machine: machine["command"]):
        return "Several runs measured it; the raw figures have their commands.\n"
    return ""


def left_out(why: dict[str, str]) -> list[str]:
    """A section on what was left out, and why; nothing if all was measured."""
    return ["\n## Left out\n", *(f"- {name}: {each}" for name, each in why.items())] if why else []


def megabytes(amount: float) -> str:
    """Bytes as whole megabytes."""
    return f"{amount / 1e6:,.0f} MB"
