"""What a run has to know of contents: of all of them, or of those of a few files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.indexing.survey import Survey, is_file

FEW = 64  # files, of which it pays to read all before asking what is known of them
_FEW_BYTES = 256 << 20


@dataclass(frozen=True)
class ContentLookup:
    """What the collection knows of contents, looked up when first asked for.

    Args:
        collection: open for writing; nothing is committed before the first questions.
        among: content hashes that matter; ``None``: all that it knows, which takes seconds and
            hundreds of megabytes where they are millions.
    """

    collection: CollectionStore
    among: frozenset[str] | None = None

    @cached_property
    def stale(self) -> frozenset[str]:
        """Those whose metadata is to be read again."""
        return self.collection.stale_hashes(self.among)

    @cached_property
    def unclassified(self) -> frozenset[str]:
        """Those that lack labels of the head."""
        return self.collection.unclassified_hashes(self.among)

    @cached_property
    def embedded(self) -> frozenset[str]:
        """Those that need not be embedded."""
        return self.collection.embedded_hashes(self.among)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Those of them that wait for their files."""
        return self.embedded - self.collection.content_hashes(self.among)


def contents_of(collection: CollectionStore, surveys: Sequence[Survey]) -> ContentLookup:
    """What is known of the contents that a run may meet: few where a few files were named.

    Such a run costs what its files cost, whatever the collection holds. A file that changes after
    this is one of unknown content, whose image the collection still takes once only.
    """
    files = [item for one in surveys for item in one.changes.to_open]
    bytes_ = sum(item.size for item in files)
    if not all(is_file(one.plan) for one in surveys) or len(files) > FEW or bytes_ > _FEW_BYTES:
        return ContentLookup(collection)
    among = {file.content_hash for one in surveys for file in one.known.values()}
    for item in files:
        try:
            among.add(read_file(item.path).sha256)
        except ImageRejectedError:  # as it is told when its turn comes
            continue
    return ContentLookup(collection, frozenset(content for content in among if content))
