"""A bundle's second stage is there as a whole, fits the rest, or the bundle is refused."""

import msgspec
import numpy as np
import onnx
import pytest
import safetensors.numpy
from onnx import numpy_helper

from streams.bundle import BundleError, open_bundle
from streams.continuations import Continuations
from streams.manifest import SecondStageRecord
from tests.bundles import (
    TRACKS,
    Files,
    counts_files,
    hybrid_files,
    place,
    signed,
    two_stage_files,
)


def without(*names: str) -> Files:
    return {name: raw for name, raw in two_stage_files().items() if name not in names}


def far() -> bytes:
    one = np.ones(1)
    return Continuations(
        one.astype(np.uint64), np.array([TRACKS + 1], np.int32), one.astype(np.float32)
    ).to_parquet()


def no_skips() -> bytes:
    tensors = safetensors.numpy.load(two_stage_files()["items.safetensors"])
    del tensors["skips"]
    return safetensors.numpy.save(tensors)


def test_it_opens_with_the_others(tmp_path):
    second = open_bundle(place(two_stage_files(), tmp_path)).second_stage
    assert second is not None
    assert (second.candidates, len(second.skips)) == (100, TRACKS + 1)
    assert second.continuations.largest_item <= TRACKS
    assert open_bundle(place(hybrid_files(), tmp_path / "hybrid")).second_stage is None


def test_a_bundle_without_one_says_nothing_of_it():
    assert b"second_stage" not in hybrid_files()["manifest.json"]
    assert set(hybrid_files()) == set(two_stage_files()) - {"rerank.onnx", "continuations.parquet"}


def test_it_grows_by_tracks_that_are_skipped_as_all_are(tmp_path):
    second = open_bundle(place(two_stage_files(), tmp_path)).second_stage
    assert second is not None
    grown = second.grown(TRACKS + 2)
    assert grown.skips[-2:].tolist() == [second.skips[0]] * 2
    assert grown.describer(np.zeros(TRACKS + 3, np.int64)) is not None


@pytest.mark.parametrize(
    ("files", "changes", "message"),
    [
        (without("rerank.onnx"), {}, "and a second stage, expected rerank.onnx and cont"),
        (without("continuations.parquet"), {}, "and a second stage, expected rerank.onnx and cont"),
        (two_stage_files(), {"second_stage": msgspec.UNSET}, "and no second stage, expected"),
        (two_stage_files(), {"second_stage": SecondStageRecord(2, 100)}, "of version 2, this ver"),
        (two_stage_files(), {"second_stage": SecondStageRecord(1, 99)}, "fitted on 99 candidates"),
        ({**two_stage_files(), "continuations.parquet": far()}, {}, "names item 151, the catalog"),
        ({**two_stage_files(), "continuations.parquet": b"?"}, {}, "cannot be read as Parquet"),
        ({**two_stage_files(), "rerank.onnx": two_stage_files()["rank.onnx"]}, {}, "has inputs"),
        ({**two_stage_files(), "items.safetensors": no_skips()}, {}, "has no skips"),
    ],
)  # fmt: skip
def test_one_that_does_not_fit_is_refused(files, changes, message, tmp_path):
    with pytest.raises(BundleError, match=message):
        open_bundle(place(signed(files, **changes), tmp_path))


def other_skips() -> bytes:
    tensors = safetensors.numpy.load(two_stage_files()["items.safetensors"])
    tensors["skips"][7] += 0.1
    return safetensors.numpy.save(tensors)


def other_shares() -> bytes:
    found = Continuations.from_parquet(two_stage_files()["continuations.parquet"])
    return Continuations(found.keys, found.targets, found.shares / np.float32(2)).to_parquet()


def other_weight() -> bytes:
    """A weight of runs of four tracks, which no golden question has."""
    model = onnx.load_model_from_string(two_stage_files()["rerank.onnx"])
    (table,) = (t for t in model.graph.initializer if t.name == "candidate")
    weights = numpy_helper.to_array(table).copy()
    weights[11, 0] += 0.5
    table.CopyFrom(numpy_helper.from_array(weights, table.name))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("items.safetensors", other_skips),
        ("continuations.parquet", other_shares),
        ("rerank.onnx", other_weight),
    ],
)
def test_other_numbers_in_its_tables_are_noticed(name, raw, tmp_path):
    with pytest.raises(BundleError, match="read otherwise than the writer had them"):
        open_bundle(place(signed({**two_stage_files(), name: raw()}), tmp_path))


def test_one_behind_counts_alone_is_refused(tmp_path):
    extra = {name: two_stage_files()[name] for name in ("rerank.onnx", "continuations.parquet")}
    files = signed({**counts_files(), **extra}, second_stage=SecondStageRecord(1, 100))
    with pytest.raises(BundleError, match="a second stage behind no network"):
        open_bundle(place(files, tmp_path))
