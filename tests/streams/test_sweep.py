"""The sweep finds damage that was hashed with the bundle, wherever in a track's weights it is."""

import msgspec
import numpy as np
import onnx
import pytest
import safetensors.numpy
from onnx import numpy_helper

from streams.bundle import BundleError, open_bundle
from streams.catalog import Catalog
from streams.manifest import decode_manifest
from streams.scoring import OnnxEngine, load_scorer
from streams.settings import ScoringSettings
from streams.sweep import sweep
from tests.bundles import TRACKS, Files, counts_files, network_files, place, signed

UNSEEN = {"tables": msgspec.UNSET}
"""The tables' own hash would tell before any question is asked."""
SETTINGS = ScoringSettings(provider="cpu", buckets=(1,))


def other_row(item: int) -> Files:
    """The bundle with one number of one track's row changed, hashed anew."""
    files = network_files()
    tensors = safetensors.numpy.load(files["items.safetensors"])
    tensors["matrix"][item, 3] -= 0.5
    return signed({**files, "items.safetensors": safetensors.numpy.save(tensors)}, **UNSEEN)


def other_embedding(item: int) -> Files:
    files = network_files()
    model = onnx.load_model_from_string(files["encoder.onnx"])
    table = next(t for t in model.graph.initializer if t.name == "item_embedding.weight")
    weights = numpy_helper.to_array(table).copy()
    weights[item, 2] += 0.5
    table.CopyFrom(numpy_helper.from_array(weights, table.name))
    return signed({**files, "encoder.onnx": model.SerializeToString()})


def test_every_track_has_a_score_that_the_ranking_graph_gives_it(tmp_path):
    bundle = open_bundle(place(network_files(), tmp_path))
    scores = sweep(bundle, OnnxEngine(bundle))
    assert len(scores) == TRACKS
    assert np.isfinite(scores).all()
    assert bundle.manifest.sweep == scores


@pytest.mark.parametrize("item", [1, 6, 7, 77, TRACKS])
@pytest.mark.parametrize("damage", [other_row, other_embedding])
def test_other_weights_of_any_track_are_refused(damage, item, tmp_path):
    with pytest.raises(BundleError) as refused:
        load_scorer(place(damage(item), tmp_path), SETTINGS)
    assert refused.value.reason == "golden"


@pytest.mark.parametrize(("change", "refused"), [(5e-4, True), (2e-5, False)])
def test_a_change_the_golden_answers_allow_is_refused_and_rounding_is_not(
    change, refused, tmp_path
):
    files = network_files()
    tensors = safetensors.numpy.load(files["items.safetensors"])
    tensors["bias"] += np.float32(change)
    raw = safetensors.numpy.save(tensors)
    place(signed({**files, "items.safetensors": raw}, **UNSEEN), tmp_path)
    if not refused:
        load_scorer(tmp_path, SETTINGS)
        return
    with pytest.raises(BundleError, match=f"{TRACKS} of {TRACKS} tracks have other scores"):
        load_scorer(tmp_path, SETTINGS)


def test_a_sweep_of_another_catalog_s_size_is_refused(tmp_path):
    whole = decode_manifest(network_files()["manifest.json"]).sweep
    assert whole is not msgspec.UNSET
    short = whole[:-1]
    with pytest.raises(BundleError, match="swept scores"):
        load_scorer(place(signed(network_files(), sweep=short), tmp_path), SETTINGS)


def test_a_catalog_hashed_after_it_was_changed_is_refused(tmp_path):
    """Popularity is in no golden answer; only what the tables say tells it."""
    files = counts_files()
    bundle = open_bundle(place(files, tmp_path / "sound"))
    counts = (bundle.catalog.counts[0] + 1, *bundle.catalog.counts[1:])
    raw = Catalog(bundle.catalog.track_ids, counts).to_parquet()
    place(signed({**files, "catalog.parquet": raw}), tmp_path / "other")
    with pytest.raises(BundleError, match="otherwise than the writer had") as refused:
        open_bundle(tmp_path / "other")
    assert refused.value.reason == "tables"


@pytest.mark.parametrize("change", [1e-7, 0.5])
def test_a_matrix_hashed_after_it_was_changed_is_refused_however_little_it_was(change, tmp_path):
    """A weight of which the swept sessions make nothing may count in another session."""
    files = network_files()
    tensors = safetensors.numpy.load(files["items.safetensors"])
    tensors["matrix"][94, 5] += max(change, float(np.spacing(tensors["matrix"][94, 5])))
    raw = safetensors.numpy.save(tensors)
    place(signed({**files, "items.safetensors": raw}), tmp_path)
    with pytest.raises(BundleError, match="otherwise than the writer had") as refused:
        open_bundle(tmp_path)
    assert refused.value.reason == "tables"


@pytest.mark.parametrize("files", [network_files, counts_files])
def test_a_bundle_from_before_there_were_sweeps_is_served(files, tmp_path):
    old = signed(files(), sweep=msgspec.UNSET, tables=msgspec.UNSET)
    assert b"sweep" not in old["manifest.json"]
    assert load_scorer(place(old, tmp_path), SETTINGS).bundle.manifest.sweep is msgspec.UNSET
