from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from tests.generator.test_recipes import FULL
from vitrail.generator.foreign import read_recipe
from vitrail.generator.png import encode_png
from vitrail.generator.recipes import GeneratedImage
from vitrail.indexer.images.opening import open_image

A1111 = """a <lora:ink:0.8> castle, (night:1.2), "moon"
second line: with, commas
Negative prompt: blurry,
low quality
Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 3423918272, \
Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Denoising strength: 0.4, \
Lora hashes: "ink: 0123456789ab, other: ba9876543210", TI: "a, b: c", Version: v1.10.1"""

COMFY: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 156680208700286,
            "steps": 20,
            "cfg": 8.0,
            "sampler_name": "euler",
            "scheduler": "karras",
            "denoise": 1.0,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle", "clip": ["10", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["10", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {
            "lora_name": "ink.safetensors",
            "strength_model": 0.7,
            "strength_clip": 1,
            "model": ["4", 0],
            "clip": ["4", 1],
        },
    },
}
COMFY_FLUX: dict[str, Any] = {
    "1": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["2", 0],
            "guider": ["3", 0],
            "sampler": ["4", 0],
            "sigmas": ["5", 0],
            "latent_image": ["6", 0],
        },
    },
    "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 77}},
    "3": {"class_type": "BasicGuider", "inputs": {"model": ["7", 0], "conditioning": ["8", 0]}},
    "4": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "5": {
        "class_type": "BasicScheduler",
        "inputs": {"scheduler": "simple", "steps": 4, "denoise": 1, "model": ["7", 0]},
    },
    "6": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 1024, "height": 768}},
    "7": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux-schnell.safetensors"}},
    "8": {
        "class_type": "FluxGuidance",
        "inputs": {"guidance": 3.5, "conditioning": ["9", 0]},
    },
    "9": {"class_type": "CLIPTextEncode", "inputs": {"text": ["10", 0], "clip": ["11", 0]}},
    "10": {"class_type": "PrimitiveString", "inputs": {"value": "a linked prompt"}},
    "11": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": "t5.safetensors"}},
}


def test_automatic1111() -> None:
    assert read_recipe({"parameters": A1111}) == {
        "tool": "automatic1111",
        "prompt": 'a <lora:ink:0.8> castle, (night:1.2), "moon"\nsecond line: with, commas',
        "negative_prompt": "blurry,\nlow quality",
        "seed": 3423918272,
        "steps": 30,
        "guidance": 6.5,
        "sampler": "DPM++ 2M Karras",
        "width": 512,
        "height": 768,
        "strength": 0.4,
        "model": "v1-5-pruned-emaonly",
        "model_hash": "6ce0161689",
        "version": "v1.10.1",
        "lora": [
            {"name": "ink", "weight": 0.8, "content_hash": "0123456789ab"},
            {"name": "other", "content_hash": "ba9876543210"},
        ],
    }


def test_automatic1111_in_a_jpeg() -> None:
    exif = Image.Exif()
    comment = b"UNICODE\0" + A1111.encode("utf-16-be")
    exif.get_ifd(0x8769)[0x9286] = comment
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    found = read_recipe(open_image(buffer.getvalue()).info)
    assert found == read_recipe({"parameters": A1111})


def test_forge_by_its_version() -> None:
    found = read_recipe({"parameters": A1111.replace("v1.10.1", "f2.0.1v1.10.1-previous-1")})
    assert found is not None
    assert found["tool"] == "forge"


def test_a_prompt_alone_is_no_recipe() -> None:
    assert read_recipe({"parameters": "just some words"}) is None
    assert read_recipe({"comment": "Created with GIMP"}) is None


def test_comfyui_through_a_png() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("prompt", json.dumps(COMFY))
    chunks.add_text("workflow", json.dumps({"nodes": [], "links": []}))
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=chunks)
    assert read_recipe(open_image(buffer.getvalue()).info) == {
        "tool": "comfyui",
        "prompt": "a castle",
        "negative_prompt": "blurry",
        "seed": 156680208700286,
        "steps": 20,
        "guidance": 8.0,
        "sampler": "euler karras",
        "strength": 1.0,
        "width": 512,
        "height": 640,
        "model": "sd15.safetensors",
        "lora": [{"name": "ink.safetensors", "weight": 0.7}],
    }


def test_comfyui_with_guider_and_linked_text() -> None:
    assert read_recipe({"prompt": json.dumps(COMFY_FLUX)}) == {
        "tool": "comfyui",
        "prompt": "a linked prompt",
        "seed": 77,
        "steps": 4,
        "sampler": "euler simple",
        "guidance": 3.5,
        "width": 1024,
        "height": 768,
        "model": "flux-schnell.safetensors",
    }


def test_comfyui_takes_the_sampler_that_composes() -> None:
    refiner = {
        "class_type": "KSampler",
        "inputs": COMFY["3"]["inputs"] | {"seed": 5, "latent_image": ["3", 0], "denoise": 0.3},
    }
    found = read_recipe({"prompt": json.dumps({"1": refiner, **COMFY})})
    assert found is not None
    assert found["seed"] == 156680208700286


def test_comfyui_with_linked_seed_and_a_circle() -> None:
    graph = json.loads(json.dumps(COMFY))
    graph["3"]["inputs"]["seed"] = ["20", 0]
    graph["20"] = {"class_type": "PrimitiveInt", "inputs": {"value": 9, "again": ["20", 0]}}
    graph["6"]["inputs"]["loop"] = ["6", 0]
    found = read_recipe({"prompt": json.dumps(graph)})
    assert found is not None
    assert (found["seed"], found["prompt"]) == (9, "a castle")


def test_comfyui_in_webp() -> None:
    found = read_recipe({"Model": "prompt:" + json.dumps(COMFY), "Make": "workflow:{}"})
    assert found is not None
    assert found["seed"] == 156680208700286


def test_invokeai() -> None:
    data = {
        "app_version": "5.4.2",
        "positive_prompt": "a castle",
        "negative_prompt": "blurry",
        "seed": 12,
        "steps": 30,
        "cfg_scale": 7.5,
        "scheduler": "euler",
        "width": 512,
        "height": 512,
        "model": {"name": "dreamshaper", "hash": "blake3:1f2e", "base": "sd-1"},
        "loras": [{"model": {"name": "ink"}, "weight": 0.6}],
    }
    assert read_recipe({"invokeai_metadata": json.dumps(data)}) == {
        "tool": "invokeai",
        "prompt": "a castle",
        "negative_prompt": "blurry",
        "seed": 12,
        "steps": 30,
        "guidance": 7.5,
        "sampler": "euler",
        "width": 512,
        "height": 512,
        "model": "dreamshaper",
        "model_hash": "blake3:1f2e",
        "version": "5.4.2",
        "lora": [{"name": "ink", "weight": 0.6}],
    }


def test_older_invokeai() -> None:
    image = {
        "prompt": [{"prompt": "a castle [blurry]", "weight": 1}],
        "seed": 3,
        "steps": 50,
        "cfg_scale": 7.5,
        "sampler": "k_lms",
        "width": 512,
        "height": 512,
    }
    data = {"model_weights": "stable-diffusion-1.5", "app_version": "v2.3", "image": image}
    found = read_recipe({"sd-metadata": json.dumps(data)})
    assert found is not None
    assert (found["prompt"], found["negative_prompt"]) == ("a castle", "blurry")
    assert (found["model"], found["seed"], found["sampler"]) == ("stable-diffusion-1.5", 3, "k_lms")
    dream = '"a castle [blurry]" -s 50 -S 42 -W 512 -H 640 -C 7.5 -A k_lms'
    assert read_recipe({"Dream": dream}) == {
        "tool": "invokeai",
        "prompt": "a castle",
        "negative_prompt": "blurry",
        "seed": 42,
        "steps": 50,
        "width": 512,
        "height": 640,
        "guidance": 7.5,
        "sampler": "k_lms",
    }


def test_novelai() -> None:
    comment = {
        "prompt": "a castle",
        "uc": "lowres",
        "seed": 99,
        "steps": 28,
        "scale": 5.0,
        "sampler": "k_euler",
        "width": 832,
        "height": 1216,
    }
    info = {
        "Software": "NovelAI",
        "Source": "NovelAI Diffusion V4 37442FCA",
        "Description": "a castle",
        "Comment": json.dumps(comment),
    }
    assert read_recipe(info) == {
        "tool": "novelai",
        "prompt": "a castle",
        "negative_prompt": "lowres",
        "seed": 99,
        "steps": 28,
        "guidance": 5.0,
        "sampler": "k_euler",
        "width": 832,
        "height": 1216,
        "model": "NovelAI Diffusion V4 37442FCA",
    }


def test_fooocus_in_both_schemes() -> None:
    data = {
        "prompt": "a castle",
        "negative_prompt": "",
        "base_model": "juggernautXL_v8",
        "base_model_hash": "aeb7e9e689",
        "guidance_scale": 4,
        "loras": [["offset.safetensors", 0.1, "4852686128"]],
        "resolution": "(1152, 896)",
        "sampler": "dpmpp_2m_sde_gpu",
        "scheduler": "karras",
        "seed": "8653622341",
        "steps": 30,
        "version": "Fooocus v2.5.0",
    }
    assert read_recipe({"fooocus_scheme": "fooocus", "parameters": json.dumps(data)}) == {
        "tool": "fooocus",
        "prompt": "a castle",
        "seed": 8653622341,
        "steps": 30,
        "guidance": 4.0,
        "sampler": "dpmpp_2m_sde_gpu",
        "width": 1152,
        "height": 896,
        "model": "juggernautXL_v8",
        "model_hash": "aeb7e9e689",
        "version": "Fooocus v2.5.0",
        "lora": [{"name": "offset.safetensors", "weight": 0.1, "content_hash": "4852686128"}],
    }
    found = read_recipe({"fooocus_scheme": "a1111", "parameters": A1111})
    assert found is not None
    assert (found["tool"], found["seed"]) == ("fooocus", 3423918272)


def test_ours_comes_first() -> None:
    data = encode_png(GeneratedImage(Image.new("RGB", (8, 8)), FULL, True, 0.0))
    found = read_recipe(open_image(data).info)
    assert found == {"tool": "vitrail", "nsfw": True} | FULL.to_dict()


def test_ours_without_its_own_chunk() -> None:
    data = encode_png(GeneratedImage(Image.new("RGB", (8, 8)), FULL, None, 0.0))
    found = read_recipe({"parameters": open_image(data).info["parameters"]})
    assert found is not None
    assert (found["seed"], found["steps"], found["model"]) == (1, 20, "embedded")
    assert found["lora"] == [{"name": "paint", "weight": 0.5, "content_hash": "d" * 12}]


def test_import_is_light() -> None:
    heavy = "{'torch', 'diffusers', 'transformers'}"
    code = f"import sys, vitrail.generator.foreign; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("seed", ["-1", "18446744073709551616", "1e99", "NaN", "ten"])
def test_impossible_seeds_are_left_out(seed: str) -> None:
    found = read_recipe({"parameters": A1111.replace("3423918272", seed)})
    assert found is not None
    assert "seed" not in found


def test_largest_seed_is_exact() -> None:
    found = read_recipe({"parameters": A1111.replace("3423918272", "18446744073709551615")})
    assert found is not None
    assert found["seed"] == 2**64 - 1
