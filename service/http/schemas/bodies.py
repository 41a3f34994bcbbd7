"""What all bodies that make jobs have in common: known members, and images that are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field

from vitrail.service.http.schemas.base import Closed
from vitrail.service.http.schemas.queries import (
    Filter,
    FilterMembers,
    ImageRef,
    QueryPart,
    sql_of,
)

ImageMember: TypeAlias = ImageRef | QueryPart
"""A member of a body that may name an image."""
Keep: TypeAlias = Callable[[ImageMember], ImageMember]
Expression = Annotated[str, Field(min_length=1, max_length=10_000)]
"""An SQL expression over the columns."""
Spaces = Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1, max_length=64)]
"""Space name -> weight."""
ImageNumber = Annotated[int, Field(ge=0, lt=2**63)]


class JobBody(Closed):
    """What a job is asked with. Members that are not known are refused."""

    def image_members(self) -> tuple[ImageMember, ...]:
        """What of it names an image."""
        found: list[ImageMember] = []

        def note(image: ImageMember) -> ImageMember:
            found.append(image)
            return image

        self.keeping(note)
        return tuple(found)

    def keeping(self, keep: Keep) -> Self:
        """The same, of images that are kept for as long as the job is.

        Args:
            keep: keeps one, and gives what names it from then on.
        """
        given = {name: value for name, value in self if name in self.model_fields_set}
        return self.model_copy(update={k: _keeping(value, keep) for k, value in given.items()})


def _keeping(value: Any, keep: Keep) -> Any:
    if isinstance(value, ImageRef | QueryPart):
        return keep(value)
    if isinstance(value, JobBody):
        return value.keeping(keep)
    if isinstance(value, list):
        return [_keeping(one, keep) for one in value]
    return value


class SelectingBody(FilterMembers, JobBody):
    """A body that looks at some of the images: those of which all that is said holds."""


class SetBody(JobBody):
    """A set of images: those of which both hold.

    Attributes:
        where: SQL expression over the columns.
        filter: the same as JSON.
    """

    where: Expression | None = None
    filter: Filter | None = None

    @property
    def sql(self) -> str | None:
        """Both filters as one; errors as of ``sql_of``."""
        return sql_of(self.where, self.filter)


AnySet: TypeAlias = Expression | SetBody
"""A set of images, or just its SQL expression."""


def set_sql(given: AnySet) -> str:
    """The SQL expression of a set.

    Raises:
        FilterError: it is none.
    """
    if isinstance(given, str):
        return given
    return given.sql or "true"
