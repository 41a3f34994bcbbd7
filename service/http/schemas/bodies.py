"""What all bodies that make jobs have in common: known fields, and images that are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from vitrail.search.options import Only
from vitrail.service.http.schemas.references import ImageBody

Expression = Annotated[str, Field(min_length=1, max_length=10_000)]
"""An SQL expression over the columns."""
Spaces = Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1, max_length=64)]
"""Space name -> weight."""


class JobBody(BaseModel):
    """What a job is asked with. Names that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def image_parts(self) -> tuple[ImageBody, ...]:
        """The images that it names."""
        found: list[ImageBody] = []

        def note(image: ImageBody) -> ImageBody:
            found.append(image)
            return image

        self.keeping(note)
        return tuple(found)

    def keeping(self, keep: Callable[[ImageBody], ImageBody]) -> Self:
        """The same, of images that are kept for as long as the job is.

        Args:
            keep: keeps one, and gives what names it from then on.
        """
        return self.model_copy(update={name: _keeping(value, keep) for name, value in self})


def _keeping(value: Any, keep: Callable[[ImageBody], ImageBody]) -> Any:
    if isinstance(value, ImageBody):
        return keep(value)
    if isinstance(value, JobBody):
        return value.keeping(keep)
    if isinstance(value, tuple):
        return tuple(_keeping(one, keep) for one in value)
    return value


class SelectingBody(JobBody):
    """A body that looks at some of the images.

    Attributes:
        where: those that pass this filter.
        only: all, or just generated or real ones.
    """

    where: Expression | None = None
    only: Only = "all"
