"""Images that jobs start from: kept when a job is asked for, read when it is done."""

from __future__ import annotations

from vitrail.service.http.asking import image_of
from vitrail.service.http.jobs.kinds import Setting
from vitrail.service.http.schemas.bodies import ImageMember
from vitrail.service.http.schemas.queries import ImageRef
from vitrail.service.operations.references import ImageBytes, ImageReference
from vitrail.service.operations.uploads import UnknownUploadError


def keep_image(setting: Setting, given: ImageMember) -> ImageMember:
    """Name an image by what is kept for as long as its job is.

    Raises:
        UnknownUploadError: no upload of the owner has this token, nor an image of their jobs.
        UnusableImageError: the bytes are no image, or one of too many pixels.
        InputError: they are no base64.
        CacheError: the disk is full.
    """
    if given.upload is None and given.data is None:
        return given
    try:
        image = image_of(given, setting.uploads, setting.options.limits)
    except UnknownUploadError:  # what a job was asked with may be asked with again, by its owner
        token = given.upload or ""
        if not setting.jobs.starts_from(setting.owner, token):
            raise
        image = setting.jobs.files.inputs.get(token)
    assert isinstance(image, ImageBytes), "an id is kept as it is"
    kept = setting.jobs.files.inputs.put(image.data)
    if isinstance(given, ImageRef):
        return ImageRef(upload=kept)
    told = given.model_dump(exclude_unset=True, exclude={"data"})
    return given.model_validate({**told, "upload": kept})


def reference_to(setting: Setting, given: ImageMember) -> ImageReference:
    """What operations take for an image that is kept.

    Raises:
        UnknownUploadError: it is not there any more.
    """
    return image_of(given, setting.jobs.files.inputs, setting.options.limits)
