"""Options that several commands share, as the fields of a dataclass."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints

Command = Callable[..., None]


def bundled(
    name: str, bundle: type[Any], *, without: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Put options in place of a command's parameter, one for each field of a dataclass.

    Typer reads a command's options from its signature, so that is what this writes.

    Args:
        name: the parameter, which gets the dataclass filled in.
        bundle: the dataclass; each field has typer's annotation and a default.
        without: fields that the command has no option for.
    """
    hints = get_type_hints(bundle, include_extras=True)
    shared = [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(bundle)
        if field.name not in without
    ]

    def decorate(command: Command) -> Command:
        types = get_type_hints(command, include_extras=True)
        parameters: list[Parameter] = []
        for own in signature(command).parameters.values():
            if own.name == name:
                parameters += shared
            else:
                annotated = own.replace(annotation=types[own.name], kind=Parameter.KEYWORD_ONLY)
                parameters.append(annotated)

        @wraps(command)
        def call(**given: Any) -> None:
            filled = bundle(**{one.name: given.pop(one.name) for one in shared})
            command(**given, **{name: filled})

        call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        return call

    return decorate
