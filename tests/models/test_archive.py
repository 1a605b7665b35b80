import io
import tarfile
from pathlib import Path

import pytest

from models.archive import backup, restore
from models.registry import Registry
from streams.announcements import announcement
from streams.bundle import BundleError, open_bundle
from tests.bundles import counts_files, place, signed


def write(root: Path, version: str) -> Path:
    return place(signed(counts_files(), name="m", version=version), root / "m" / version)


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    root = tmp_path / "models"
    write(root, "v1")
    write(root, "v2")
    place({"config.json": b"{}"}, root / "m" / "v2.learner")
    found = Registry(root)
    found.log("m", {"event": "promoted", "version": "v2"})
    return found


@pytest.fixture
def archive(registry: Registry, tmp_path: Path) -> Path:
    champion = announcement(
        open_bundle(registry.path("m", "v2")), "champion", "2026-11-21T10:00:00Z"
    )
    assert backup(registry, {"m": champion}, tmp_path / "m.tar") == [("m", "v1"), ("m", "v2")]
    return tmp_path / "m.tar"


def test_what_was_backed_up_is_restored_byte_for_byte(registry, archive, tmp_path):
    fresh = Registry(tmp_path / "fresh")
    versions, told = restore(fresh, archive)
    assert versions == [("m", "v1"), ("m", "v2")]
    assert [(entry.version, entry.stage) for entry in told] == [("v2", "champion")]
    assert contents(fresh.root) == contents(registry.root)


def test_a_damaged_bundle_is_not_backed_up(registry, tmp_path):
    (registry.path("m", "v1") / "catalog.parquet").write_bytes(b"PAR1")
    with pytest.raises(BundleError, match=r"catalog\.parquet"):
        backup(registry, {}, tmp_path / "m.tar")
    assert not list(tmp_path.glob("*m.tar*"))


def test_a_backup_overwrites_nothing(registry, archive):
    before = archive.read_bytes()
    with pytest.raises(FileExistsError, match="name another"):
        backup(registry, {}, archive)
    assert archive.read_bytes() == before


def test_a_version_that_is_there_is_replaced_only_by_force(registry, archive):
    lost = registry.path("m", "v1") / "catalog.parquet"
    whole = contents(registry.root)
    lost.write_bytes(b"damaged")
    with pytest.raises(FileExistsError, match=r"m v1 .* and 1 more: give --force"):
        restore(registry, archive)
    assert lost.read_bytes() == b"damaged"
    restore(registry, archive, force=True)
    assert contents(registry.root) == whole


def test_one_changed_byte_refuses_all_of_it(archive, tmp_path):
    raw = bytearray(archive.read_bytes())
    at = raw.index(b"PAR1") + 100
    raw[at] ^= 1
    archive.write_bytes(raw)
    with pytest.raises(BundleError, match=r"\.parquet was changed or damaged"):
        restore(Registry(tmp_path / "fresh"), archive)
    assert contents(tmp_path / "fresh") == {}


def test_an_archive_that_was_cut_is_refused(archive, tmp_path):
    whole = archive.read_bytes()
    for size in (0, 100, 512, 3000, 5000, len(whole) // 2, len(whole) - 12_000):
        archive.write_bytes(whole[:size])
        with pytest.raises(BundleError):
            restore(Registry(tmp_path / "fresh"), archive)
        assert contents(tmp_path / "fresh") == {}


def hostile(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    "member",
    [
        hostile("../escaped/v1/manifest.json"),
        hostile("m/../../escaped"),
        hostile("/tmp/escaped/file"),
        hostile("m/v1/../../../escaped"),
        hostile("m//file"),
        hostile("m/v1/sub/file"),
        hostile("m/.hidden/file"),
        hostile("m/v3/manifest.json", tarfile.SYMTYPE),
        hostile("m/v3/manifest.json", tarfile.LNKTYPE),
        hostile("m/v3", tarfile.DIRTYPE),
        hostile("m/v3/manifest.json", tarfile.FIFOTYPE),
        hostile("stranger"),
    ],
    ids=lambda member: f"{member.name}-{member.type.decode()}",
)
def test_an_archive_with_anything_else_in_it_is_refused_and_writes_nothing(
    member, archive, tmp_path
):
    with tarfile.open(archive, "a") as tar:
        tar.addfile(member, io.BytesIO())
    before = contents(tmp_path)
    with pytest.raises(BundleError, match="nothing was restored"):
        restore(Registry(tmp_path / "fresh"), archive)
    assert contents(tmp_path) == before


def test_a_newer_layout_is_refused_with_what_to_do(tmp_path):
    raw = b'{"schema":2,"future":true}'
    member = tarfile.TarInfo("index.json")
    member.size = len(raw)
    with tarfile.open(tmp_path / "new.tar", "w") as tar:
        tar.addfile(member, io.BytesIO(raw))
    with pytest.raises(BundleError, match="upgrade and restore then"):
        restore(Registry(tmp_path / "fresh"), tmp_path / "new.tar")
