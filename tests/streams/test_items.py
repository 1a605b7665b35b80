"""What a bundle scores tracks by, and what its encoder reads in their place."""

import numpy as np
import pytest
import safetensors.numpy

from streams.bundle import open_bundle
from streams.items import Items, read_items
from streams.manifest import BundleError, Manifest
from tests.bundles import TRACKS, network_files, place


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Manifest:
    return open_bundle(place(network_files(), tmp_path_factory.mktemp("bundle"))).manifest


def items(**changes: np.ndarray) -> bytes:
    parts: dict[str, np.ndarray] = {
        "matrix": np.ones((TRACKS + 1, 8), np.float32),
        "reads": np.arange(TRACKS + 1, dtype=np.int64),
    }
    return safetensors.numpy.save({**parts, **changes})


def test_what_is_written_is_read(manifest):
    reads = np.minimum(np.arange(TRACKS + 1), 7)
    written = Items(np.ones((TRACKS + 1, 8), np.float32), None, reads)
    found = read_items(written.to_safetensors(), manifest)
    assert found.bias is None
    assert found.reads is not None
    assert found.reads.tolist() == reads.tolist()


@pytest.mark.parametrize(
    ("reads", "message"),
    [
        (np.arange(TRACKS, dtype=np.int64), r"expected int64\[151\]"),
        (np.arange(TRACKS + 1, dtype=np.int32), r"reads is int32\[151\]"),
        (np.arange(1, TRACKS + 2), "reads names 1..151"),
        (np.zeros(TRACKS + 1, dtype=np.int64), "read as itself"),
        (np.minimum(np.arange(TRACKS + 1) + 1, TRACKS) * (np.arange(TRACKS + 1) > 0), "as itself"),
    ],
    ids=["short", "kind", "outside", "padding", "chain"],
)
def test_items_that_cannot_be_read_are_refused(reads, message, manifest):
    with pytest.raises(BundleError, match=message):
        read_items(items(reads=reads), manifest)


def test_a_tensor_that_is_no_part_is_refused(manifest):
    with pytest.raises(BundleError, match="expected `matrix` and perhaps"):
        read_items(items(alien=np.ones(2, np.float32)), manifest)
