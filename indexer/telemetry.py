"""The reports that libraries would send about their use: switched off before any is imported.

Vitrail sends nothing of its own. What some of its dependencies would send or fetch, they are told
not to here, by the one package that every import of any of Vitrail's goes through, also in child
processes.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import cast

DUCKDB = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
"""Settings of every DuckDB connection, which would fetch what a query names and it lacks."""

# Variables as the libraries document them; what the user has set stays as it is.
_VARIABLES = {
    "HF_HUB_DISABLE_TELEMETRY": "1",  # versions and programs in every request to the Hub
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # transformers asks a service to convert pickles
    "DO_NOT_TRACK": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # read as ONNX Runtime is imported; its own function is too late
}
# OpenVINO reports every import to Google Analytics and keeps a client id in ~/intel, without an
# option against it but a file in that folder. A missing package it bears: a stub takes its place.
_BLOCKED = "openvino_telemetry"


def switch_off() -> None:
    """Tell the dependencies, and every process started from here, to report nothing."""
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    sys.modules.setdefault(_BLOCKED, cast(ModuleType, None))  # None: not to be imported


def pass_over_plugins() -> None:
    """Let pydantic look for no plugins of its own, for a process that is Vitrail's alone.

    It would look through every distribution that is installed, at every start.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
