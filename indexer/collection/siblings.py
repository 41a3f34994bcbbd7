"""Which certified siblings of a collection's encoder have filled it: a note beside its files.

Vectors of a sibling may stand for the encoder's own, so that nothing hangs on this file; it is for
whoever wants to know later. It is written before the first of these vectors is.
"""

from __future__ import annotations

import json
import os

from vitrail.indexer.files.durability import write_text
from vitrail.indexer.fingerprint import Fingerprint

FILE = "siblings.json"


def read_siblings(directory: str, own: Fingerprint) -> tuple[str, ...]:
    """The siblings that have filled a collection, for people, first ones first.

    Args:
        directory: of the collection.
        own: its fingerprint; what was noted of an encoder of before counts no more.
    """
    try:
        with open(os.path.join(directory, FILE), encoding="utf-8") as file:
            told = json.load(file)
        if told["of"] != own.digest:
            return ()
        return tuple(str(one) for one in told["siblings"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def note_sibling(directory: str, own: Fingerprint, made_by: Fingerprint) -> None:
    """Note who is about to fill a collection, if that is a sibling that is not noted yet.

    Args:
        directory: of the collection, whose writer this is.
        own: its fingerprint.
        made_by: of the vectors that are to come.

    Raises:
        OSError: the disk is full or refuses.
    """
    known = read_siblings(directory, own)
    if made_by.variant is None or made_by.variant in known:
        return
    told = {"of": own.digest, "siblings": [*known, made_by.variant]}
    write_text(os.path.join(directory, FILE), json.dumps(told) + "\n")
