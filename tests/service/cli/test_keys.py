"""Keys of a service, made, listed and revoked by the command line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.service.conftest import Vitrail
from vitrail.service.http.security.keys import read_keys


def test_a_key_is_shown_once_listed_and_revoked(vitrail: Vitrail, tmp_path: Path) -> None:
    at = ("--state", tmp_path / "state")
    assert "no key was made yet" in vitrail("keys", "list", *at).err
    made = vitrail("keys", "new", "--scope", "write", "--name", "laptop", *at)
    text = made.out.strip()
    assert (made.code, "it is not shown again" in made.err) == (0, True)
    held = [path for path in (tmp_path / "state").iterdir() if path.is_file()]
    for path in held:
        assert text.encode() not in path.read_bytes()
        assert not stat.S_IMODE(os.stat(path).st_mode) & 0o077, path
    (listed,) = vitrail("keys", "list", "--json", *at).json["keys"]
    assert (listed["name"], listed["scope"]) == ("laptop", "write")
    assert text not in vitrail("keys", "list", *at).out
    assert vitrail("keys", "revoke", "laptop", *at).code == 0
    assert "revoked" in vitrail("keys", "list", *at).out
    assert len(read_keys(tmp_path / "state")) == 1


def test_a_key_holds_as_long_as_is_said(vitrail: Vitrail, tmp_path: Path) -> None:
    at = ("--state", tmp_path / "state")
    told = vitrail("keys", "new", "--expires", "30d", "--json", *at).json
    assert told["scope"] == "read"
    assert told["key"]
    (key,) = read_keys(tmp_path / "state").values()
    assert key.expires is not None
    assert round((key.expires - key.made).total_seconds()) == 30 * 86_400


def test_what_is_no_key_is_refused_in_a_line(vitrail: Vitrail, tmp_path: Path) -> None:
    at = ("--state", tmp_path / "state")
    vitrail.fails("keys", "new", "--scope", "all", *at, code=2, says=["all", "read, write"])
    vitrail.fails("keys", "new", "--expires", "soon", *at, code=2, says=["soon", "30d"])
    vitrail.fails("keys", "revoke", *at, code=2, says=["id or name"])
    vitrail.fails("keys", "revoke", "none", *at, code=2, says=["none"])
    vitrail.fails("keys", "lose", *at, code=2, says=["lose", "new"])
    assert not (tmp_path / "state").exists() or not read_keys(tmp_path / "state")
