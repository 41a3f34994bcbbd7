"""What classifying and the examining of labels found, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrail.service.documents.intervals import interval_document
from vitrail.service.documents.plain import named_path

if TYPE_CHECKING:
    from vitrail.service.operations.classifications import Classification
    from vitrail.service.operations.examining import LabelReport, Suspects


def classification_document(made: Classification, write: str | None) -> dict[str, Any]:
    """What each image is told to be.

    Args:
        made: all of it.
        write: the column that labels were written into, if any.
    """
    return {
        "by": made.by,
        "labels": made.column,
        "space": made.space,
        "classes": list(made.classes),
        "written": made.written if write is not None else None,
        "images": [
            {
                **named_path(image.name),
                "id": image.id,
                "label": image.label,
                "guesses": [{"label": one, "probability": p} for one, p in image.guesses],
                "error": image.error or None,
            }
            for image in made.images
        ],
    }


def labels_document(report: LabelReport) -> dict[str, Any]:
    """How well labels can be told, and which are taken for which."""
    told = report.assessment
    return {
        "labels": report.column,
        "space": report.space,
        "by": report.by,
        "how": report.how,
        "temperature": report.temperature,
        "images": len(told.ids),
        "told": int(told.answered.sum()),
        "accuracy": interval_document(told.accuracy),
        "commonest": told.commonest,
        "calibration_error": told.calibration_error,
        "log_loss": told.loss,
        "left_out": list(report.alone),
        "classes": [row._asdict() for row in told.rows()],
        "confusion": told.confusion.tolist(),
        "cells": _cells(report),
    }


def _cells(report: LabelReport) -> list[dict[str, Any]]:
    """The images of each cell of the confusion matrix that has any, the surest first."""
    told = report.assessment
    return [
        {"label": told.classes[has], "told": told.classes[as_], "ids": told.cell(has, as_).tolist()}
        for has, as_ in np.argwhere(told.confusion).tolist()
    ]


def suspects_document(found: Suspects) -> dict[str, Any]:
    """Labels that are likely wrong, the likeliest first, and outliers."""

    def near(one: Any) -> dict[str, Any] | None:
        return one and {"id": one.id, **named_path(one.path), "cosine": one.cosine}

    return {
        "labels": found.column,
        "space": found.space,
        "by": found.by,
        "images": found.images,
        "accuracy": interval_document(found.accuracy),
        "suspects": [
            {
                "id": one.id,
                **named_path(one.path),
                "label": one.given,
                "label_probability": one.given_probability,
                "likely": one.likely,
                "probability": one.probability,
                "nearest_of_label": near(one.nearest_given),
                "nearest_of_likely": near(one.nearest_likely),
            }
            for one in found.suspects
        ],
        "outliers": [
            {
                "id": one.id,
                **named_path(one.path),
                "cosine": one.cosine,
                "spreads": one.spreads,
            }
            for one in found.outliers
        ],
    }
