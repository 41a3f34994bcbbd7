"""What students keep, as a page: shares of the teacher's measures with intervals, run by run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from vitrail.indexer.wording import counted

Doubles = NDArray[np.float64]
Run = dict[str, Any]
_DRAWS = 10_000
_MIDDLE = (2.5, 97.5)  # percentiles
_CHOSEN = (
    "What was chosen by what: losses and rates of the defaults with a look at those photographs "
    "that are unseen where the first half is learned from, while others, some of the first half, "
    "were held out for that. Nothing was chosen by stamps, which are photographs of another "
    "package, cut out of their backgrounds: a run's settings were fixed before it was judged, and "
    "it was judged once. Later runs were begun because earlier ones kept too little."
)
_VARIED = (
    " Losses of runs that learned from `benchmarks.varied` were chosen by two trials of 40 "
    "steps on 817 images of such packages, judged by 120 others of them."
)
_THIN = (
    " How many blocks and neurons a thinner student has was chosen among four by trials of 80 "
    "steps on 2,210 of those images, judged by 200 others of them, and by speed."
)


def share_kept(ours: Doubles, theirs: Doubles) -> list[float]:
    """The mean of ours as a share of the mean of theirs, with its 95% bounds.

    The bounds are percentiles of a bootstrap that draws whole images, both measures of each at
    once; what they were searched among stays the same.

    Args:
        ours: (n,) float64, a measure of each image; NaN where it tells nothing.
        theirs: likewise, of the same images, and not 0 of all.

    Returns:
        Share, lower and upper bound.
    """
    both = np.isfinite(ours) & np.isfinite(theirs)
    ours, theirs = ours[both], theirs[both]
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(ours), size=(_DRAWS, len(ours)))
    base = theirs[drawn].mean(axis=1)
    shares = ours[drawn].mean(axis=1)[base > 0] / base[base > 0]
    low, high = np.percentile(shares, _MIDDLE)
    return [float(ours.mean() / theirs.mean()), float(low), float(high)]


def joined(path: Path, run: Run) -> list[Run]:
    """The runs of an earlier page and this one, which replaces one of the same folder."""
    kept: list[Run] = json.loads(path.read_text("utf-8")).get("runs", []) if path.exists() else []
    return [*(one for one in kept if _name(one) != _name(run)), run]


def distilling_page(runs: Sequence[Run]) -> str:
    """All runs, the last one's machine at the top."""
    parts = [
        report.heading("Distillation", runs[-1]["machine"]),
        report.apart(runs),
        _CHOSEN + _said(_VARIED, "coarse", runs) + _said(_THIN, "mlp_ratio", runs) + "\n",
        *(_section(run) for run in runs),
        "Share: of the teacher's, with 95% bounds by a bootstrap over images. Apart: the mean "
        "difference, likewise. Untaught: the student as it was cut out, before it learned "
        "anything.\n",
    ]
    return "\n".join(part for part in parts if part)


def _said(sentence: str, setting: str, runs: Sequence[Run]) -> str:
    return sentence if any(run.get(setting) for run in runs) else ""


def _section(run: Run) -> str:
    made, (theirs, ours) = run["run"], run["run"]["spaces"].values()
    sizes = [made["retrieval"][who]["parameters"] for who in ("teacher", "student")]
    faster = run["speed"][1] / run["speed"][0]
    half = "other" if run["other_half"] else "first"
    tables = [_table(name, one, theirs, ours) for name, one in run["sets"].items()]
    return (
        f"## {_name(run)}\n\n`{run['machine']['command']}`\n\n"
        f"The embedded encoder's {theirs} taught to a student of "
        f"{counted(int(ours.partition('@')[2]), 'block')} cut out of it{_thin(run)}, on "
        f"{made['images']['training']:,} images without labels, the {half} half of the "
        f"photographs among them, {made['steps']:,} steps{_coarse(run)}, seed {run['seed']}.\n\n"
        f"It has {sizes[1] / 1e6:.1f} M of {sizes[0] / 1e6:.1f} M parameters, "
        f"{sizes[1] / sizes[0]:.0%}: as much faster as it is smaller would be "
        f"{sizes[0] / sizes[1]:.2f} times. It is {faster:.2f} times as fast: {run['speed'][1]:.1f} "
        f"images per processor second in fp32, where its teacher does {run['speed'][0]:.1f}. "
        f"Vectors judged by are in {run['precision']}.\n\n" + "\n\n".join(tables) + "\n"
    )


def _coarse(run: Run) -> str:
    share = run.get("coarse", 0.0)
    return f", {share:.0%} of them at half the side" if share else ""


def _thin(run: Run) -> str:
    ratio = run.get("mlp_ratio")
    return f", its MLPs {counted(ratio, 'time')} as wide as its tokens" if ratio else ""


def _table(name: str, judged: dict[str, Any], theirs: str, ours: str) -> str:
    rows = []
    for measure, one in judged["retrieval"].items():
        share, least, most = one["share"]
        mean, low, high = one["difference"]
        rows.append(
            [
                measure,
                *(f"{one[who]:.3f}" for who in ("teacher", "student")),
                f"{share:.0%} ({least:.0%} to {most:.0%})",
                f"{mean:+.3f} ({low:+.3f} to {high:+.3f})",
                f"{one['untaught']:.3f}",
            ]
        )
    kept = judged["neighbours"]
    nearest = ["teacher's ten nearest", "", f"{kept['student']:.3f}", "", ""]
    rows.append([*nearest, f"{kept['untaught']:.3f}"])
    first = f"{judged['images']} {name} unseen, {judged['kinds']} kinds"
    return report.table([first, theirs, ours, "share", "apart", "untaught"], rows)


def _name(run: Run) -> str:
    return str(run["run"]["folder"])
