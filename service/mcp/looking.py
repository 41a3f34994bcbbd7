"""Tools that look at a collection: search, lists, columns, and one image with all that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from mcp_types import CallToolResult
from pydantic import Field

from vitrail.indexer.errors import InputError
from vitrail.service.http.routers.collections import CollectionReply, ColumnsReply
from vitrail.service.http.schemas.base import Open
from vitrail.service.http.schemas.images import ListReply, RelativeReply
from vitrail.service.http.schemas.searches import Receipt, SearchReply
from vitrail.service.mcp.images import AskedImage, ImageDesk
from vitrail.service.mcp.replies import answer
from vitrail.service.mcp.service import DRAWING_SECONDS, AskedService

MOST_SHOWN = 8
"""Thumbnails that go with the hits of a search."""
Only = Annotated[Literal["all", "generated", "real"], Field(description="Kind of images.")]
Where = Annotated[
    str,
    Field(
        description="SQL expression over the collection's columns (list_columns tells them), such "
        "as width > 512 and label = 'fox'."
    ),
]
Fields = Annotated[
    list[str] | None, Field(description="Columns that are told of each image; `*` for all.")
]
Sort = Annotated[
    list[str] | None, Field(description="Columns to sort by; - before one for the largest first.")
]
After = Annotated[str, Field(description="`next` of the page before.")]
Shown = Annotated[
    int, Field(ge=0, le=MOST_SHOWN, description="First hits of which a thumbnail is shown.")
]


class ImageDescription(Open):
    """All that is known of an image of the collection, and its relatives."""

    id: int
    metadata: dict[str, Any]
    recipe: dict[str, Any] | None
    parents: list[RelativeReply]
    children: list[RelativeReply]
    receipt: Receipt


class LookingTools:
    """The tools.

    Args:
        service: that is asked.
        desk: for images that are named.
    """

    def __init__(self, service: AskedService, desk: ImageDesk) -> None:
        self._service, self._desk = service, desk

    def search(
        self,
        images: Annotated[
            list[AskedImage] | None, Field(max_length=16, description="What hits shall look like.")
        ] = None,
        text: Annotated[
            str, Field(description="Words hits shall fit; only where the encoder reads texts.")
        ] = "",
        prompt: Annotated[
            str,
            Field(description="Words to draw first: hits are like the images that come of them."),
        ] = "",
        unlike: Annotated[
            list[AskedImage] | None,
            Field(max_length=16, description="What hits shall be unlike."),
        ] = None,
        k: Annotated[int, Field(ge=1, le=100, description="Hits, at most.")] = 10,
        where: Where = "",
        only: Only = "all",
        min_score: Annotated[float | None, Field(ge=-1, le=1, description="Of hits.")] = None,
        max_fpr: Annotated[
            float | None,
            Field(gt=0, le=1, description="Share of unrelated pairs that may be as near."),
        ] = None,
        spaces: Annotated[
            dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None,
            Field(description="Weights of embedding spaces, by name."),
        ] = None,
        exact: Annotated[bool, Field(description="Scan all vectors.")] = False,
        group_by: Annotated[str, Field(description="A column, or copies: one hit of each.")] = "",
        diverse: Annotated[
            float | None, Field(ge=0, le=1, description="How unlike one another hits shall be.")
        ] = None,
        sort: Sort = None,
        after: After = "",
        fields: Fields = None,
        seeds: Annotated[int, Field(ge=1, le=16, description="Images of a prompt.")] = 4,
        model: Annotated[str, Field(description="What draws a prompt.")] = "embedded",
        show: Shown = 0,
    ) -> Annotated[CallToolResult, SearchReply]:
        """Find images by images, by a text, or by a prompt that is drawn first.

        Several of these are one question. A hit's `closeness` says what its score means: a copy, a
        look-alike, related, or chance. The `receipt` says whether the answer is exact, and of
        which commit and encoder it is. A prompt takes seconds to minutes; `evidence` tells how far
        its images agree, and so how far to trust the hits.
        """
        words = [{"text": text}] if text else []
        drawn = [{"prompt": prompt, "seeds": seeds, "model": model}] if prompt else []
        body = {
            "positive": [*map(self._desk.member, images or ()), *words, *drawn],
            "negative": [*map(self._desk.member, unlike or ())],
            **{"k": k, "where": where, "only": only, "min_score": min_score, "max_fpr": max_fpr},
            **{"spaces": spaces, "exact": exact, "group_by": group_by, "diverse": diverse},
            **{"sort": sort, "after": after, "fields": fields},
        }
        if not body["positive"]:
            raise InputError("nothing was given to search by; give images, a text or a prompt")
        told = self._service.ask("search", said(body), DRAWING_SECONDS if drawn else 0)
        return answer(
            told, self._service.thumbnails([hit["id"] for hit in told["hits"][:show]], "small")
        )

    def describe_image(
        self,
        id: Annotated[int, Field(ge=0, lt=2**63, description="Of an image of the collection.")],  # noqa: A002
        size: Annotated[
            Literal["none", "small", "medium", "large"],
            Field(description="Of the thumbnail: 256, 768 or 2,048 pixels at most."),
        ] = "medium",
    ) -> Annotated[CallToolResult, ImageDescription]:
        """Tell all that is known of an image, and show it.

        That is its metadata, the recipe that made it, the images it was made from, and those made
        from it.
        """
        found = self._service.get(f"images/{id}", {"fields": ["*"]})
        lineage = self._service.get(f"images/{id}/lineage")
        found["metadata"].pop("recipe", None)
        relatives = {name: lineage[name] for name in ("recipe", "parents", "children")}
        shown = [] if size == "none" else self._service.thumbnails([id], size)
        return answer({**found, **relatives}, shown)

    def list_images(
        self,
        where: Where = "",
        only: Only = "all",
        sort: Sort = None,
        k: Annotated[int, Field(ge=1, le=200, description="Images of a page.")] = 20,
        after: After = "",
        fields: Fields = None,
    ) -> Annotated[CallToolResult, ListReply]:
        """List images without a query, page by page. `total` tells how many pass the filter."""
        asked = {"where": where, "only": only, "sort": sort, "k": k, "after": after}
        return answer(self._service.get("images", said({**asked, "fields": fields})))

    def list_columns(self) -> Annotated[CallToolResult, ColumnsReply]:
        """Tell the columns by which images can be filtered, sorted and grouped."""
        return answer(self._service.get("columns"))

    def collection_info(self) -> Annotated[CallToolResult, CollectionReply]:
        """Tell what the collection holds: how many images, which encoder and embedding spaces."""
        return answer(self._service.get("collection"))


def said(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without those that nobody gave."""
    return {name: value for name, value in arguments.items() if value not in (None, "")}
