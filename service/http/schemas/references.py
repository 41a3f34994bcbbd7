"""What names an image in a body: an id, an upload, or the bytes themselves."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, model_validator

ImageNumber = Annotated[int, Field(ge=1, lt=2**63)]
Upload = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ImageBody(BaseModel):
    """Exactly one of these.

    Attributes:
        id: of an image of the collection.
        upload: the token of an upload.
        data: the bytes of an image file, in base64.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"id": 17}]}
    )

    id: ImageNumber | None = None
    upload: Upload | None = None
    data: Base64Bytes | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        named = {"id": self.id, "upload": self.upload, "data": self.data}
        given = [name for name, value in named.items() if value is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of id, upload and data, not {' and '.join(given) or 'none'}"
            )
        return self
