"""Labels are written, and nothing that is the user's own is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitrail.indexer.collection.probes import probe_names
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import (
    InputError,
)
from vitrail.service.operations.classifications import ClassifyOptions
from vitrail.service.operations.classifying import classify
from vitrail.service.operations.collection import Collection


def test_labels_are_written_and_a_second_run_replaces_them(colours: Collection) -> None:
    made = colours.classify(where="true", labels="label", write="told")
    assert made.written == len(made.images) == 39
    ids = colours.store.allowed_ids("told = label and told_probability > 0.5")
    assert len(ids) > 30
    again = colours.classify(where="label = 'red'", labels="label", write="told", min_probability=1)
    assert again.written == 13
    assert len(colours.store.allowed_ids("label = 'red' and told is null")) == 13
    assert len(colours.store.allowed_ids("label <> 'red' and told is not null")) == 26
    assert len(colours.store.allowed_ids("told_probability is not null")) == 39


def test_a_column_of_probabilities_that_is_the_users_own_is_not_replaced(
    colours: Collection, tmp_path: Path
) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("path,guess_probability\nred-01.png,dear\n")
    with CollectionStore.open(colours.store.directory, writable=True) as writer:
        writer.annotate(str(table))
    colours.store.refresh()
    with pytest.raises(InputError, match="'guess_probability' of your own"):
        colours.classify(where="true", labels="label", write="guess")
    with pytest.raises(InputError, match="learned from"):
        colours.classify(where="true", labels="guess_probability", write="guess")
    assert len(colours.store.allowed_ids("guess_probability = 'dear'")) == 1


@pytest.mark.parametrize("write", ["label", "width", "told", "mine", " x", "__y", "y" * 95])
def test_what_would_be_replaced_is_refused_before_anything(
    colours: Collection, write: str, tmp_path: Path
) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("path,mine,told\nred-01.png,dear,x\nred-02.png,dear,y\ngreen-02.png,z,y\n")
    with CollectionStore.open(colours.store.directory, writable=True) as writer:
        writer.annotate(str(table))
    colours.store.refresh()
    before = colours.store.state.seq
    options = ClassifyOptions("probe", "told" if write == "told" else "label")
    with pytest.raises(InputError):
        classify(colours, [], options, where="true", write=write)
    colours.store.refresh()
    assert colours.store.state.seq == before
    assert not probe_names(colours.store.directory)
