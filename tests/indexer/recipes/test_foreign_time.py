"""Reading a stranger's text takes time in proportion to its length, whatever stands in it.

Nothing is held against a clock: a text eight times as long may take up to 32 times the processor
time of this thread, where quadratic work takes 64. What seems to take more is measured again.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from vitrail.indexer.recipes import json_text
from vitrail.indexer.recipes.comfyui import read_graph
from vitrail.indexer.recipes.foreign import _READERS, read_recipe

NAMES = (
    *("parameters", "UserComment", "comment", "ImageDescription", "Comment", "prompt", "workflow"),
    *("Make", "Model", "invokeai_metadata", "sd-metadata", "Dream", "vitrail", "Description"),
)
# Whatever a pattern or a loop could stumble over again and again, alone and in pairs.
UNITS = (
    *(
        "word ",
        "deadbeef",
        "word word: ",
        "a:",
        " ",
        "\t\n",
        "\n",
        ", ",
        '"',
        '\\"',
        "\\",
        "(",
        "[",
    ),
    *("[a", "[]", "]", "{", '{"a":', '[{"a":', "<", "<lora:", "<lora:a", "<lora:a:1", ">", "a: <"),
    *('x: "', 'x: "\\"', 'x:\\"', '"a" ', "-s", "-s ", "-s -", "Steps: 1, ", "Steps: ", "1", "-1."),
    *("Negative prompt:", "\nNegative prompt:", "\n Negative", "prompt:", "lora_combined_1", "é"),
)
HEADS = ("", "<lora:", 'Steps: 1, x: "', '"', "[", '{"image": {"prompt": "', '{"prompt": "')
TAILS = ("", "\nSteps: 1, Seed: 2", '"}}', '"}', '"')


def seconds_of(work: Callable[[], object]) -> float:
    """Processor time of this thread."""
    gc.disable()  # what others have left behind is not this text's cost
    try:
        started = time.thread_time()
        work()
        return time.thread_time() - started
    finally:
        gc.enable()


def assert_linear(work_on: Callable[[int], Callable[[], object]], sizes: list[int]) -> None:
    last: float | None = None
    for size in sizes:  # upwards, so that quadratic work is found before it takes for ever
        work = work_on(size)
        taken = seconds_of(work)
        if last is not None:
            most = 32 * last + 0.05
            if taken > most:  # another program may have had the processor's cache meanwhile
                taken = min(taken, seconds_of(work))
            assert taken <= most, f"{size} takes {taken:.3f} s after {last:.3f} s"
        last = taken


def every_reader(*texts: str) -> None:
    """All readers on each text under every name, none stopping at what another one found."""
    for text in texts:
        every_reader_once(text)


def every_reader_once(text: str) -> None:
    info = dict.fromkeys(NAMES, text) | {"Software": "NovelAI", "fooocus_scheme": "a1111"}
    for reader in _READERS:
        try:
            reader(info)
        except Exception:
            continue


@pytest.mark.parametrize("longest", [8_000, pytest.param(32_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("unit", UNITS)
def test_no_repeated_text_takes_more_than_linear_time(unit: str, longest: int) -> None:
    for head in HEADS:
        tails = TAILS if head else TAILS[:2]
        texts = {size: unit * (size // len(unit)) for size in (longest // 8, longest)}
        assert_linear(
            lambda size, head=head, texts=texts, tails=tails: (
                lambda: every_reader(  # type: ignore[misc]
                    *(head + texts[size] + tail for tail in tails)
                )
            ),
            [*texts],
        )


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
def test_nor_does_any_pair_of_them_up_to_the_limit(unit: str) -> None:
    for other in UNITS:
        pair = unit + other
        texts = {size: pair * (size // len(pair)) for size in (4_000, 32_000, 256_000)}
        assert_linear(
            lambda size, texts=texts: lambda: every_reader(texts[size]),  # type: ignore[misc]
            [*texts],
        )
    longest = unit * (json_text.MAX_TEXT // len(unit))
    assert_linear(
        lambda size: lambda: every_reader(longest[:size]), [1 << 16, 1 << 19, json_text.MAX_TEXT]
    )


def chain(length: int) -> dict[str, Any]:
    links = {name: name for name in ("model", "positive", "negative", "latent_image", "seed")}
    return {
        str(i): {
            "class_type": "KSampler",
            "inputs": {name: [str(i + 1), 0] for name in links},
        }
        for i in range(length)
    }


def circle(length: int) -> dict[str, Any]:
    graph = chain(length)
    for name in graph[str(length - 1)]["inputs"]:
        graph[str(length - 1)]["inputs"][name] = ["0", 0]
    return graph


def fan(length: int) -> dict[str, Any]:
    """One node that has all others as its inputs."""
    graph = chain(length)
    graph["1"]["inputs"] = {f"m{i}": [str(i), 0] for i in range(length)}
    return graph


def layers(length: int) -> dict[str, Any]:
    """Each node has both nodes of the next layer: twice as many paths with each layer."""
    return {
        f"{i}{side}": {
            "class_type": "KSampler",
            "inputs": {
                name: [f"{i + 1}{to}", 0]
                for to in "ab"
                for name in ("model" + to, "positive", "seed", "latent_image")
            },
        }
        for i in range(length)
        for side in "ab"
    }


def texts(length: int) -> dict[str, Any]:
    graph = chain(length)
    for i in range(length):
        graph[str(i)]["inputs"] |= {"text": f"{i} of many", "lora_name": f"{i}", "deep": [[0], 0]}
    return graph


def lists(length: int) -> dict[str, Any]:
    """Links whose first part is itself a long list."""
    graph = chain(20)
    for node in graph.values():
        node["inputs"]["wide"] = [[0] * length, 0]
    return graph


@pytest.mark.parametrize("make", [chain, circle, fan, layers, texts, lists])
def test_graphs_are_walked_in_linear_time(make: Callable[[int], Mapping[str, Any]]) -> None:
    graphs = {size: make(size) for size in (1_920, 15_360)}
    assert_linear(lambda size: lambda: read_graph(graphs[size]), [*graphs])


def test_a_chain_deeper_than_the_stack_is_read() -> None:
    graph = chain(2 * sys.getrecursionlimit())
    graph[str(len(graph) - 1)] = {"class_type": "CLIPTextEncode", "inputs": {"text": "far away"}}
    found = read_recipe({"prompt": json.dumps(graph)})
    assert found is not None
    assert found["prompt"] == "far away"


def test_json_is_bounded_in_depth_count_and_length(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = '{"a":' * json_text.MAX_DEPTH + "1" + "}" * json_text.MAX_DEPTH
    assert json_text.read_object(deep) is not None
    assert json_text.read_object('{"a":' + deep + "}") is None
    brackets = '{"a": "' + "[{" * 10_000 + '\\""}'
    assert json_text.read_object(brackets) == {"a": "[{" * 10_000 + '"'}
    monkeypatch.setattr(json_text, "MAX_TOKENS", 20)
    assert json_text.read_object('{"a": [' + "[]," * 4 + "[]]}") is not None
    assert json_text.read_object('{"a": [' + "[]," * 40 + "[]]}") is None
    monkeypatch.setattr(json_text, "MAX_TEXT", 10)
    assert json_text.read_object('{"a": 1}') == {"a": 1}
    assert json_text.read_object('{"a": 1234}') is None


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "{]", '{"a"}', "{" * 300, '{"a": "\\'])
def test_what_is_no_object_is_none(text: str) -> None:
    assert json_text.read_object(text) is None


def test_numbers_of_any_length_cost_only_themselves() -> None:
    for digits in ("9" * 5_000, "²", "1e999"):
        found = read_recipe({"parameters": f"a\nSteps: 3, Seed: {digits}, Sampler: x"})
        assert found == {"tool": "automatic1111", "prompt": "a", "steps": 3, "sampler": "x"}


def test_a_prompt_longer_than_any_is_cut() -> None:
    found = read_recipe({"parameters": "x" * 100_000 + "\nSteps: 3, Seed: 1, Sampler: y"})
    assert found is not None
    assert len(found["prompt"]) == 1 << 16
