"""Segment files as they lie in their folder, when no catalog says which of them count."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from vitrail.indexer.catalog.copies import Copies
from vitrail.indexer.errors import DamagedError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.segment_file import SegmentHeader, read_header, read_table, token_of


@dataclass(frozen=True, slots=True)
class FoundSegments:
    """What lies in a ``segments`` folder.

    Attributes:
        folder: the folder.
        headers: name -> what a readable segment says about itself.
        broken: name of a damaged one -> why.
    """

    folder: str
    headers: Mapping[str, SegmentHeader]
    broken: Mapping[str, str]

    def fingerprint(self, listed: Collection[str]) -> Fingerprint | None:
        """The encoder of most of them; ``None`` without any.

        Args:
            listed: names of those that count as far as any copy tells, which go before others: an
                embedding anew leaves those of the encoder before for a while.
        """
        counted = [h for name, h in self.headers.items() if name in listed]
        owned = [header.fingerprint for header in counted or self.headers.values()]
        kinds = [(own.digest, own.settings) for own in owned]
        commonest = max(set(kinds), key=kinds.count, default=None)
        return next((own for own in owned if (own.digest, own.settings) == commonest), None)

    def is_behind(self, copies: Copies) -> bool:
        """Whether there were commits that the copies do not tell of.

        One segment after their last commit proves none: it is written before the commit is.
        """
        return bool(copies.damaged) or any(h.seq > copies.seq + 1 for h in self.headers.values())

    def merged_into(self, names: Collection[str]) -> list[str]:
        """Names of those that lie there still, though they were merged into some of these."""
        replaced = {old for name in names for old in self.headers[name].replaces}
        return sorted(replaced & self.headers.keys())

    def chosen(
        self, copies: Copies, listed: Mapping[str, str], reserved: Collection[str]
    ) -> list[str]:
        """Names of those that count, by commit.

        Args:
            copies: what is known of the catalog.
            listed: the segments that count as of the copies' last commit: name -> checksum.
            reserved: tokens of reservations with which nothing was adopted by then.
        """
        if copies.followed and not self.is_behind(copies):
            names = self.headers.keys() & listed.keys()
        else:
            unlisted = {
                name
                for name, header in self.headers.items()
                if not copies.followed or header.seq > copies.seq or token_of(name) in reserved
            }
            taken = unlisted | (self.headers.keys() & listed.keys())
            names = taken - {old for name in taken for old in self.headers[name].replaces}
        return sorted(names, key=lambda name: (self.headers[name].seq, name not in listed, name))


def find_segments(folder: str) -> FoundSegments:
    """Look at a ``segments`` folder.

    Raises:
        UnreadableError: a segment cannot be read now.
    """
    headers: dict[str, SegmentHeader] = {}
    broken: dict[str, str] = {}
    for name in sorted(segment_file.found(folder)):
        path = os.path.join(folder, name)
        try:
            header = read_header(path)
            read_table(path, ["id"])
            headers[name] = header
        except DamagedError as error:
            broken[name] = error.problem
    return FoundSegments(folder, headers, broken)
