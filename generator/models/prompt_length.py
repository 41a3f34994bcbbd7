"""How much of a prompt the text encoder sees."""

from __future__ import annotations

from vitrail.generator.models.libraries import quiet
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.indexer.recipes.recipe import Recipe


def unseen_note(model: DiffusionModel, recipe: Recipe) -> tuple[str, ...]:
    """A line for each of the two prompts that is longer than the text encoder's window."""
    notes = []
    for name, text in (("prompt", recipe.prompt), ("negative prompt", recipe.negative_prompt)):
        length, window = count_tokens(model, text)
        if length > window:
            notes.append(
                f"the {name} is {length} tokens long, and {recipe.checkpoint} sees the first "
                f"{window}"
            )
    return tuple(notes)


def count_tokens(model: DiffusionModel, text: str) -> tuple[int, int]:
    """Tokens of the text, and how many the encoder sees; start and end marks not counted."""
    base = model.pipeline("inpaint" if model.info.inpaints else "text", model.info.scheduler)
    tokenizer = base.tokenizer or base.tokenizer_2
    with quiet():
        # a learned token of several vectors takes the place of as many
        text = base.maybe_convert_prompt(text, tokenizer)
        ids = tokenizer(text, truncation=False, add_special_tokens=False).input_ids
    return len(ids), int(tokenizer.model_max_length) - 2
