"""Duplicates and decisions about them, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import named_paths

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.deciding import KnownDecision
    from vitrail.service.operations.duplicate_groups import DuplicateGroup
    from vitrail.service.operations.duplicates import Duplicates


def duplicates_document(found: Duplicates) -> dict[str, Any]:
    """All groups, each with its keeper."""
    return {
        "images": found.images,
        "compared": found.compared,
        "recall": found.recall,
        "space": found.space,
        "groups": [_group(group) for group in found.groups],
        "look_alikes": [_group(group) for group in found.look_alikes],
        "unread": [_image(info) for info in found.unread],
    }


def decision_document(one: KnownDecision) -> dict[str, Any]:
    """What was decided, of which images."""
    return {
        "token": one.token,
        "at": one.at.isoformat(),
        "kind": one.kind,
        "undone": one.undone,
        "contents": list(one.contents),
        "images": [_image(info) for info in one.images],
    }


def _group(group: DuplicateGroup) -> dict[str, Any]:
    return {
        "keeper": _image(group.keeper),
        "reason": group.reason,
        "copies": [
            {
                **_image(copy.image),
                **named_paths(copy.paths),
                "tier": copy.evidence.tier,
                "says": list(copy.evidence.says),
                "agreeing": copy.evidence.agreeing,
                "decided": copy.decided,
            }
            for copy in group.copies
        ],
    }


def _image(info: ImageInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "content_hash": info.content_hash,
        "width": info.width,
        "height": info.height,
        "bytes": info.bytes,
        **named_paths(info.paths),
    }
