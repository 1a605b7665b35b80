"""Extending a bundle: what fits and what is refused; tests/models/test_extension.py serves it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.extend import extend_bundle
from streams.bundle import Bundle, open_bundle
from streams.manifest import Manifest
from tests.bundles import WRITTEN_AT, network_files, place


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    return open_bundle(place(network_files(), tmp_path_factory.mktemp("bundle")))


def extended(bundle: Bundle, out: Path, **changes: Any) -> Manifest:
    arguments: dict[str, Any] = {
        "track_ids": ["new"],
        "rows": np.ones((1, 8), np.float32),
        "bias": np.zeros(1, np.float32),
        "reads": np.array([3]),
        "training": {"extended": 1},
        "clock": lambda: WRITTEN_AT,
    }
    return extend_bundle(bundle, out, **{**arguments, **changes})


def test_new_tracks_follow_the_old_ones_and_have_no_plays(bundle, tmp_path):
    manifest = extended(bundle, tmp_path / "v2", version="v2", titles=["New"])
    found = open_bundle(tmp_path / "v2")
    assert (manifest.version, manifest.parent) == ("v2", "v0")
    assert found.catalog.track_ids[-1] == "new"
    assert found.catalog.counts[-1] == 0
    assert found.catalog.titles[-2:] == (None, "New")
    assert found.manifest.training["extended"] == 1
    assert found.manifest.parity == bundle.manifest.parity
    assert found.manifest.golden != bundle.manifest.golden
    assert len(found.manifest.sweep or ()) == 151


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": np.ones((2, 8), np.float32)}, "1 tracks, 2 rows"),
        ({"reads": np.array([1, 2])}, "2 reads"),
        ({"bias": None}, "and no biases"),
        ({"track_ids": ["t1"]}, "repeated track_id"),
        ({"version": "a/b"}, "version 'a/b'"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_left(changes, message, bundle, tmp_path):
    with pytest.raises(ValueError, match=message):
        extended(bundle, tmp_path / "v2", **changes)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_bundle_is_never_touched(bundle, tmp_path):
    (tmp_path / "v2").mkdir()
    with pytest.raises(ValueError, match="is never changed"):
        extended(bundle, tmp_path / "v2")
