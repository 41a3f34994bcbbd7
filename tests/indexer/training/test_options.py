from __future__ import annotations

from typing import Any

import pytest

from vitrail.generator.training.options import GeneratorOptions
from vitrail.indexer.errors import InputError
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.indexer.training.learning_options import (
    LearningOptions,
    MemoryOptions,
    lighter_step,
)
from vitrail.indexer.training.options import FinetuningOptions


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"objective": "triplet"}, "objective 'triplet' is unknown"),
        ({"freeze": -1}, "freeze is -1; give 0 or more"),
        ({"head_rate": 0}, "head_rate is 0; give a number from above 0 to 10000"),
        ({"smoothing": 0.95}, "smoothing is 0.95; give a number from 0 to 0.9"),
        ({"layer_decay": 1.5}, "layer_decay is 1.5"),
        ({"batch": 2, "accumulate": 3}, "cannot go in 3 parts"),
        ({"objective": "both", "mixup": 0.2}, "mixup goes with"),
        ({"objective": "contrastive", "batch": 2}, "too few images"),
        ({"head_only": True, "lora": 4}, "only the head learns"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FinetuningOptions(**given)


@pytest.mark.parametrize("kind", [FinetuningOptions, DistillingOptions])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"augmentation": "wild"},
            "augmentation 'wild' is unknown; use one of none, light, strong",
        ),
        ({"epochs": 0}, "epochs is 0; give 1 or more"),
        ({"patience": -1}, "patience is -1; give 0 or more"),
        ({"learning_rate": 0}, "learning_rate is 0; give a number from above 0 to 10"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"clip": float("inf")}, "clip is inf; give a number from above 0 to 1e"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1; give a number from 0 to 10"),
        ({"warmup": 1.1}, "warmup is 1.1; give a number from 0 to 1"),
        ({"precision": "int8"}, "precision 'int8' is unknown"),
        ({"device": "tpu"}, "device 'tpu' is unknown"),
    ],
)
def test_what_no_training_can_be_told_is_refused(
    kind: type[LearningOptions], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        kind(**given)


def test_a_run_may_go_on_in_smaller_parts_but_not_with_another_rate() -> None:
    begun = FinetuningOptions(batch=8).to_dict()
    assert FinetuningOptions(batch=8, accumulate=4, recompute=True).differences(begun) == []
    other = FinetuningOptions(batch=4, learning_rate=1e-3)
    assert other.differences(begun) == ["batch", "learning_rate"]
    taught = DistillingOptions().to_dict()
    assert DistillingOptions(device="cpu", workers=1, save_every=5).differences(taught) == []
    assert DistillingOptions(accumulate=2).differences(taught) == ["accumulate"], "other likenesses"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            FinetuningOptions(),
            "put --accumulate up, which takes a batch in more parts, or add --recompute, and run "
            "again; or train into another folder with a smaller --batch",
        ),
        (
            FinetuningOptions(batch=8, accumulate=8),
            "add --recompute, and run again; or train into another folder with a smaller --batch",
        ),
        (
            FinetuningOptions(batch=8, accumulate=8, recompute=True),
            "train into another folder with a smaller --batch",
        ),
        (  # whose parts are learned from by themselves, so that their number is the run's
            DistillingOptions(),
            "add --recompute, and run again; or train into another folder with a higher "
            "--accumulate or a smaller --batch",
        ),
        (
            GeneratorOptions(recompute=True),
            "put --accumulate up, which takes a batch in more parts, and run again; or train into "
            "another folder with a smaller --side or --batch",
        ),
    ],
)
def test_what_takes_less_memory_is_something_that_the_run_may_go_on_with(
    options: MemoryOptions, says: str
) -> None:
    assert lighter_step(options) == says
