"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.indexer.paths import at_home
from vitrail.indexer.settings import COLLECTION, in_use
from vitrail.service.cli.completion import CHECKPOINTS, collection_spaces, values

if TYPE_CHECKING:
    from vitrail.search.options import Only, SearchOptions
    from vitrail.search.query import SearchResult
    from vitrail.service.operations.opening import EncoderChoice

CollectionOption = Annotated[
    Path | None,
    typer.Option(
        "--collection",
        "-c",
        envvar=COLLECTION,
        readable=False,  # what the system refuses is told as for its files
        metavar="DIR",
        help="Directory of the collection. Default: one in the platform's user-data folder.",
        show_default=False,
    ),
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        help="What runs the model: auto, openvino or torch.",
        metavar="NAME",
        autocompletion=values("auto", "openvino", "torch"),
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        help="Where it runs: auto, cpu, cuda or mps.",
        metavar="NAME",
        autocompletion=values("auto", "cpu", "cuda", "mps"),
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help="Numbers to compute with: auto, fp32, bf16 or fp16.",
        metavar="NAME",
        autocompletion=values("auto", "fp32", "bf16", "fp16"),
    ),
]
CheckpointOption = Annotated[
    str | None,
    typer.Option(
        help="Encoder: Hub name, local directory, or dinov2-small-focus (embedded). Chosen once, "
        "when the collection is made. Default: google/vit-base-patch16-224.",
        metavar="NAME",
        show_default=False,
        autocompletion=values(*CHECKPOINTS),
    ),
]
SpacesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--space",
        help="Embedding space such as cls@12 or mean@9; may be repeated. Chosen once.",
        metavar="SPACE",
        show_default=False,
        autocompletion=collection_spaces,
    ),
]
HtmlOption = Annotated[
    Path | None, typer.Option(help="Write a self-contained contact sheet.", metavar="FILE")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]


WhereOption = Annotated[
    str | None,
    typer.Option(
        help="SQL filter, such as \"label = 'cat' and width > 512\".", metavar="EXPRESSION"
    ),
]
OnlyOption = Annotated[
    str,
    typer.Option(
        help="all, generated or real images.",
        metavar="KIND",
        autocompletion=values("all", "generated", "real"),
    ),
]


@dataclass(frozen=True)
class Filtering:
    """Which images to list."""

    where: WhereOption = None
    only: OnlyOption = "all"

    @property
    def kind(self) -> Only:
        """``only``, checked.

        Raises:
            InputError: there is no such kind.
        """
        return _kind(self.only)


@dataclass(frozen=True)
class Searching:
    """How to search: an option for each field of ``SearchOptions``, which a test holds it to."""

    k: Annotated[int, typer.Option("--k", "-k", help="Hits wanted.", metavar="N")] = 10
    space: Annotated[
        str | None,
        typer.Option(
            help="Space, or several with weights: cls@12:0.7,cls@6:0.3. Default: see vitrail "
            "spaces.",
            metavar="SPACES",
            show_default=False,
            autocompletion=collection_spaces,
        ),
    ] = None
    min_score: Annotated[
        float | None,
        typer.Option(help="Leave out hits with a lower score (a cosine, -1 to 1).", metavar="S"),
    ] = None
    max_fpr: Annotated[
        str | None,
        typer.Option(
            help="Leave out hits that more than this share of unrelated images are as near as, "
            "such as 0.001 or 0.1%: a cutoff for any encoder.",
            metavar="RATE",
        ),
    ] = None
    where: WhereOption = None
    only: OnlyOption = "all"
    fusion: Annotated[
        str | None,
        typer.Option(
            help="How several images, or the seeds of --prompt, become one ranking: mean, rrf or "
            "best-score. Default: mean.",
            metavar="NAME",
            show_default=False,
            autocompletion=values("mean", "rrf", "best-score"),
        ),
    ] = None
    exact: Annotated[bool, typer.Option("--exact", help="Scan everything; never approximate.")] = (
        False
    )
    group_by: Annotated[
        str | None,
        typer.Option(
            help="One hit for each value of a column, such as label, folder or prompt; or copies: "
            "the best version of each.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None
    diverse: Annotated[
        float | None,
        typer.Option(
            help="How much hits shall differ from one another: 0 (not) to 1; try 0.2.",
            metavar="D",
            show_default=False,
        ),
    ] = None
    sort: Annotated[
        str | None,
        typer.Option(
            help="Put the hits in the order of a column; -COLUMN for the largest first, several "
            "with commas, score for their own.",
            metavar="COLUMN",
            show_default=False,
        ),
    ] = None
    after: Annotated[
        str | None,
        typer.Option(
            help="The next page: the cursor that the page before ended with.",
            metavar="CURSOR",
            show_default=False,
        ),
    ] = None

    def check_words(self) -> None:
        """Refuse a word that no option knows, before a collection is opened.

        Raises:
            InputError: naming the option.
        """
        _kind(self.only)
        if self.fusion is not None:
            choice("--fusion", self.fusion, ("mean", "rrf", "best-score"))
        _rate("--max-fpr", self.max_fpr)

    def check_number(self) -> None:
        """Refuse a number of hits that no collection has.

        Raises:
            InputError: naming the option.
        """
        from vitrail.indexer.errors import InputError

        if self.k < 1:
            raise InputError(f"--k is {self.k}, but at least 1 hit must be asked for")

    def shown(self, result: SearchResult) -> list[str]:
        """The columns that the hits were grouped or sorted by, as the collection spells them."""
        if not result.hits:
            return []
        first = result.hits[0]
        by_lower = {name.lower(): name for name in first.metadata.to_dict()}
        keys = [key.strip().removeprefix("-").lower() for key in (self.sort or "").split(",")]
        grouped = [] if first.group is None else [first.group.by]
        return list(dict.fromkeys([*grouped, *(by_lower[k] for k in keys if k in by_lower)]))

    def options(self, spaces: Sequence[str]) -> SearchOptions:
        """What was typed, for a collection of these spaces.

        Raises:
            InputError: it lacks one that is named, or an option cannot be searched by.
        """
        from vitrail.indexer.spaces import parse_weights
        from vitrail.search.options import SearchOptions

        return SearchOptions(
            k=self.k,
            spaces=None if self.space is None else parse_weights(self.space, list(spaces)),
            min_score=self.min_score,
            max_fpr=_rate("--max-fpr", self.max_fpr),
            where=self.where,
            only=_kind(self.only),
            fusion=self.fusion,  # type: ignore[arg-type]
            exact=self.exact,
            group_by=self.group_by,
            diverse=self.diverse,
            sort=self.sort,
            after=self.after,
        )


def _rate(option: str, given: str | None) -> float | None:
    """A share, as a number or in percent.

    Raises:
        InputError: it is none.
    """
    from vitrail.indexer.errors import InputError

    if given is None:
        return None
    text = given.strip()
    try:
        rate = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        rate = -1.0
    if not 0 < rate <= 1:
        raise InputError(
            f"{option} is {given!r}, but a rate lies above 0 and is 1 at most, as 0.001 or 0.1%"
        )
    return rate


def _kind(only: str) -> Only:
    return choice("--only", only, ("all", "generated", "real"))  # type: ignore[return-value]


@dataclass(frozen=True)
class Encoding:
    """How images are embedded: what ``index`` and ``reembed`` have in common."""

    batch_size: Annotated[
        int | None,
        typer.Option(help="Images a forward pass; default: by free memory.", metavar="N", min=1),
    ] = None
    workers: Annotated[
        int | None, typer.Option(help="Decoding threads; default: one a core.", metavar="N", min=1)
    ] = None
    runtime: RuntimeOption = "auto"
    device: DeviceOption = "auto"
    precision: PrecisionOption = "auto"

    def choice(self, checkpoint: str | None, spaces: Sequence[str] | None) -> EncoderChoice:
        """The encoder that is meant, and how it is run."""
        from vitrail.service.operations.opening import EncoderChoice

        return EncoderChoice(
            checkpoint, tuple(spaces or ()), self.runtime, self.device, self.precision
        )


def choice(option: str, given: str, known: tuple[str, ...]) -> str:
    """What was given, if it is one of a few words.

    Raises:
        InputError: it is not.
    """
    from vitrail.indexer.errors import InputError

    if given not in known:
        raise InputError(f"{option} {given!r} is unknown; use one of {', '.join(known)}")
    return given


def collection_directory(given: Path | None) -> Path:
    """The collection to use: the one given, or the default place."""
    if given is not None:
        return at_home(given)
    return in_use().collection_directory


def check_target(path: Path, what: str) -> None:
    """Refuse a file to write that cannot be, before the work whose result it shall hold.

    Raises:
        InputError: its folder does not exist, or it is a folder itself.
    """
    from vitrail.indexer.errors import InputError

    path = at_home(path)
    if path.is_dir():
        raise InputError(f"cannot write the {what} {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise InputError(
            f"cannot write the {what} {path}: there is no folder {path.parent}; make it, or choose "
            "another file"
        )
