"""What builds a TensorRT engine of an ONNX file, where that is installed: commands, exactly."""

from __future__ import annotations

from collections.abc import Mapping

COMMANDS = "tensorrt.txt"
OPSET = 20  # attention as plain operators, which every TensorRT of today parses
_FLAGS: Mapping[str, tuple[str, ...]] = {"fp32": (), "fp16": ("--fp16",), "bf16": ("--bf16",)}
_BATCH = 32  # images that an engine is built for, at most; it is tuned for 8


def trtexec_command(image_size: int, precision: str) -> str:
    """The command that builds an engine for batches of 1 to 32, to be run in the folder."""
    shapes = {
        name: f"--{name}Shapes=pixels:{n}x{image_size}x{image_size}x3"
        for name, n in (("min", 1), ("opt", 8), ("max", _BATCH))
    }
    parts = [
        "trtexec",
        "--onnx=model.onnx",
        "--saveEngine=model.engine",
        *shapes.values(),
        *_FLAGS[precision],
    ]
    return " ".join(parts)


def commands_text(image_size: int, precision: str) -> str:
    """What is written beside the ONNX file."""
    half = f", 'trt_{precision}_enable': True" if precision != "fp32" else ""
    return f"""An engine is built on the machine that runs it. With TensorRT, in this folder:

  {trtexec_command(image_size, precision)}

Or let ONNX Runtime build it, with onnxruntime-gpu and TensorRT's libraries:

  import onnxruntime
  session = onnxruntime.InferenceSession(
      "model.onnx",
      providers=[("TensorrtExecutionProvider", {{'trt_engine_cache_enable': True{half}}})],
  )
  outputs = session.run(None, {{"pixels": pixels}})

pixels: (n, {image_size}, {image_size}, 3) uint8, RGB, made as preprocessor_config.json says.
The certificate is of the ONNX file in fp32, on the CPU: an engine rounds otherwise.
"""
