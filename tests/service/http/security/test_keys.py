"""Keys: shown once, kept as hashes, revoked for good."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.errors import InputError
from vitrail.service.http.observing.audit import AuditLog
from vitrail.service.http.security import keys
from vitrail.service.http.security.keyring import KeyRing
from vitrail.service.http.security.keys import (
    FILE,
    UnusableKeysError,
    find_key,
    make_key,
    read_keys,
    revoke_key,
)
from vitrail.service.http.security.scopes import KeyScope

NOW = datetime.now(UTC)


def test_a_key_opens_until_it_is_revoked(tmp_path: Path) -> None:
    key, text = make_key(tmp_path, KeyScope.WRITE, name="laptop")
    other, _ = make_key(tmp_path, KeyScope.READ)
    assert find_key(read_keys(tmp_path), text, NOW) == key
    assert revoke_key(tmp_path, "laptop").id == key.id
    held = read_keys(tmp_path)
    assert find_key(held, text, NOW) is None
    assert [one.id for one in held.values() if one.holds(NOW)] == [other.id]


def test_a_key_opens_until_it_expires(tmp_path: Path) -> None:
    key, text = make_key(tmp_path, KeyScope.READ, lasts=timedelta(days=1))
    held = read_keys(tmp_path)
    assert find_key(held, text, key.made + timedelta(hours=23))
    assert find_key(held, text, key.made + timedelta(days=1)) is None


def test_the_file_holds_no_key_and_is_its_owners_alone(tmp_path: Path) -> None:
    _, text = make_key(tmp_path, KeyScope.ADMIN, name="mine")
    kept = (tmp_path / FILE).read_text("utf-8")
    assert text.rpartition("_")[2] not in kept
    assert text not in kept
    if os.name == "posix":
        assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_belongs_to_who_has_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    make_key(tmp_path, KeyScope.READ)
    AuditLog(tmp_path).add("key-made")
    for name in (FILE, "audit.jsonl"):
        found = (tmp_path / name).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12345, 12345, 0o600)


@given(st.text(max_size=80))
def test_nothing_but_the_key_opens(given_: str) -> None:
    digest = keys._digest("vitrail_0a1b2c3d_secret")
    held = {"0a1b2c3d": keys.Key("0a1b2c3d", KeyScope.READ, "", digest, NOW)}
    assert find_key(held, given_, NOW) is None
    assert find_key(held, f"vitrail_0a1b2c3d_{given_}", NOW) is None
    assert find_key(held, "vitrail_0a1b2c3d_secret", NOW)


@pytest.mark.parametrize("end", range(1, 60, 7))
def test_a_torn_line_was_never_promised_and_spoils_no_other(tmp_path: Path, end: int) -> None:
    _, first = make_key(tmp_path, KeyScope.READ)
    make_key(tmp_path, KeyScope.READ)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:-end])
    _, last = make_key(tmp_path, KeyScope.READ)
    held = read_keys(tmp_path)
    assert find_key(held, first, NOW)
    assert find_key(held, last, NOW)


def test_a_spoilt_file_opens_nothing(tmp_path: Path) -> None:
    _, text = make_key(tmp_path, KeyScope.READ)
    path = tmp_path / FILE
    ring = KeyRing(tmp_path)
    assert ring.find(text)
    path.write_text(path.read_text("utf-8").replace("read", "everything"), "utf-8")
    with pytest.raises(UnusableKeysError, match="is no key"):
        read_keys(tmp_path)
    ring.refresh()
    assert ring.find(text) is None


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX'")
def test_a_file_that_others_may_write_opens_nothing(tmp_path: Path) -> None:
    make_key(tmp_path, KeyScope.READ)
    (tmp_path / FILE).chmod(0o666)
    with pytest.raises(UnusableKeysError, match="chmod 600"):
        read_keys(tmp_path)


def test_what_cannot_be_a_key_or_a_name_is_refused(tmp_path: Path) -> None:
    for name in ("a\nb", "x" * 65):
        with pytest.raises(InputError, match="64 characters"):
            make_key(tmp_path, KeyScope.READ, name=name)
    with pytest.raises(InputError, match="a day or more"):
        make_key(tmp_path, KeyScope.READ, lasts=timedelta(0))
    assert not (tmp_path / FILE).exists()
    make_key(tmp_path, KeyScope.READ, name="twin")
    make_key(tmp_path, KeyScope.READ, name="twin")
    for named, says in (("nobody", "no key that holds"), ("twin", "2 keys")):
        with pytest.raises(InputError, match=says):
            revoke_key(tmp_path, named)


def test_a_session_ends_with_its_time_and_with_its_key(tmp_path: Path) -> None:
    now = [NOW]
    _, text = make_key(tmp_path, KeyScope.READ, name="page")
    ring = KeyRing(tmp_path, clock=lambda: now[0])
    key = ring.find(text)
    assert key is not None
    first, second, third = (ring.begin_session(key) for _ in range(3))
    ring.end_session(second)
    assert (ring.find_session(first), ring.find_session(second)) == (key, None)
    now[0] += timedelta(hours=11)
    assert ring.find_session(third) == key
    now[0] += timedelta(hours=2)
    assert ring.find_session(third) is None
    fresh = ring.begin_session(key)
    revoke_key(tmp_path, key.id)
    ring.refresh()
    assert ring.find_session(fresh) is None
