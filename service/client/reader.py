"""A service as it is read: searched, and looked through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, Self, Unpack

from vitrail.indexer.errors import InputError
from vitrail.indexer.image_info import ImageInfo
from vitrail.search.options import DEFAULTS, Only, SearchKeywords, SearchOptions, takes_options
from vitrail.service.client.questions import (
    ServedImage,
    option_members,
    question_parts,
)
from vitrail.service.client.readings import (
    ALL,
    ServedCollection,
    ServedResult,
    read_collection,
    read_image,
    read_reply,
    read_result,
)
from vitrail.service.client.transport import Transport

Size = Literal["small", "medium", "large"]
_PAGE = 200  # images of a list that are asked for at once
_DRAWING_SECONDS = 1800.0  # that prompts may take to be drawn, on a machine without an accelerator


class ServiceReader:
    """What ``Client`` does that changes nothing.

    Args:
        url: where the service answers.
        key: that it lets in; ``None`` where it needs none.
        collection: name of the collection; the service's first where it is ``None``.
        timeout: seconds in which the service has to answer.

    Raises:
        InputError: the address or the key cannot be one.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        collection: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._transport = Transport(url, key, timeout)
        self._named = {} if collection is None else {"collection": collection}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.url!r})"

    def close(self) -> None:
        """Give connections back. It may be called again."""
        self._transport.close()

    def collections(self) -> list[ServedCollection]:
        """The collections of the service, the first one being asked where none is named."""
        told = self._transport.get("collections")
        return read_reply(lambda reply: [*map(read_collection, reply["collections"])], told)

    def info(self) -> dict[str, Any]:
        """What the collection holds, in numbers, as the API's reference tells."""
        told = self._transport.get("collection", self._named)
        return read_reply(lambda reply: dict(reply["info"]), told)

    @takes_options(SearchKeywords)
    def search(
        self,
        *images: ServedImage,
        text: str | None = None,
        prompt: str | None = None,
        negative: Sequence[ServedImage] = (),
        not_text: Sequence[str] = (),
        not_prompt: Sequence[str] = (),
        box: str | None = None,
        region: str | None = None,
        seeds: int | None = None,
        model: str | None = None,
        background: int | None = None,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> ServedResult:
        """Find images by images, a text, a prompt, or mixtures of these, which are one question.

        Args:
            images: ids of the collection, files of this machine, or files' bytes.
            text: what hits shall be; for checkpoints that read texts.
            prompt: whose images hits shall be like; they are made first.
            negative: as ``images``, what hits shall not be like.
            not_text: likewise.
            not_prompt: likewise.
            box: the part of the one image that is meant, cut out, such as ``10%,10%,50%,50%``.
            region: likewise, as it is seen within the whole.
            seeds: images of each prompt; 4 where it is ``None``.
            model: what draws prompts, of the names that the service has.
            background: unrelated prompts that the hits of a prompt are compared with.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: nothing is given, or what cannot be asked with.
            VitrailError: as the service tells, by the code of its problem.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        given = {"seeds": seeds, "model": model, "unrelated": background}
        drawing = {name: value for name, value in given.items() if value is not None}
        prompts = [] if prompt is None else [prompt]
        drawn = bool(prompts or not_prompt)
        if drawing and not drawn:
            raise InputError(f"{next(iter(drawing))} goes with a prompt; leave it out")
        parts = {"box": box, "region": region}
        body = {
            "positive": question_parts(
                self._transport,
                images,
                [] if text is None else [text],
                prompts,
                place={name: value for name, value in parts.items() if value is not None},
                drawing=drawing,
            ),
            "negative": question_parts(
                self._transport, negative, not_text, not_prompt, drawing=drawing
            ),
            **option_members(chosen),
        }
        if not body["positive"]:
            raise InputError("nothing was given to search by; give an image, a text or a prompt")
        patience = _DRAWING_SECONDS if drawn else 0.0
        told = self._transport.ask("search", body, self._named, patience)
        return read_reply(read_result, told)

    def images(
        self,
        where: str | None = None,
        *,
        only: Only = "all",
        sort: Sequence[str] = (),
        limit: int | None = None,
    ) -> Iterator[ImageInfo]:
        """Images without a query, asked for page by page as they are taken.

        Args:
            where: SQL expression over the collection's columns.
            only: ``all``, ``generated`` or ``real`` images.
            sort: columns, each with ``-`` before it for the largest first.
            limit: how many at most.
        """
        asked: dict[str, str | int | Sequence[str]] = {
            **self._named,
            "only": only,
            "fields": [*ALL],
        }
        asked |= {} if where is None else {"where": where}
        asked |= {"sort": list(sort)} if sort else {}
        left, after = limit, None
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = asked | {"k": size} | ({} if after is None else {"after": after})
            told = self._transport.get("images", page)
            found = read_reply(lambda reply: [*map(read_image, reply["images"])], told)
            yield from found
            after = read_reply(lambda reply: reply["next"], told)
            left = None if left is None else left - len(found)
            if after is None:
                return

    def image(self, image: int) -> ImageInfo:
        """All that is known of an image.

        Raises:
            UnknownImageError: there is none of this id.
        """
        told = self._transport.get(f"images/{int(image)}", {**self._named, "fields": [*ALL]})
        return read_reply(read_image, told)

    def thumbnail(self, image: int, size: Size = "medium") -> bytes:
        """A small copy of an image, as the bytes of a WebP file.

        Args:
            image: its id.
            size: 256, 768 or 2,048 pixels, at most.
        """
        asked = {**self._named, "size": size}
        return self._transport.get_bytes(f"images/{int(image)}/thumbnail", asked)

    def file(self, image: int) -> bytes:
        """The bytes of an image's own file, where the service gives files out."""
        return self._transport.get_bytes(f"images/{int(image)}/file", self._named)
