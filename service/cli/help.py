"""Commands in words of a user's: names and bounds of what to give, no types of Python."""

from __future__ import annotations

import re
from typing import Any

from typer import Abort
from typer.core import TyperCommand

_BETWEEN = re.compile(r"(\d+)<=x<=(\d+)")
_RANGE = re.compile(r"x>=(\d+)")


class PlainCommand(TyperCommand):
    """A command whose page says ``IMAGE``, where typer's says ``IMAGE <str>`` and ``{IMAGE}``."""

    def invoke(self, ctx: Any) -> Any:
        """Run it; an interruption goes on to ``main``, where typer would make it an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Abort from error

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words after the command's name: ``[OPTIONS] IMAGE [PROMPT] [FOLDER]...``."""
        pieces = [self.options_metavar] if self.options_metavar else []
        for one in self.get_params(ctx):
            if one.param_type_name == "argument":
                pieces.append(_name(one) if one.required else f"[{_name(one)}]")
                pieces[-1] += "..." if one.nargs != 1 else ""
        return pieces

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options, each a name and what it is."""
        sections: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for one in self.get_params(ctx):
            record = one.get_help_record(ctx)
            if record is None:
                continue
            name, told = record
            told = _RANGE.sub(r"\1 or more", _BETWEEN.sub(r"\1 to \2", told))
            if one.param_type_name == "argument":
                name, told = _name(one), told.removesuffix("[required]").rstrip()
            sections[one.param_type_name].append((name, told))
        for kind, rows in sections.items():
            if rows:
                with formatter.section(f"{kind.capitalize()}s"):
                    formatter.write_dl(rows)


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())
