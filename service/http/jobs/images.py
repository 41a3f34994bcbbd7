"""Images that jobs start from: kept when a job is asked for, read when it is done."""

from __future__ import annotations

from vitrail.indexer.errors import UnusableImageError
from vitrail.service.http.jobs.kinds import Setting
from vitrail.service.http.schemas.references import ImageBody
from vitrail.service.operations.references import ImageBytes, ImageId, ImageReference


class UnknownUploadError(UnusableImageError):
    """No upload has this token, or none any more."""

    code = "unknown-upload"


def keep_image(setting: Setting, image: ImageBody) -> ImageBody:
    """Name an image by what is kept for as long as its job is.

    Raises:
        UnknownUploadError: no upload has this token.
        JobTableError: it cannot be kept.
    """
    if image.data is not None:
        return ImageBody(upload=setting.files.keep(image.data))
    if image.upload is not None:
        return ImageBody(upload=setting.files.keep(_uploaded(setting, image.upload)))
    return image


def reference_to(setting: Setting, image: ImageBody) -> ImageReference:
    """What operations take for an image that is kept.

    Raises:
        JobTableError: it is not there any more.
    """
    if image.upload is not None:
        return ImageBytes(setting.files.read(image.upload), "the uploaded image")
    if image.data is not None:
        return ImageBytes(image.data, "the given image")
    assert image.id is not None, "a body names exactly one"
    return ImageId(image.id)


def _uploaded(setting: Setting, token: str) -> bytes:
    path = setting.options.state / "uploads" / token
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnknownUploadError(
            f"no upload has the token {token}", remedy="upload the image again"
        ) from error
