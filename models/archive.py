"""A registry in one tar file: its bundles, verdicts and the last announcement of every name.

Nothing of an archive is put in place before all of it was unpacked beside the registry, and every
file of every bundle fits its manifest. Names inside are the registry's own (NAME/VERSION/FILE,
NAME/VERSION.learner/FILE, NAME/verdicts.jsonl); anything else refuses the archive.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from streams.bundle import BundleError, open_bundle
from streams.events import ModelAnnouncement, encode
from streams.manifest import NAME

from .registry import LEARNER, Registry

INDEX = "index.json"
VERDICTS = "verdicts.jsonl"
SCHEMA = 1
INDEX_LIMIT = 64 << 20  # bytes; what reads it has not verified anything yet
Progress = Callable[[str, int, int], None]


class _Header(msgspec.Struct):
    schema: int


class _Index(msgspec.Struct, frozen=True):
    """The first member: every other one with its sha256, and what was announced at the time."""

    schema: int
    files: dict[str, str]
    announcements: tuple[ModelAnnouncement, ...]


def backup(
    registry: Registry,
    announcements: Mapping[str, ModelAnnouncement],
    file: Path,
    progress: Progress = lambda step, done, total: None,
) -> list[tuple[str, str]]:
    """Write every version to a new file, and give them; the file is whole or not there.

    Raises:
        BundleError: a bundle is damaged: remove it, or copy it again, and back up then.
        FileExistsError: there is such a file.
    """
    if file.exists():
        raise FileExistsError(f"{file} exists: name another, or remove it")
    listings = [entry for name in registry.names() for entry in registry.versions(name)]
    paths: list[Path] = []
    for done, entry in enumerate(listings):
        progress(f"verify {entry.name} {entry.version}", done, len(listings))
        open_bundle(entry.path)
        paths += _files(entry.path) + _files(entry.path.with_name(entry.version + LEARNER))
    paths += [p for name in registry.names() if (p := registry.root / name / VERDICTS).is_file()]
    # Copied first: a log that grows meanwhile would not fit its own hash.
    part = file.with_name(f".{file.name}.part")
    try:
        with tempfile.TemporaryFile(dir=file.parent) as body, tarfile.open(part, "w") as archive:
            members = [_copied(path, registry.root, body) for path in paths]
            files = {member.name: digest for member, digest in members}
            index = encode(_Index(SCHEMA, files, tuple(announcements.values())))
            archive.addfile(_member(INDEX, len(index)), io.BytesIO(index))
            body.seek(0)
            for done, (member, _) in enumerate(members):
                progress("write", done, len(members))
                archive.addfile(member, body)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return [(entry.name, entry.version) for entry in listings]


def restore(
    registry: Registry,
    file: Path,
    *,
    force: bool = False,
    progress: Progress = lambda step, done, total: None,
) -> tuple[list[tuple[str, str]], list[ModelAnnouncement]]:
    """Put the bundles of an archive into the registry; give them and what was announced.

    Args:
        registry: where they go.
        file: what `backup` wrote.
        force: replace versions that are there; else they refuse the archive.
        progress: is told each step.

    Raises:
        BundleError: the archive is damaged, or holds what no registry does.
        FileExistsError: a version is there already and `force` was not given.
    """
    registry.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=registry.root) as folder:
        unpacked = Path(folder)
        index = _unpack(file, unpacked, progress)
        fresh = Registry(unpacked)
        found = [entry for name in fresh.names() for entry in fresh.versions(name)]
        for done, entry in enumerate(found):
            progress(f"verify {entry.name} {entry.version}", done, len(found))
            manifest = open_bundle(entry.path).manifest
            if (manifest.name, manifest.version) != (entry.name, entry.version):
                raise BundleError(
                    f"{file}: {entry.name}/{entry.version} holds {manifest.name} "
                    f"{manifest.version}; make the backup again"
                )
        there = [e for e in found if registry.path(e.name, e.version).exists()]
        if there and not force:
            raise FileExistsError(
                f"{there[0].name} {there[0].version} is in {registry.root} already"
                + (f", and {len(there) - 1} more" if len(there) > 1 else "")
                + ": give --force to replace, or another --models"
            )
        for name in fresh.names():
            _put(unpacked / name, registry.root / name)
        return [(entry.name, entry.version) for entry in found], list(index.announcements)


def _unpack(file: Path, into: Path, progress: Progress) -> _Index:
    """Write the files that the index names, each with its hash, and refuse everything else."""
    try:
        with tarfile.open(file, "r:") as archive:
            members = iter(archive)
            index = _index(archive, next(members, None), file)
            left = dict(index.files)
            for number, member in enumerate(members):
                progress("unpack", number, len(index.files))
                if not (member.isreg() and _named(member.name) and member.name in left):
                    raise BundleError(
                        f"{file} holds {member.name!r}, which is no part of this registry: "
                        "nothing was restored"
                    )
                stream = archive.extractfile(member)
                assert stream is not None  # a regular file has one
                target = into / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    shutil.copyfileobj(stream, out)
                with target.open("rb") as written:
                    digest = hashlib.file_digest(written, "sha256").hexdigest()
                if digest != left.pop(member.name):
                    raise BundleError(
                        f"{file}: {member.name} was changed or damaged; nothing was restored"
                    )
    except (tarfile.TarError, EOFError, msgspec.MsgspecError) as err:
        raise BundleError(f"{file} cannot be read: {err}; nothing was restored") from err
    if left:
        raise BundleError(
            f"{file} was cut: {min(left)} and {len(left) - 1} more are not there; nothing was "
            "restored"
        )
    return index


def _index(archive: tarfile.TarFile, first: tarfile.TarInfo | None, file: Path) -> _Index:
    if first is None or first.name != INDEX or not first.isreg() or first.size > INDEX_LIMIT:
        raise BundleError(
            f"{file} does not begin with {INDEX}: it was not made by `segue models backup`; "
            "nothing was restored"
        )
    stream = archive.extractfile(first)
    assert stream is not None  # a regular file has one
    raw = stream.read()
    schema = msgspec.json.decode(raw, type=_Header).schema
    if schema != SCHEMA:
        raise BundleError(
            f"{file} has schema {schema}, this version reads {SCHEMA}: upgrade and restore then"
        )
    return msgspec.json.decode(raw, type=_Index)


def _named(name: str) -> bool:
    """Whether a name is one of a registry's: NAME allows no slash and no leading dot."""
    parts = PurePosixPath(name).parts
    good = all(NAME.fullmatch(part.removesuffix(LEARNER)) for part in parts)
    verdicts = len(parts) == 2 and parts[1] == VERDICTS
    return "/".join(parts) == name and good and (verdicts or len(parts) == 3)


def _put(source: Path, target: Path) -> None:
    """Move what was unpacked of one name into place, a version at a time."""
    target.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        place = target / path.name
        if path.name == VERDICTS and place.exists():
            continue  # the log that is there is newer: it goes on
        if place.exists():
            old = Path(tempfile.mkdtemp(prefix=".old-", dir=source.parent))
            place.replace(old / path.name)
        os.replace(path, place)


def _copied(path: Path, root: Path, body: IO[bytes]) -> tuple[tarfile.TarInfo, str]:
    """Append a file to `body`; what it will be in the archive, and its sha256."""
    raw = path.read_bytes()
    body.write(raw)
    name = path.relative_to(root).as_posix()
    return _member(name, len(raw)), hashlib.sha256(raw).hexdigest()


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_file() and not path.is_symlink())
