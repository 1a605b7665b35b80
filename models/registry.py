"""The registry: a folder of bundles by name and version, with a log of every verdict on them.

    root/NAME/VERSION            the bundle
    root/NAME/VERSION.learner    what the learning side keeps of it (models/checkpoint.py)
    root/NAME/verdicts.jsonl     what the gate said and what was promoted, one JSON object a line

It finds bundles and tells workers which one to serve; whether one deserves it is the gate's word or
a person's. Which version is the champion is written in the models topic alone, not here.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from infra.connection import Address
from streams.announcements import announce, announcement, latest
from streams.bundle import Bundle, BundleError
from streams.events import ModelAnnouncement
from streams.manifest import Manifest, check_name, decode_manifest

logger = logging.getLogger(__name__)

LEARNER = ".learner"
Verify = Callable[[Path], Bundle]
"""Opens a bundle and asks it its golden questions, as a worker would; BundleError when refused."""


class Listing(msgspec.Struct, frozen=True):
    """One version there; `manifest` is None where it cannot be read, and `error` says why."""

    name: str
    version: str
    path: Path
    manifest: Manifest | None
    error: str | None
    learner: bool  # whether fine-tuning can go on from it


class Registry:
    """The bundles under one root. Reading it needs no broker."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str, version: str) -> Path:
        """Where a bundle is, or would be.

        Raises:
            ValueError: name or version could not be a folder.
        """
        check_name("name", name)
        check_name("version", version)
        return self.root / name / version

    def names(self) -> list[str]:
        """Every name under the root."""
        folders = self.root.iterdir() if self.root.is_dir() else ()
        return sorted(folder.name for folder in folders if folder.is_dir())

    def versions(self, name: str) -> list[Listing]:
        """List the versions of a name, the oldest first; damaged ones come first of all."""
        check_name("name", name)
        folder = self.root / name
        bundles = [
            path
            for path in (folder.iterdir() if folder.is_dir() else ())
            if (path / "manifest.json").is_file() and not path.name.startswith(".")
        ]
        listings = [_listing(name, path) for path in bundles if path.suffix != LEARNER]
        return sorted(
            listings,
            key=lambda entry: (entry.manifest.created_at if entry.manifest else "", entry.version),
        )

    def newest(self, name: str) -> Listing | None:
        """The version made last; None when there is none that can be read."""
        readable = [entry for entry in self.versions(name) if entry.manifest is not None]
        return readable[-1] if readable else None

    def new_version(self, name: str, now: datetime) -> str:
        """A version not yet taken, after the moment it was made: it sorts, and tells its age."""
        stem = f"{now.astimezone(UTC):%Y%m%d-%H%M%S}"
        taken = 1
        version = stem
        while self.path(name, version).exists():
            taken += 1
            version = f"{stem}-{taken}"
        return version

    def log(self, name: str, record: dict[str, Any]) -> None:
        """Append a line to the name's log of verdicts."""
        check_name("name", name)
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "verdicts.jsonl").open("a+b") as log:
            size = log.seek(0, os.SEEK_END)
            # A crash or a full disk may have cut the last line: this one must not be part of it.
            cut = size > 0 and log.seek(size - 1) >= 0 and log.read() != b"\n"
            log.write(b"\n" * cut + msgspec.json.encode(record) + b"\n")

    def verdicts(self, name: str) -> list[dict[str, Any]]:
        """Read the log, the oldest first; a line cut by a crash is left out."""
        check_name("name", name)
        file = self.root / name / "verdicts.jsonl"
        found = []
        for line in file.read_bytes().splitlines() if file.is_file() else ():
            try:
                found.append(msgspec.json.decode(line, type=dict[str, Any]))
            except msgspec.DecodeError as err:
                logger.warning("%s: a line is not readable: %s", file, err)
        return found

    def prune(self, name: str, keep: int, spare: set[str]) -> list[str]:
        """Remove fine-tuned versions but the newest `keep`; gives what was removed.

        Nothing that a person made is touched, nor a version in `spare`.
        """
        tuned = [
            entry
            for entry in self.versions(name)
            if entry.manifest is not None and entry.manifest.parent is not None
        ]
        old = [e for e in tuned[: max(0, len(tuned) - keep)] if e.version not in spare]
        for entry in old:
            shutil.rmtree(entry.path)
            shutil.rmtree(entry.path.with_name(entry.version + LEARNER), ignore_errors=True)
        return [entry.version for entry in old]

    @contextmanager
    def sole_writer(self, name: str) -> Iterator[None]:
        """Hold the name for one fine-tune at a time; ends with the process that holds it.

        Raises:
            BundleError: another process holds it.
        """
        check_name("name", name)
        (self.root / name).mkdir(parents=True, exist_ok=True)
        with (self.root / name / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as err:
                raise BundleError(
                    f"{self.root / name} is in use by another fine-tune: stop that one first"
                ) from err
            yield


def promote(
    registry: Registry,
    name: str,
    version: str,
    *,
    bootstrap: Address,
    topic: str,
    verify: Verify,
    now: datetime,
) -> ModelAnnouncement:
    """Verify a version as a worker would, and announce it as champion.

    Raises:
        BundleError: it would be refused. BrokerError: nobody could be told.
    """
    bundle = _verified(registry, name, version, verify)
    entry = announcement(bundle, "champion", now.isoformat())
    announce(bootstrap, topic, [entry])
    registry.log(name, {"at": entry.announced_at, "event": "promoted", "version": version})
    return entry


def rollback(
    registry: Registry,
    name: str,
    *,
    to: str | None = None,
    bootstrap: Address,
    topic: str,
    verify: Verify,
    now: datetime,
) -> list[ModelAnnouncement]:
    """Withdraw the champion for its parent, or for the version `to`; gives what was announced.

    The withdrawal is announced first and the new champion last, since the topic keeps the last.

    Raises:
        BundleError: there is no champion, nothing to go back to, or that one would be refused.
        BrokerError: nobody could be told.
    """
    bad = latest(bootstrap, topic).get(name)
    if bad is None or bad.stage != "champion":
        raise BundleError(f"{name} has no champion on {topic}: nothing to roll back")
    target = to if to is not None else bad.parent
    if target is None:
        raise BundleError(f"{name} {bad.version} has no parent: say which version with --to")
    if target == bad.version:
        raise BundleError(f"{name} {target} is the champion: nothing to roll back to")
    bundle = _verified(registry, name, target, verify)
    moment = now.isoformat()
    entries = [
        msgspec.structs.replace(bad, stage="rolled_back", announced_at=moment),
        announcement(bundle, "champion", moment),
    ]
    announce(bootstrap, topic, entries)
    record = {"at": moment, "event": "rolled_back", "version": bad.version, "to": target}
    registry.log(name, record)
    return entries


def _verified(registry: Registry, name: str, version: str, verify: Verify) -> Bundle:
    bundle = verify(registry.path(name, version))
    found = (bundle.manifest.name, bundle.manifest.version)
    if found != (name, version):
        raise BundleError(f"{bundle.path} holds {found[0]} {found[1]}, expected {name} {version}")
    return bundle


def _listing(name: str, path: Path) -> Listing:
    learner = path.with_name(path.name + LEARNER).is_dir()
    try:
        manifest = decode_manifest((path / "manifest.json").read_bytes())
    except (BundleError, OSError) as err:
        return Listing(name, path.name, path, None, str(err), learner)
    return Listing(name, path.name, path, manifest, None, learner)
