"""The version that a bundle has from where it is written."""

from __future__ import annotations

from pathlib import Path

from streams.manifest import check_name


def version_for(out: Path, name: str) -> str | None:
    """Give the version that a bundle written to `out` has; None: one made of time and content.

    ROOT/NAME/VERSION is a registry's path, and its last part must then be the version.

    Raises:
        ValueError: `out` exists, or NAME or VERSION cannot be one.
    """
    # Said before hours of training, not after.
    if out.exists():
        raise ValueError(f"{out} exists; a bundle is never changed: give another directory")
    check_name("name", name)
    path = out.absolute()
    if path.parent.name != name:
        return None
    check_name("version", path.name)
    return path.name
