"""A damaged, incomplete or hostile bundle is refused, with a message that says what is wrong."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.bundle import BundleError, open_bundle
from streams.catalog import Catalog
from streams.counts import TransitionCounts
from streams.manifest import Manifest, decode_manifest
from tests.bundles import (
    LENGTH,
    Files,
    catalog,
    counts_files,
    hybrid_files,
    network_files,
    place,
    signed,
    tiny_counts,
    two_stage_files,
)

FILES = (
    "encoder.onnx", "rank.onnx", "items.safetensors", "catalog.parquet", "counts.parquet",
    "rerank.onnx", "continuations.parquet", "manifest.json",
)  # fmt: skip


def refused(files: Files, directory: Path, message: str, sha256: str | None = None) -> None:
    with pytest.raises(BundleError, match=message):
        open_bundle(place(files, directory), sha256)


def test_a_sound_bundle_opens_with_its_catalog_matrix_and_hash(tmp_path):
    files = network_files()
    bundle = open_bundle(place(files, tmp_path))
    assert bundle.catalog == catalog()
    assert bundle.matrix is not None
    assert bundle.bias is not None
    assert bundle.matrix.shape == (151, 8)
    assert not bundle.matrix[0].any()
    assert bundle.bias.shape == (151,)
    assert bundle.counts is None
    assert bundle.sha256 == hashlib.sha256(files["manifest.json"]).hexdigest()
    assert (bundle.manifest.name, bundle.manifest.version) == ("tiny", "v0")


def test_a_bundle_of_counts_alone_opens(tmp_path):
    bundle = open_bundle(place(counts_files(), tmp_path))
    assert bundle.encoder is None
    assert bundle.matrix is None
    assert bundle.counts is not None
    assert bundle.counts.weights.tolist() == [3, 5, 1]


def test_the_announced_hash_must_be_the_manifests(tmp_path):
    files = network_files()
    sha256 = hashlib.sha256(files["manifest.json"]).hexdigest()
    assert open_bundle(place(files, tmp_path), sha256=sha256).sha256 == sha256
    refused(files, tmp_path, "was announced", sha256="0" * 64)


def test_files_that_the_manifest_does_not_name_are_ignored(tmp_path):
    open_bundle(place({**network_files(), "notes.txt": b"", "counts.parquet": b"junk"}, tmp_path))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name, tmp_path):
    files = {other: raw for other, raw in two_stage_files().items() if other != name}
    refused(files, tmp_path, f"{name} is missing")


def test_a_path_that_is_no_directory_is_refused(tmp_path):
    with pytest.raises(BundleError, match="not a directory"):
        open_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0, 1, 0.5, -1])
def test_a_truncated_file_is_refused(name, kept, tmp_path):
    raw = two_stage_files()[name]
    cut = raw[: kept if isinstance(kept, int) else int(len(raw) * kept)]
    message = r"cannot be read|changed after" if name == "manifest.json" else "was cut"
    refused({**two_stage_files(), name: cut}, tmp_path, message)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_grew_is_refused(name, tmp_path):
    message = r"cannot be read|changed after" if name == "manifest.json" else "more than"
    refused({**two_stage_files(), name: two_stage_files()[name] + b"\0"}, tmp_path, message)


@pytest.mark.parametrize("name", ["encoder.onnx", "items.safetensors"])
def test_a_zeroed_page_is_refused(name, tmp_path):
    raw = bytearray(network_files()[name])
    assert len(raw) >= 4096
    raw[-4096:] = bytes(4096)
    refused({**network_files(), name: bytes(raw)}, tmp_path, f"{name} has sha256")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.sampled_from(FILES), data=st.data())
def test_every_flipped_bit_in_any_file_is_refused(name, data, tmp_path):
    raw = bytearray(two_stage_files()[name])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    refused({**two_stage_files(), name: bytes(raw)}, tmp_path, "manifest|sha256")


def test_a_half_copied_bundle_is_refused(tmp_path):
    names = sorted(network_files())
    for count in range(len(names)):
        files = {name: network_files()[name] for name in names[:count]}
        refused(files, tmp_path / str(count), "is missing")


def test_a_manifest_of_another_schema_is_refused_before_anything_else(tmp_path):
    raw = msgspec.json.encode({"schema": 2, "future": True})
    refused({**network_files(), "manifest.json": raw}, tmp_path, "schema 2, this version reads 1")


@pytest.mark.parametrize("raw", [b"[" * 100_000, b"\xff", b'{"schema": 1}', b"null"])
def test_a_manifest_that_is_none_is_refused(raw, tmp_path):
    refused({**network_files(), "manifest.json": raw}, tmp_path, "cannot be read")


def test_a_huge_manifest_is_not_read_to_its_end(tmp_path):
    refused({"manifest.json": b" " * ((16 << 20) + 1)}, tmp_path, "more than")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "../v1"}, "version '../v1'"),
        ({"name": ""}, "name ''"),
        ({"catalog_size": 149}, "catalog.parquet has 150 tracks, the manifest says 149"),
        ({"cutoff": 151}, "cutoff 151"),
        ({"cutoff": 0}, "cutoff 0"),
        ({"cutoff": 99}, "rank.onnx has scores"),
        ({"length": 7}, r"encoder.onnx has items .* shape \['B', 6\], expected"),
        ({"width": 9}, r"matrix is float32\[151, 8\], expected float32\[151, 9\]"),
    ],
)
def test_a_manifest_that_does_not_fit_its_files_is_refused(changes, message, tmp_path):
    refused(signed(network_files(), **changes), tmp_path, message)


def test_a_manifest_that_names_other_files_or_half_a_network_is_refused(tmp_path):
    files = network_files()
    refused(signed({**files, "extra.bin": b""}), tmp_path / "a", "'extra.bin', which is no part")
    lone = {name: raw for name, raw in files.items() if name not in {"rank.onnx"}}
    refused(signed(lone), tmp_path / "b", "names .* expected catalog.parquet with")
    record = decode_manifest(files["manifest.json"]).files["rank.onnx"]
    outside = signed(files, files={"../rank.onnx": record})
    refused(outside, tmp_path / "c", "'../rank.onnx', which is no part")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"matrix": np.full((151, 8), np.nan, np.float32)}, "matrix is not finite in row 0"),
        ({"matrix": np.zeros((151, 8), np.float16)}, "matrix is float16"),
        ({"matrix": np.zeros((150, 8), np.float32)}, r"matrix is float32\[150, 8\]"),
        ({"matrix": np.zeros((151, 8), np.float32), "x": np.zeros(1)}, r"holds \['matrix', 'x'\]"),
        (
            {"matrix": np.zeros((151, 8), np.float32), "bias": np.full(151, np.inf, np.float32)},
            "bias is not finite",
        ),
        ({"matrix": np.zeros((151, 8), np.float32)}, r"rank.onnx has inputs .*'bias'"),
    ],
)
def test_items_that_do_not_fit_are_refused(tensors, message, tmp_path):
    raw = safetensors.numpy.save(tensors)
    refused(signed({**network_files(), "items.safetensors": raw}), tmp_path, message)


def test_signed_files_of_another_kind_are_refused(tmp_path):
    for name in ("encoder.onnx", "items.safetensors", "catalog.parquet"):
        files = signed({**network_files(), name: b"not what it should be"})
        refused(files, tmp_path / name, name)


def test_counts_of_items_that_the_catalog_lacks_are_refused(tmp_path):
    one = np.ones(1, dtype=np.int32)
    raw = TransitionCounts(one, one * 13, one.astype(np.float32)).to_parquet()
    refused(signed({**counts_files(), "counts.parquet": raw}), tmp_path, "item 13, the catalog")


def test_counts_that_reach_further_back_than_is_read_are_refused(tmp_path):
    raw = tiny_counts().to_parquet()
    refused(signed({**counts_files(), "counts.parquet": raw}), tmp_path, "reaches 2 steps back")
    far = replace(tiny_counts(), lags=tiny_counts().sources + np.int32(LENGTH)).to_parquet()
    refused(signed({**hybrid_files(), "counts.parquet": far}), tmp_path, "reaches 8 steps back")


def test_a_network_with_counts_that_its_graph_does_not_read_is_refused(tmp_path):
    raw = hybrid_files()["counts.parquet"]
    refused(signed({**network_files(), "counts.parquet": raw}), tmp_path, "rank.onnx has inputs")


def test_a_hybrid_opens_with_both(tmp_path):
    bundle = open_bundle(place(hybrid_files(), tmp_path))
    assert bundle.matrix is not None
    assert bundle.counts is not None
    assert (bundle.counts.reach, bundle.counts.weights.tolist()) == (2, [30, 1, 20, 0.5, 4])


def test_a_catalog_that_is_a_different_table_is_refused(tmp_path):
    raw = TransitionCounts.from_parquet(counts_files()["counts.parquet"]).to_parquet()
    refused(signed({**counts_files(), "catalog.parquet": raw}), tmp_path, "has columns")


def test_a_refusal_names_the_bundle_and_what_to_do(tmp_path):
    files = {**network_files(), "rank.onnx": network_files()["rank.onnx"][:-1]}
    refused(files, tmp_path, re.escape(str(tmp_path)) + ".*copy it again")


def test_the_manifest_has_one_byte_form():
    raw = network_files()["manifest.json"]
    manifest = decode_manifest(raw)
    assert isinstance(manifest, Manifest)
    assert manifest.encode() == raw
    with pytest.raises(BundleError, match="changed after it was written"):
        decode_manifest(raw + b"\n")


def test_a_catalog_may_hold_any_text_as_a_track():
    odd = Catalog(track_ids=("a b", "ä\u2028", '"'), counts=(1, 1, 1))
    assert Catalog.from_parquet(odd.to_parquet()) == odd
