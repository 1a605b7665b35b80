"""What every released version wrote is read by this one, and what a newer one wrote is refused."""

import json
from pathlib import Path

import msgspec
import pytest

from streams.manifest import BundleError, decode_manifest
from streams.session import Session, newer, pack, place, unpack
from tests import written

VERSIONS = sorted(written.FIXTURES.iterdir())
each_version = pytest.mark.parametrize("folder", VERSIONS, ids=lambda folder: folder.name)


def packed(folder: Path) -> bytes:
    return bytes.fromhex((folder / "session.hex").read_text())


@each_version
def test_a_session_s_record_is_read_as_it_was_meant(folder):
    expected = msgspec.convert(json.loads((folder / "session.json").read_text("utf-8")), Session)
    assert unpack(packed(folder)) == expected
    assert place(packed(folder)).offset == expected.offset
    assert not newer(packed(folder))


@each_version
def test_a_manifest_is_read_and_keeps_its_digest(folder):
    raw = (folder / "manifest.json").read_bytes()
    assert decode_manifest(raw).encode() == raw


def test_this_version_s_fixtures_are_what_it_writes():
    """Whoever changes what is written raises the version, or begins it anew before a release."""
    folder = written.FIXTURES / written.VERSION
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written.files()


def test_a_record_with_more_fields_is_of_a_newer_version():
    fields = msgspec.msgpack.decode(pack(written.session()))
    assert newer(msgspec.msgpack.encode([*fields, "what nobody knows yet"]))
    assert newer(msgspec.msgpack.encode([*fields, *range(20)]))
    assert not newer(msgspec.msgpack.encode(fields[:-1]))
    assert not newer(b"")


def test_a_manifest_of_a_newer_schema_is_refused_with_what_to_do():
    raw = msgspec.json.encode({**msgspec.to_builtins(written.manifest()), "schema": 2})
    with pytest.raises(BundleError, match=r"schema 2, this version reads 1; .*upgrade"):
        decode_manifest(raw)
