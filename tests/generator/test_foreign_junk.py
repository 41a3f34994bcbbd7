"""Whatever stands in a picture's texts, reading a recipe raises nothing and takes no time."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.generator.test_foreign import A1111, COMFY
from vitrail.generator.foreign import read_recipe

names = st.sampled_from(
    [
        "parameters",
        "prompt",
        "workflow",
        "Comment",
        "Software",
        "invokeai_metadata",
        "sd-metadata",
        "Dream",
        "UserComment",
        "fooocus_scheme",
        "vitrail",
        "Make",
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["inputs", "class_type", "prompt", "seed", "image", "loras", "model", "recipe", "3"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
texts = (
    st.text()
    | json_values.map(json.dumps)
    | st.sampled_from(["NovelAI", A1111, "{" * 5000, '{"a":' * 5000, '"a" -s -S x'])
)


@given(st.dictionaries(names, texts, max_size=4))
def test_junk_never_raises(info: dict[str, str]) -> None:
    found = read_recipe(info)
    assert found is None or isinstance(found["tool"], str)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_graph_value_is_survived(text: str, other: str) -> None:
    graph = json.loads(json.dumps(COMFY))
    graph["6"]["inputs"]["text"] = text
    graph["3"]["inputs"]["seed"] = other
    found = read_recipe({"prompt": json.dumps(graph)})
    assert found is not None
    assert found.get("prompt", "") == text.strip()


def test_hostile_lines_are_read_in_linear_time() -> None:
    for text in ("a:" * 50_000, "a " * 50_000 + "Steps: 1", 'x: "' * 30_000, "Steps: 1, " * 20_000):
        read_recipe({"parameters": text})
