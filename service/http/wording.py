"""What operations say of options, in the words of who asks by HTTP: members, not flags."""

from __future__ import annotations

import re

MEMBERS = frozenset(
    {
        *(
            "against",
            "box",
            "by",
            "exact",
            "explain",
            "fusion",
            "generated",
            "group_by",
            "guidance",
        ),
        *("labels", "mark", "max_fpr", "min_probability", "min_score", "model", "n", "only"),
        *("originals", "pixels", "prompt", "refit", "region", "retries", "sample", "scheduler"),
        *("seed", "seeds", "sort", "space", "spaces", "steps", "text", "top", "where", "write"),
    }
)
"""Members of bodies that the command line has as options of the same name."""
# a command that is told whole is one of the machine that serves, and stays
_COMMAND_OR_OPTION = re.compile(r"`[^`]*`|(?<![\w-])--([a-z][a-z-]*)")


def in_members(text: str) -> str:
    """A text in which options are called as the members of a body that stand for them."""
    return _COMMAND_OR_OPTION.sub(_member, text)


def _member(found: re.Match[str]) -> str:
    name = (found[1] or "").replace("-", "_")
    return f"`{name}`" if name in MEMBERS else found[0]
