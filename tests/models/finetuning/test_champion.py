"""Which champion a fine-tune starts from, and where it stands in the feedback topic."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from models.checkpoint import learner_directory
from models.finetuning.champion import Place, find_champion, open_champion, write_successor
from models.hybrid import Counted, HybridConfig
from models.registry import Registry
from streams.announcements import announcement
from streams.bundle import BundleError, open_bundle
from tests.bundles import counts_files, place, signed, tiny_second_stage
from tests.learners import BASE, NAME, place_base

TOPIC = "feedback"


def write(root: Path, name: str, version: str, **fields: Any) -> Path:
    return place(
        signed(counts_files(), **{"name": name, "version": version, **fields}),
        root / name / version,
    )


def told(path: Path, stage: Any = "champion"):
    entry = announcement(open_bundle(path), stage, "2026-11-21T12:00:00Z")
    return {entry.name: entry}


def test_the_announced_champion_counts_before_the_newest_and_the_flag(tmp_path):
    old = write(tmp_path, "m", "v1", created_at="2026-11-21T10:00:00Z")
    new = write(tmp_path, "m", "v2", created_at="2026-11-21T11:00:00Z")
    registry = Registry(tmp_path)
    assert find_champion(registry, told(old)) == ("m", old)
    assert find_champion(registry, told(old), "m", new) == ("m", old)


def test_before_the_first_announcement_it_is_the_flag_s_or_the_newest(tmp_path):
    write(tmp_path, "m", "v1", created_at="2026-11-21T10:00:00Z")
    newest = write(tmp_path, "m", "v2", created_at="2026-11-21T11:00:00Z")
    elsewhere = write(tmp_path / "elsewhere", "m", "v0")
    registry = Registry(tmp_path)
    assert find_champion(registry, {}, "m") == ("m", newest)
    assert find_champion(registry, {}, None, elsewhere) == ("m", elsewhere)


def test_of_several_lines_one_must_be_named(tmp_path):
    for name in ("a", "b"):
        write(tmp_path, name, "v1")
    registry = Registry(tmp_path)
    with pytest.raises(BundleError, match="which model\\? there are a, b: say --name"):
        find_champion(registry, {})
    assert find_champion(registry, {}, "b")[0] == "b"


def test_one_announced_line_is_meant_whatever_else_lies_in_the_registry(tmp_path):
    write(tmp_path, "a", "v1")
    path = write(tmp_path, "b", "v1")
    assert find_champion(Registry(tmp_path), told(path)) == ("b", path)


@pytest.mark.parametrize("name", [None, "m"])
def test_nothing_to_start_from_says_what_to_do(tmp_path, name):
    with pytest.raises(BundleError, match="say with --bundle which one the workers serve"):
        find_champion(Registry(tmp_path), {}, name)


def test_an_announced_champion_that_is_not_here_is_not_replaced_by_another(tmp_path):
    entries = told(write(tmp_path / "gone", "m", "v1"))
    shutil.rmtree(tmp_path / "gone")
    write(tmp_path, "m", "v0")
    with pytest.raises(BundleError, match="is the folder mounted"):
        find_champion(Registry(tmp_path), entries)


def test_a_base_stands_at_the_beginning_of_the_topic(tmp_path):
    champion = open_champion(Registry(tmp_path), NAME, place_base(tmp_path), TOPIC)
    assert champion.place == Place(TOPIC, {})
    assert champion.held_out == b""
    assert len(champion.contender.counts) == len(champion.learner.track_ids) + 1


def stand(folder: Path, topic: str, offsets: dict[int, int]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "feedback.json").write_bytes(msgspec.json.encode(Place(topic, offsets)))
    (folder / "held_out.jsonl").write_bytes(b"carried\n")


def test_a_successor_stands_where_its_window_ended(tmp_path):
    path = place_base(tmp_path)
    stand(learner_directory(path), TOPIC, {0: 10, 1: 20})
    champion = open_champion(Registry(tmp_path), NAME, path, TOPIC)
    assert champion.place == Place(TOPIC, {0: 10, 1: 20})
    assert champion.held_out == b"carried\n"


def test_a_place_in_another_topic_means_nothing_here(tmp_path):
    path = place_base(tmp_path)
    stand(learner_directory(path), "another", {0: 10})
    assert open_champion(Registry(tmp_path), NAME, path, TOPIC).place == Place(TOPIC, {})


def test_after_a_rollback_the_feedback_that_led_astray_is_passed_over(tmp_path):
    path, registry = place_base(tmp_path), Registry(tmp_path)
    stand(learner_directory(path), TOPIC, {0: 10, 1: 20})
    stand(learner_directory(registry.path(NAME, "bad")), TOPIC, {0: 15, 1: 18, 2: 5})
    registry.log(NAME, {"event": "rolled_back", "version": "bad", "to": BASE})
    registry.log(NAME, {"event": "rolled_back", "version": "gone", "to": BASE})
    registry.log(NAME, {"event": "rolled_back", "version": "bad", "to": "another"})
    champion = open_champion(registry, NAME, path, TOPIC)
    assert champion.place == Place(TOPIC, {0: 15, 1: 20, 2: 5})


def test_the_successor_of_a_hybrid_is_a_hybrid_that_goes_on_counting(tmp_path):
    champion = open_champion(Registry(tmp_path), NAME, place_base(tmp_path), TOPIC)
    learner = champion.learner
    known = learner.replay.reindexed(learner.track_ids)
    counted = Counted.of(known, HybridConfig(weight=0.4))
    path = tmp_path / NAME / "next"
    bundle = write_successor(
        champion,
        path,
        champion.contender._replace(counted=counted),
        loss=learner.loss,
        replay=learner.replay,
        held_out=[],
        place=Place(TOPIC, {}),
        metrics={},
        training={},
        now=datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert (bundle.manifest.architecture, bundle.manifest.config["network"]) == ("hybrid", "sasrec")
    assert bundle.counts is not None
    assert bundle.encoder is not None
    again = open_champion(Registry(tmp_path), NAME, path, TOPIC).contender.counted
    assert again is not None
    assert again.config == counted.config
    assert again.steps.weights.tolist() == counted.steps.weights.tolist()


def test_the_successor_keeps_the_second_stage_and_new_tracks_are_skipped_as_all_are(tmp_path):
    champion = open_champion(Registry(tmp_path), NAME, place_base(tmp_path), TOPIC)
    learner, made = champion.learner, champion.contender
    second = tiny_second_stage(len(made.track_ids))
    rows = np.concatenate([made.model.item_embedding.weight.detach().numpy(), np.ones((1, 16))])
    bundle = write_successor(
        champion,
        tmp_path / NAME / "next",
        made._replace(
            model=made.model.grown(torch.from_numpy(rows.astype(np.float32))),
            track_ids=(*made.track_ids, "new"),
            counts=np.append(made.counts, 3),
            second_stage=second,
        ),
        loss=learner.loss,
        replay=learner.replay,
        held_out=[],
        place=Place(TOPIC, {}),
        metrics={},
        training={},
        now=datetime(2026, 1, 2, tzinfo=UTC),
    )
    kept = open_champion(Registry(tmp_path), NAME, bundle.path, TOPIC).contender.second_stage
    assert kept is not None
    assert kept.graph == second.graph
    assert kept.skips.tolist() == [*second.skips.tolist(), second.skips[0]]


def test_a_bundle_of_counts_cannot_be_fine_tuned(tmp_path):
    path = write(tmp_path, "m", "v1")
    with pytest.raises(BundleError, match="counts are not fine-tuned"):
        open_champion(Registry(tmp_path), "m", path, TOPIC)


def test_a_learner_of_another_catalog_is_refused(tmp_path):
    path = place_base(tmp_path)
    other = write(tmp_path, "m", "v1")
    shutil.copytree(learner_directory(path), learner_directory(other))
    with pytest.raises(BundleError, match="is of another catalog"):
        open_champion(Registry(tmp_path), "m", other, TOPIC)


def test_a_damaged_learner_is_refused_with_the_reason(tmp_path):
    path = place_base(tmp_path)
    (learner_directory(path) / "weights.safetensors").write_bytes(b"rubbish")
    with pytest.raises(BundleError, match="is no learner that can be read"):
        open_champion(Registry(tmp_path), NAME, path, TOPIC)


def test_a_place_that_cannot_be_read_is_refused(tmp_path):
    path = place_base(tmp_path)
    (learner_directory(path) / "feedback.json").write_bytes(b"{")
    with pytest.raises(BundleError, match=r"feedback\.json cannot be read"):
        open_champion(Registry(tmp_path), NAME, path, TOPIC)


def test_a_bundle_of_another_name_is_refused(tmp_path):
    path = write(tmp_path, "m", "v1")
    with pytest.raises(BundleError, match="holds m, expected n"):
        open_champion(Registry(tmp_path), "n", path, TOPIC)
