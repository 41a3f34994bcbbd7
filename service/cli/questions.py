"""What is asked for: images, prompts, and what hits shall not be like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vitrail.service.cli.options import check_target
from vitrail.service.cli.refusals import refuse_unless

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.search.options import SearchOptions
    from vitrail.service.cli.search_options import Searching
    from vitrail.service.operations.query_kinds import AnyQuery, PlainQuery, PromptQuery


@dataclass(frozen=True)
class Asking:
    """What to search by, beside the images that are named without an option."""

    positive: Annotated[
        list[str] | None,
        typer.Option(
            help="An image to be like, as IMAGE; may be repeated.",
            metavar="IMAGE",
            show_default=False,
        ),
    ] = None
    negative: Annotated[
        list[str] | None,
        typer.Option(
            help="An image not to be like; may be repeated.", metavar="IMAGE", show_default=False
        ),
    ] = None
    box: Annotated[
        str | None,
        typer.Option(
            help="Search by this part of the image: x,y,w,h in pixels, or in percent such as "
            "10%,10%,50%,50%.",
            metavar="BOX",
            show_default=False,
        ),
    ] = None
    region: Annotated[
        str | None,
        typer.Option(
            help="As --box, but the part is seen within the whole image, not cut out.",
            metavar="BOX",
            show_default=False,
        ),
    ] = None
    text: Annotated[
        str | None,
        typer.Option(
            help="Search by what is said here; for collections of a CLIP or SigLIP checkpoint.",
            metavar="TEXT",
            show_default=False,
        ),
    ] = None
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Search by what this prompt generates.", metavar="TEXT", show_default=False
        ),
    ] = None
    not_text: Annotated[
        list[str] | None,
        typer.Option(
            help="As --text, what hits shall not be; may be repeated.",
            metavar="TEXT",
            show_default=False,
        ),
    ] = None
    not_prompt: Annotated[
        list[str] | None,
        typer.Option(
            help="Hits shall not be like what this prompt generates; may be repeated.",
            metavar="TEXT",
            show_default=False,
        ),
    ] = None
    random: Annotated[
        bool,
        typer.Option(
            "--random", help="Search by an image drawn at random, of those that the filter passes."
        ),
    ] = False
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Images generated for a prompt. Default: 4.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            help="Stable Diffusion checkpoint for prompts: embedded, Hub name, directory or file. "
            "Default: embedded.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None
    background: Annotated[
        int | None,
        typer.Option(
            help="Unrelated prompts to compare the hits of --prompt with; 0 for none. Default: 32.",
            metavar="N",
            min=0,
            show_default=False,
        ),
    ] = None
    queries: Annotated[
        Path | None,
        typer.Option(
            help="Ask many questions: a folder of images, a text file with an image a line, or a "
            ".parquet file of vectors, ids or paths. Needs --out.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the answers to --queries go: a .parquet file, a row a hit, or .jsonl, a "
            "line a question.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None

    def check(self, images: Sequence[str], searching: Searching) -> None:
        """Refuse what no collection could answer before one is opened.

        Raises:
            InputError: nothing to search by, or an option that would be ignored.
        """
        from vitrail.indexer.errors import InputError

        wanted, unwanted = self._named(images), self._unwanted
        if self.queries is not None or self.out is not None:
            self._check_many(images, searching)
            return
        given = len(wanted) + self.random + (self.text is not None)
        if self.random and searching.after is not None:
            raise InputError(
                "--after goes on with one question, and --random is another each time; name the "
                "image that was drawn"
            )
        if self.prompt is None and not given:
            also = " to be like as well" if unwanted else ""
            raise InputError(f"give an image, --text TEXT, --prompt TEXT or --random{also}")
        self._check_part(len(wanted) + self.random)
        if [*wanted, *(self.negative or ())].count("-") > 1:
            raise InputError("standard input, -, holds one image, and is named more than once")
        self._check_against_itself()
        if self.prompt is None:
            drawing = (None, None) if self.not_prompt else (self.seeds, self.model)
            refuse_unless(
                "--prompt TEXT",
                "ask by a prompt",
                seeds=drawing[0],
                model=drawing[1],
                background=self.background,
            )
            if given + len(unwanted) == 1:
                refuse_unless(
                    "several images or --prompt TEXT",
                    "give another image",
                    fusion=searching.fusion,
                )
        elif given or unwanted:
            refuse_unless("--prompt TEXT alone", "leave the others out", background=self.background)

    @property
    def _unwanted(self) -> list[str]:
        return [*(self.negative or ()), *(self.not_text or ()), *(self.not_prompt or ())]

    def _check_against_itself(self) -> None:
        from vitrail.indexer.errors import InputError

        for option, one, others in (
            ("text", self.text, self.not_text),
            ("prompt", self.prompt, self.not_prompt),
        ):
            if one is not None and one in (others or ()):
                raise InputError(
                    f"--not-{option} {one!r} is the --{option} as well, which it cancels; leave "
                    "one of the two out"
                )

    def _check_many(self, images: Sequence[str], searching: Searching) -> None:
        from vitrail.indexer.errors import InputError
        from vitrail.indexer.paths import at_home
        from vitrail.service.operations.answer_files import check_ending

        if self.queries is None or self.out is None:
            raise InputError("--queries SOURCE and --out FILE are given together; add the other")
        if images:
            raise InputError(
                f"{images[0]!r} is one question, and --queries SOURCE are many; leave one out"
            )
        given = {
            **{"positive": _first(self.positive), "negative": _first(self.negative)},
            **{"box": self.box, "region": self.region},
            **{"text": self.text, "prompt": self.prompt, "random": self.random or None},
            **{"not-text": _first(self.not_text), "not-prompt": _first(self.not_prompt)},
            **{"seeds": self.seeds, "model": self.model},
            **{"background": self.background},
            **{"fusion": searching.fusion, "after": searching.after},
        }
        refuse_unless("one question, not for --queries", "ask without --queries", **given)
        check_ending(str(self.out))
        check_target(self.out, "file of answers")
        if at_home(self.out).exists() and at_home(self.out).samefile(at_home(self.queries)):
            raise InputError(
                f"{str(self.out)!r} holds the queries, and answers would take their place; name "
                "another file"
            )

    def _check_part(self, images: int) -> None:
        from vitrail.indexer.errors import InputError
        from vitrail.search.boxes import Box

        given = {"--box": self.box, "--region": self.region}
        parts = {option: text for option, text in given.items() if text is not None}
        for option, text in parts.items():
            if self.prompt is not None or self.text is not None or images != 1:
                raise InputError(
                    f"{option} {text} is of one image to be like; leave the others out, or {option}"
                )
            Box.of(text)
        if len(parts) > 1:
            raise InputError(
                f"--box {self.box} is cut out, and --region {self.region} is not; leave one out"
            )

    def query(
        self,
        store: CollectionStore,
        images: Sequence[str],
        options: SearchOptions,
        placement: tuple[str, str],
    ) -> AnyQuery:
        """What is asked of a collection.

        Args:
            store: the collection, in which images may be named.
            images: named without an option.
            options: whose filter a random image has to pass.
            placement: device and precision of the generator.

        Raises:
            InputError: a text names no image.
        """
        from vitrail.search.boxes import Box
        from vitrail.service.cli.references import read_query_image
        from vitrail.service.operations.query_kinds import ImageQuery, MixedQuery, TextQuery

        box, region = (None if t is None else Box.of(t) for t in (self.box, self.region))
        wanted: list[PlainQuery] = [
            ImageQuery(read_query_image(store, one), box, region) for one in self._named(images)
        ]
        if self.random:
            from vitrail.service.operations.listing import draw_image
            from vitrail.service.operations.references import ImageId

            drawn = draw_image(store, options.where, options.only)
            wanted.append(ImageQuery(ImageId(drawn), box, region))
        unwanted: list[PlainQuery] = [
            *(ImageQuery(read_query_image(store, one)) for one in self.negative or ()),
            *map(TextQuery, self.not_text or ()),
            *(self._prompted(one, placement, alone=False) for one in self.not_prompt or ()),
        ]
        if self.text is not None:
            wanted.append(TextQuery(self.text))
        alone = not wanted and not unwanted
        if self.prompt is not None:
            wanted.append(self._prompted(self.prompt, placement, alone=alone))
        if len(wanted) == 1 and not unwanted:
            return wanted[0]
        return MixedQuery(tuple(wanted), tuple(unwanted))

    def _named(self, images: Sequence[str]) -> list[str]:
        return [*images, *(self.positive or ())]

    def _prompted(self, prompt: str, placement: tuple[str, str], *, alone: bool) -> PromptQuery:
        from vitrail.service.operations.query_kinds import (
            DEFAULT_SEEDS,
            DEFAULT_UNRELATED,
            PromptQuery,
        )

        device, precision = placement
        # what images beside the prompt find is not comparable with what unrelated prompts do
        usual = DEFAULT_UNRELATED if alone else 0
        return PromptQuery(
            prompt,
            seeds=self.seeds or DEFAULT_SEEDS,
            model=self.model or "embedded",
            unrelated=usual if self.background is None else self.background,
            device=device,
            precision=precision,
        )


def _first(texts: Sequence[str] | None) -> str | None:
    return texts[0] if texts else None
