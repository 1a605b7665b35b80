from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export import seal, write
from export.seal import golden_histories
from export.write import write_bundle
from streams.bundle import BundleError, open_bundle
from streams.counts import TransitionCounts
from streams.manifest import Manifest, decode_manifest
from streams.scoring import load_scorer
from streams.settings import ScoringSettings
from tests.bundles import LENGTH, WRITTEN_AT, catalog, network_files, place, tiny_model


def counts(weight: float = 1.0) -> TransitionCounts:
    one = np.ones(1, dtype=np.int32)
    return TransitionCounts(one, 2 * one, np.array([weight], dtype=np.float32))


def written(out: Path, **changes: Any) -> Manifest:
    arguments: dict[str, Any] = {
        "name": "markov",
        "architecture": "Markov",
        "config": {"length": LENGTH},
        "catalog": catalog(),
        "counts": counts(),
        "metrics": {"hit_rate@10": 0.25},
        "training": {"sessions": 3},
        "clock": lambda: WRITTEN_AT,
    }
    return write_bundle(out, **{**arguments, **changes})


def test_what_is_written_is_what_opens_and_nothing_is_left_beside_it(tmp_path):
    manifest = written(tmp_path / "models" / "v1", version="v1", parent="v0")
    assert open_bundle(tmp_path / "models" / "v1").manifest == decode_manifest(manifest.encode())
    assert (manifest.version, manifest.parent, manifest.parity) == ("v1", "v0", None)
    assert manifest.created_at == "2026-01-02T03:04:05Z"
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["v1"]


def test_a_version_is_the_time_and_a_hash_of_the_content(tmp_path):
    first = written(tmp_path / "a").version
    again = written(tmp_path / "b").version
    other = written(tmp_path / "c", counts=counts(2)).version
    later = written(tmp_path / "d", clock=lambda: datetime(2027, 1, 1, tzinfo=UTC)).version
    assert first == again
    assert first.startswith("20260102-030405-")
    assert other.startswith("20260102-030405-")
    assert other != first
    assert later == "20270101-000000-" + first.rpartition("-")[2]


def test_an_existing_bundle_is_never_touched(tmp_path):
    (tmp_path / "v1").mkdir()
    with pytest.raises(ValueError, match="is never changed"):
        written(tmp_path / "v1")
    assert list((tmp_path / "v1").iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "a/b"}, "version 'a/b'"),
        ({"name": "two words"}, "name 'two words'"),
        ({"counts": None}, "a model, transition counts or both"),
        ({"model": tiny_model()}, "weight is None, expected one above 0"),
        ({"model": tiny_model(), "weight": 0.0}, "weight is 0.0, expected one above 0"),
        ({"weight": 0.5}, "weight is 0.5, expected .* none for one of the two alone"),
        ({"counts": None, "model": tiny_model(), "config": {}}, "length is None"),
        ({"counts": None, "model": tiny_model(), "catalog": catalog(149)}, "expected 150: one"),
        ({"catalog": catalog(1)}, "one track"),
    ],
)
def test_what_cannot_be_one_bundle_is_refused(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        written(tmp_path / "v1", **changes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["item_embedding.weight", "position", "item_bias"])
def test_weights_that_are_not_finite_are_refused_by_name(name, tmp_path):
    model = tiny_model()
    with torch.no_grad():
        dict(model.named_parameters())[name].view(-1)[-1] = torch.nan
    with pytest.raises(BundleError, match=f"'{name}' are not finite"):
        written(tmp_path / "v1", counts=None, model=model)
    assert list(tmp_path.iterdir()) == []


def test_without_parity_there_is_no_bundle(tmp_path, monkeypatch):
    """The exporter is made to write another model's graph."""
    other = network_files(seed=1)["encoder.onnx"]
    monkeypatch.setattr(
        write, "export_encoder", lambda model, length, path: path.write_bytes(other)
    )
    with pytest.raises(BundleError, match="no parity"):
        written(tmp_path / "v1", counts=None, model=tiny_model())
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_appears_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    sync = seal._sync

    def appear(path):
        (tmp_path / "v1").mkdir(exist_ok=True)
        sync(path)

    monkeypatch.setattr(seal, "_sync", appear)
    with pytest.raises(ValueError, match="appeared"):
        written(tmp_path / "v1")
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]


def test_a_networks_manifest_holds_parity_and_golden_answers_of_all_lengths(tmp_path):
    manifest = open_bundle(place(network_files(), tmp_path)).manifest
    assert manifest.parity is not None
    assert 0 < manifest.parity <= 1e-4
    assert [len(golden.history) for golden in manifest.golden] == [1, 2, 3, LENGTH, LENGTH + 3]
    assert {outcome for golden in manifest.golden for _, outcome in golden.history} == set(range(5))
    assert {len(golden.answer) for golden in manifest.golden} == {10}
    assert (manifest.length, manifest.width, manifest.cutoff) == (LENGTH, 8, 100)


def test_golden_histories_are_the_same_every_time():
    assert golden_histories(catalog(), 20) == golden_histories(catalog(), 20)


def test_a_catalog_smaller_than_the_list_is_served_whole(tmp_path):
    written(
        tmp_path / "v1",
        counts=None,
        catalog=catalog(4),
        model=tiny_model(tracks=4),
        config={"length": LENGTH},
    )
    scorer = load_scorer(tmp_path / "v1", ScoringSettings())
    (ranking,) = scorer.rank([[("t2", 1)]])
    assert {track for track, _ in ranking.items} == {"t1", "t3", "t4"}
