"""The application: of all commands, or of the one that is asked for."""

from __future__ import annotations

import pytest

from vitrail.service.cli.application import HOMES, alone, chosen, command_name, whole


def test_every_command_has_its_home() -> None:
    declared = {
        command_name(one): one.callback.__module__.rpartition(".")[2]
        for one in whole().registered_commands
        if one.callback is not None
    }
    assert [*declared.items()] == [*HOMES.items()]


@pytest.mark.parametrize("command", HOMES)
def test_one_alone_is_declared_as_among_all(command: str) -> None:
    (own,) = alone(command).registered_commands
    (among,) = (one for one in whole().registered_commands if command_name(one) == command)
    assert (own.callback, own.cls) == (among.callback, among.cls)


def test_all_are_there_where_none_is_named_first() -> None:
    for words in ([], ["--help"], ["--version"], ["serch"], ["--show-completion", "search"]):
        assert chosen(words) is whole()
    assert chosen(["search", "--help"]) is alone("search")
