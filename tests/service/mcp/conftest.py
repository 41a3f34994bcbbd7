"""Assistants: the SDK's own client before the tools of a service of twelve images."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, TextContent, Tool

from tests.service.http.conftest import painted_in
from vitrail.service.client.transport import Transport
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.within import ADDRESS, answering_within
from vitrail.service.mcp.images import OpenFolders
from vitrail.service.mcp.server import make_server
from vitrail.service.mcp.service import AskedService

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Assistant:
    """What an assistant does, one call after the other."""

    client: Client
    portal: BlockingPortal

    def tools(self) -> dict[str, Tool]:
        return {one.name: one for one in self.portal.call(self.client.list_tools).tools}

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        result: CallToolResult = self.portal.call(self.client.call_tool, tool, arguments)
        return result

    def told(self, tool: str, **arguments: Any) -> Any:
        """What a tool answers; its text says the same."""
        result = self.call(tool, **arguments)
        assert not result.is_error, result.content
        assert json.loads(text_of(result)) == result.structured_content
        return result.structured_content

    def refused(self, tool: str, **arguments: Any) -> Any:
        """Why it does not, as its text says, too."""
        result = self.call(tool, **arguments)
        assert result.is_error, result.content
        assert text_of(result).startswith(f"{result.structured_content['code']}: ")
        assert "\n" not in text_of(result)
        return result.structured_content


Started = Callable[..., Assistant]


def text_of(result: CallToolResult) -> str:
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


@contextmanager
def assisting(server: Any) -> Iterator[Assistant]:
    """An assistant before a server, or what runs one."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(server)) as client,
    ):
        yield Assistant(client, portal)


@contextmanager
def assisted_by(*command: object, errors: Path, **more: str) -> Iterator[Assistant]:
    """An assistant that has started ``python COMMAND`` and talks to it."""
    variables = {**os.environ, **more}
    run = StdioServerParameters(
        command=sys.executable, args=[*map(str, command)], env=variables, cwd=ROOT
    )
    with errors.open("w") as log, assisting(stdio_client(run, log)) as assistant:
        yield assistant


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceOptions]:
    """A service of twelve images in two spaces."""
    home = tmp_path_factory.mktemp("assisted")
    with painted_in(home) as place:
        yield ServiceOptions({"painted": place}, home / "state", warm=False, read_only=True)


@pytest.fixture(scope="module")
def images(painted: ServiceOptions) -> Path:
    """The folder of these images."""
    return painted.state.parent / "images"


@contextmanager
def starting(painted: ServiceOptions, place: Path) -> Iterator[Started]:
    """Starts assistants of services within this process, set up as is said, until it is left."""
    with ExitStack() as stack:

        def start(*folders: Path, write: bool = False, **said: Any) -> Assistant:
            state = place / f"state-{uuid4().hex}"
            options = replace(painted, state=state, read_only=not write, **said)
            carrier = stack.enter_context(answering_within(options))
            service = AskedService(Transport(ADDRESS, None, 60, carrier))
            server = make_server(service, OpenFolders(folders), write=write)
            return stack.enter_context(assisting(server))

        yield start


@pytest.fixture
def started(painted: ServiceOptions, tmp_path: Path) -> Iterator[Started]:
    """Starts assistants."""
    with starting(painted, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def assistant(painted: ServiceOptions, images: Path) -> Iterator[Assistant]:
    """One that may read these images, for tests that write nothing."""
    with starting(painted, painted.state.parent) as start:
        yield start(images)
