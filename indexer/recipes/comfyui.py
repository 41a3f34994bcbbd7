"""Recipes in ComfyUI's images: the graph that was run, followed from the sampler backwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

Graph = Mapping[str, Any]
_TEXTS = ("text", "text_g", "text_l", "t5xxl", "clip_l", "string", "value", "prompt", "positive")
_MODELS = ("ckpt_name", "unet_name", "model_name", "base_ckpt_name")
_SEEDS = ("seed", "noise_seed", "value")


def read_graph(graph: Graph) -> dict[str, Any] | None:
    """Prompts, seed, model and the rest under the keys of ``foreign.read_recipe``.

    Of several samplers the one counts that starts from an empty latent, which composes the
    image; the others refine it.

    Returns:
        ``None`` if it is no graph of ComfyUI.
    """
    nodes = {
        str(k): v
        for k, v in graph.items()
        if isinstance(v, dict) and isinstance(v.get("class_type"), str)
    }
    if not nodes:
        return None
    return _Reading(nodes).read()


class _Reading:
    """One graph: node id -> class_type and inputs; an input is a value or [node id, output]."""

    def __init__(self, nodes: dict[str, dict[str, Any]]) -> None:
        self.nodes = nodes

    def read(self) -> dict[str, Any]:
        samplers = [key for key in self.nodes if self._is_sampler(key)]
        if not samplers:
            return {"prompt": self._loose_text()}
        sampler = next((key for key in samplers if self._starts_empty(key)), samplers[0])
        inputs = self._inputs(sampler)
        positive, negative = self._conditionings(sampler)
        model = inputs.get("model", inputs.get("guider"))
        size = self._first_with(inputs.get("latent_image"), "width")
        return {
            "prompt": self._text(positive, "positive"),
            "negative_prompt": self._text(negative, "negative"),
            "seed": self._value(inputs, "seed", "noise_seed", "noise"),
            "steps": self._value(inputs, "steps", "sigmas"),
            "guidance": self._value(inputs, "cfg", "guider"),
            "sampler": self._sampler(inputs),
            "strength": self._value(inputs, "denoise"),
            "width": self._value(size, "width"),
            "height": self._value(size, "height"),
            "model": self._model(model),
            "lora": list(self._loras(model)),
        }

    def _is_sampler(self, key: str) -> bool:
        inputs = self._inputs(key)
        takes_latents = isinstance(inputs.get("latent_image"), list)
        return "KSampler" in self.nodes[key]["class_type"] or (
            takes_latents and bool({"positive", "guider", "model"} & inputs.keys())
        )

    def _starts_empty(self, key: str) -> bool:
        start = self._linked(self._inputs(key).get("latent_image"))
        return start is not None and "Empty" in self.nodes[start]["class_type"]

    def _conditionings(self, sampler: str) -> tuple[Any, Any]:
        inputs = self._inputs(sampler)
        guider = self._linked(inputs.get("guider"))
        if guider is not None:
            inputs = self._inputs(guider)
        return inputs.get("positive", inputs.get("conditioning")), inputs.get("negative")

    def _sampler(self, inputs: Mapping[str, Any]) -> str | None:
        name = self._value(inputs, "sampler_name", "sampler")
        schedule = self._value(inputs, "scheduler", "sigmas")
        parts = [x for x in (name, schedule) if isinstance(x, str) and x != "normal"]
        return " ".join(parts) or None

    def _value(self, inputs: Mapping[str, Any], *names: str) -> Any:
        """The first of these inputs, followed to the node that holds it if it is a link."""
        for name in names:
            value = inputs.get(name)
            key = self._linked(value)
            if key is None:
                if value is not None and not isinstance(value, list):
                    return value
                continue
            for near in self._upstream(key):
                found = self._inputs(near)
                for other in (*names, *_aliases(name)):
                    if found.get(other) is not None and not isinstance(found[other], list):
                        return found[other]
        return None

    def _text(self, link: Any, role: str) -> str:
        """All texts that reach a conditioning, in order, each once."""
        other = "negative" if role == "positive" else "positive"
        skipped = {other, "clip", "model", "vae", "control_net", "image", "latent"}
        texts: dict[str, None] = {}
        seen: set[str] = set()
        # Depth first without recursion, which a chain of a thousand nodes would exhaust. What is
        # on the stack are input iterators, so that texts come in the order of the inputs.
        stack = [iter([("", link)])]
        while stack:
            name, value = next(stack[-1], ("", None))
            if value is None:
                stack.pop()
                continue
            if isinstance(value, str) and (name in _TEXTS or name == role) and value.strip():
                texts[value.strip()] = None
            key = self._linked(value)
            if key is not None and key not in seen:
                seen.add(key)
                stack.append(self._followed(key, skipped))
        return ", ".join(texts)

    def _followed(self, key: str, skipped: set[str]) -> Iterator[tuple[str, Any]]:
        for name, value in self._inputs(key).items():
            if name not in skipped and value is not None:
                yield name, value

    def _loose_text(self) -> str:
        encoders = (n for n in self.nodes.values() if "TextEncode" in n["class_type"])
        found = [n.get("inputs", {}).get("text") for n in encoders]
        return next((text for text in found if isinstance(text, str)), "")

    def _model(self, link: Any) -> str | None:
        for key in self._upstream(self._linked(link)):
            for name in _MODELS:
                value = self._inputs(key).get(name)
                if isinstance(value, str):
                    return value
        return None

    def _loras(self, link: Any) -> Iterator[dict[str, Any]]:
        for key in self._upstream(self._linked(link)):
            inputs = self._inputs(key)
            if isinstance(inputs.get("lora_name"), str):
                weight = inputs.get("strength_model", inputs.get("lora_wt"))
                yield {"name": inputs["lora_name"], "weight": weight}
            for value in inputs.values():  # rgthree's node holds one dictionary a LoRA
                if (
                    isinstance(value, dict)
                    and value.get("on")
                    and isinstance(value.get("lora"), str)
                ):
                    yield {"name": value["lora"], "weight": value.get("strength")}

    def _first_with(self, link: Any, name: str) -> Mapping[str, Any]:
        for key in self._upstream(self._linked(link)):
            if name in self._inputs(key):
                return self._inputs(key)
        return {}

    def _upstream(self, key: str | None) -> Iterator[str]:
        """The node and all it depends on, nearest first, each once."""
        queue = deque(() if key is None else (key,))
        seen: set[str] = set(queue)
        while queue:
            current = queue.popleft()
            yield current
            for value in self._inputs(current).values():
                linked = self._linked(value)
                if linked is not None and linked not in seen:
                    seen.add(linked)
                    queue.append(linked)

    def _linked(self, value: Any) -> str | None:
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
            # never the text of a list, which may be most of the file and is asked for often
            key = str(value[0]) if isinstance(value[0], str | int) else ""
            return key if key in self.nodes else None
        return None

    def _inputs(self, key: str) -> Mapping[str, Any]:
        inputs = self.nodes[key].get("inputs")
        return inputs if isinstance(inputs, dict) else {}


def _aliases(name: str) -> tuple[str, ...]:
    """Under which names the node behind a link holds the value."""
    if "seed" in name or name == "noise":
        return ("noise_seed", *_SEEDS)
    if name == "sigmas":
        return ()
    return {"guider": ("cfg", "guidance"), "sampler": ("sampler_name",)}.get(name, ("value", name))
