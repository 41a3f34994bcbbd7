"""What jobs that look at a collection as a whole are asked with."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from vitrail.service.http.schemas.bodies import (
    AnySet,
    Expression,
    ImageNumber,
    JobBody,
    SelectingBody,
    SetBody,
    Spaces,
)
from vitrail.service.http.schemas.queries import ImageRef
from vitrail.service.http.schemas.searches import SearchRequest

Column = Annotated[str, Field(min_length=1, max_length=200)]
_Space = Annotated[str, Field(max_length=64)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Seed = Annotated[int, Field(ge=0, lt=2**32)]
Tier = Literal["identical", "re-encoded", "altered", "decided", "look-alike"]


class CompareBody(JobBody):
    """Two sets of images compared.

    Attributes:
        a: filter of the set that is judged.
        b: filter of what it is judged by; all other images where it is not given.
        spaces: in which they are compared.
        group_by: column by whose values a table is made.
        k: neighbours that precision, recall, density and coverage go by.
        sample: images of a set, above which so many of them are drawn.
        shown: images, pairs and groups that are named.
        seed: of all that is drawn.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"a": "generated", "b": "not generated"}]}
    )

    a: AnySet
    b: AnySet | None = None
    spaces: Spaces | None = None
    group_by: Column | None = None
    k: Annotated[int, Field(ge=1, le=100)] = 5
    sample: Annotated[int, Field(ge=1, le=20_000)] = 5000
    shown: Annotated[int, Field(ge=1, le=200)] = 12
    seed: _Seed = 0


class CompareImagesBody(JobBody):
    """Two images compared, layer by layer.

    Attributes:
        a: the one.
        b: the other.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"a": {"id": 17}, "b": {"id": 4}}]})

    a: ImageRef
    b: ImageRef


class AuditBody(JobBody):
    """Whether images copy others.

    Attributes:
        generated: filter of those that may copy.
        against: filter of those that may have been copied.
        space: whose vectors are compared.
        pixels: whether images are also laid over their nearest, and judged by that.
        originals: references of which copies are planted, to see whether they are caught.
        pairs: the most suspicious pairs that are told.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"generated": "generated"}]})

    generated: AnySet = "generated"
    against: AnySet = "not generated"
    space: _Space | None = None
    pixels: bool = True
    originals: Annotated[int, Field(ge=0, le=1000)] = 24
    pairs: Annotated[int, Field(ge=0, le=1000)] = 24


class MapBody(SelectingBody):
    """The collection laid out in the plane, and its clusters.

    Attributes:
        spaces: of the cosines that it goes by.
        layout: ``umap`` keeps neighbours together, ``pca`` is there at once.
        clusters: how many; 0 for none, as many as there are where it is not given.
        columns: whose values are told of each image.
        limit: images, above which so many of them are drawn.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"layout": "umap", "columns": ["label"]}]}
    )

    spaces: Spaces | None = None
    layout: Literal["umap", "pca"] = "umap"
    clusters: Annotated[int, Field(ge=0, le=1000)] | None = None
    columns: Annotated[list[Column], Field(max_length=20, default_factory=list)]
    limit: Annotated[int, Field(ge=10, le=100_000)] = 20_000


class DuplicatesBody(SetBody):
    """Copies of images, and which of each to keep.

    Attributes:
        where: filter; just the images that pass it are compared, with one another.
        filter: the same as JSON.
        since: filter; just the groups with an image that passes it.
        look_alikes: also tell images that look alike and are no copies.
        space: that is compared.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"look_alikes": True}]})

    since: Expression | None = None
    look_alikes: bool = False
    space: _Space | None = None


class TrashBody(DuplicatesBody):
    """The files of copies moved to the trash of the system on which the service runs.

    Attributes:
        images: ids of the copies whose files may go; nothing else does.
        tiers: of the evidence that is enough.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"images": [17]}]})

    images: Annotated[list[ImageNumber], Field(min_length=1, max_length=10_000)]
    tiers: Annotated[
        list[Tier], Field(min_length=1, default_factory=lambda: ["identical", "re-encoded"])
    ]


class ClassifyBody(SetBody):
    """What images are of.

    Attributes:
        images: which; or, in their place,
        where: filter of images of the collection,
        filter: the same as JSON, and
        only: all of these, or just generated or real ones.
        by: the checkpoint's head, the vote of the nearest labelled images, or a linear probe.
        labels: column whose values are told.
        space: whose vectors are used.
        top: how many labels of each image are told.
        min_probability: of the best label, below which none is told.
        refit: whether a probe is learned anew.
        write: column of the collection that shall hold the labels.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"where": "generated", "labels": "label", "by": "probe", "top": 3}]
        }
    )

    images: Annotated[list[ImageRef], Field(max_length=1000, default_factory=list)]
    only: Literal["all", "generated", "real"] | None = None
    by: Literal["head", "knn", "probe"] | None = None
    labels: Column | None = None
    space: _Space | None = None
    top: Annotated[int, Field(ge=1, le=1000)] = 1
    min_probability: _Share = 0.0
    refit: bool = False
    write: Column | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        filtered = any(one is not None for one in (self.where, self.filter, self.only))
        if bool(self.images) == filtered:
            raise ValueError("give images, or a filter by where, filter or only")
        return self


class LabelsBody(JobBody):
    """Whether labels are right: each image's is told by others than itself and its copies.

    Attributes:
        what: ``report``, how well they can be told, label by label, or ``suspects``, which are
            likely wrong.
        labels: column whose values they are.
        by: the vote of the nearest labelled images, or a linear probe.
        space: whose vectors are used.
        min_probability: of the best label, below which none is told; of a report alone.
        sample: labelled images that are learned from, at most.
        seed: of their draw and of the folds.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"what": "report", "labels": "label", "by": "probe"}]}
    )

    what: Literal["report", "suspects"]
    labels: Column = "label"
    by: Literal["knn", "probe"] = "knn"
    space: _Space | None = None
    min_probability: _Share = 0.0
    sample: Annotated[int, Field(ge=10, le=100_000)] = 10_000
    seed: _Seed = 0

    @model_validator(mode="after")
    def _told_of_reports(self) -> Self:
        if self.what == "suspects" and self.min_probability:
            raise ValueError("min_probability goes with a report; leave it out")
        return self


class SampleBody(SelectingBody):
    """A few images that stand for many.

    Attributes:
        count: how many.
        of: ``diverse``, so that no image is far from all of them, or ``typical``.
        spaces: of the cosines that it goes by.
        limit: images, above which so many of them are drawn to choose from.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"count": 24}]})

    count: Annotated[int, Field(ge=1, le=10_000)]
    of: Literal["diverse", "typical"] = "diverse"
    spaces: Spaces | None = None
    limit: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000


class PromptSearchBody(SearchRequest, JobBody):
    """A search as `POST /v1/search` answers it, as a job: for prompts, which take a while to draw.

    Its result is the reply of such a search, with the images that were made.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"positive": [{"prompt": "a red apple", "seeds": 4}], "k": 20}]
        }
    )
