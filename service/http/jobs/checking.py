"""What can be refused before a job waits for its turn: ids, filters, spaces and columns."""

from __future__ import annotations

from collections.abc import Mapping

from vitrail.indexer.errors import InputError
from vitrail.search.options import shares
from vitrail.service.http.jobs.kinds import Setting
from vitrail.service.http.schemas.bodies import JobBody
from vitrail.service.operations.columns import list_columns
from vitrail.service.operations.references import ImageId, find_image


def check_images(setting: Setting, body: JobBody) -> None:
    """Refuse a body that names an image that is not there.

    Raises:
        UnknownImageError: naming it.
    """
    store = setting.hosted.collection.store
    for image in body.image_members():
        if image.id is not None:
            find_image(store, ImageId(image.id))


def check_filters(
    setting: Setting, *filters: str | None, spaces: Mapping[str, float] | None = None
) -> None:
    """Refuse filters that cannot be evaluated, and spaces that are not there.

    Raises:
        FilterError: naming the filter.
        InputError: naming the space.
    """
    snapshot = setting.hosted.collection.store.snapshot()
    if spaces is not None:
        shares(spaces, snapshot.spaces)
    for one in filters:
        if one is not None:
            snapshot.allowed_ids(one)


def check_column(setting: Setting, column: str | None) -> None:
    """Refuse a column that is not there.

    Raises:
        InputError: naming it.
    """
    if column is None:
        return
    names = [one.name for one in list_columns(setting.hosted.collection.store.snapshot())]
    if column.casefold() not in {name.casefold() for name in names}:
        raise InputError(f"there is no column {column!r:.100}; there are {', '.join(names)}")
