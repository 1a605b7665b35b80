"""The learning loop on a real broker: accepted, refused, broken, repeated, and never by halves."""

import errno
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from uuid import uuid4

import numpy as np
import pytest

from export.write import write_bundle
from infra.broker import BrokerError
from infra.topics import Topics, create
from models.checkpoint import learner_directory, load_learner
from models.finetuning import champion as champion_module
from models.finetuning.finetune import FinetuneConfig, FineTuner, Result
from models.finetuning.gate import GateRules
from models.hybrid import parts_of
from models.sessions import packed
from models.training.schedule import Schedule
from streams.bundle import Bundle, BundleError, open_bundle
from streams.scoring import load_scorer
from streams.settings import ScoringSettings
from tests.brokers import delete_topics
from tests.bundles import counts_files, place, signed, tiny_second_stage
from tests.learners import BASE, NAME, TRIAL, Job, feedback_of, listeners

STREAM = feedback_of(listeners()["stream"])


def load(path: Path) -> Bundle:
    return load_scorer(path, ScoringSettings(provider="cpu", buckets=(1, 8))).bundle


LENIENT = GateRules(improvement_probability=0.5, hit_loss=0.9, anchor_loss=0.9)
IMPOSSIBLE = GateRules(min_targets=10**6)  # a refusal, where the export is not the question


@pytest.fixture
def job(broker, topics, tmp_path) -> Job:
    return Job(broker, topics, tmp_path)


@pytest.fixture(scope="module")
def accepted(broker, tmp_path_factory) -> Iterator[tuple[Job, Result]]:
    """One fine-tune that was accepted; exporting takes seconds, so many tests look at it."""
    prefix = f"accepted-{uuid4().hex[:8]}."
    topics = Topics.named(prefix)
    create(broker, topics, 4, 1)
    job = Job(broker, topics, tmp_path_factory.mktemp("accepted"))
    job.send([*STREAM, *STREAM[:500], b"{not json", b'{"session_id": 3}'])
    yield job, job.run(replay_sessions=500)
    delete_topics(broker, prefix)


def test_a_better_candidate_is_exported_announced_and_logged(accepted):
    job, result = accepted
    assert (result.verdict, result.parent, result.version) == ("accepted", BASE, "20261121-120100")
    assert result.reasons == []
    told = job.announced[NAME]
    assert (told.stage, told.version, told.parent) == ("champion", result.version, BASE)
    assert told.metrics["window_candidate_mrr@20"] > told.metrics["window_champion_mrr@20"]
    bundle = load(job.registry.path(NAME, "20261121-120100"))
    assert told.sha256 == bundle.sha256
    record = job.registry.verdicts(NAME)[0]
    assert (record["event"], record["verdict"]) == ("finetune", "accepted")
    assert record["numbers"] == result.numbers
    assert job.versions == [BASE, result.version]


def test_repeats_count_once_and_what_cannot_be_read_is_passed_over(accepted):
    _, result = accepted
    assert result.window == {
        "records": len(STREAM) + 502,
        "malformed": 2,
        "repeats": 500,
        "sessions": 400,
        "held_out": 100,
        "new_tracks": result.window["new_tracks"],
    }


def test_the_successor_carries_the_anchor_and_brings_new_tracks_in(accepted):
    job, result = accepted
    path = job.registry.path(NAME, str(result.version))
    before, after = load_learner(learner_directory(job.base)), load_learner(learner_directory(path))
    assert after.anchor.session_ids == before.anchor.session_ids
    grown = len(after.track_ids) - len(before.track_ids)
    assert grown == result.window["new_tracks"] > 0
    assert after.track_ids[: len(before.track_ids)] == before.track_ids
    catalog = open_bundle(path).catalog
    assert catalog.track_ids == after.track_ids
    assert sum(catalog.counts) > sum(open_bundle(job.base).catalog.counts)


def test_the_replay_sample_is_old_and_new_sessions_up_to_its_bound(accepted):
    job, result = accepted
    path = job.registry.path(NAME, str(result.version))
    names = set(load_learner(learner_directory(path)).replay.session_ids)
    assert len(names) == 500  # of 300 and 300
    parts = listeners()
    assert len(names & set(parts["base"].session_ids)) > 200
    assert len(names & set(parts["stream"].session_ids)) > 200


def test_what_was_held_out_is_never_trained_on_in_its_window(accepted):
    job, result = accepted
    path = job.registry.path(NAME, str(result.version))
    newest = set(listeners()["stream"].session_ids[300:])
    assert not newest & set(load_learner(learner_directory(path)).replay.session_ids)


def test_what_was_learned_from_is_not_read_again_and_what_was_held_out_is_learned_next(accepted):
    job, first = accepted
    waiting = job.run(min_sessions=101)
    assert (waiting.verdict, waiting.parent) == ("nothing_to_do", first.version)
    assert (waiting.window["records"], waiting.window["sessions"]) == (0, 100)
    later = listeners()["later"]
    job.send(feedback_of(later))
    second = job.run(rules=IMPOSSIBLE)
    assert second.window["sessions"] == 100 + len(later)
    assert second.window["held_out"] == round((100 + len(later)) / 4)
    assert second.parent == first.version
    assert [r["verdict"] for r in job.registry.verdicts(NAME)] == ["accepted", "refused"]


def test_a_candidate_that_learned_from_noise_is_refused_and_nobody_is_told(job: Job):
    tracks, rng = listeners()["base"].track_ids, np.random.default_rng(0)
    noise = packed(
        [
            (f"noise{i}", [(tracks[t], 1) for t in rng.integers(0, len(tracks), 15)])
            for i in range(300)
        ]
    )
    job.send(feedback_of(noise))
    result = job.run()
    assert result.verdict == "refused"
    assert result.version is None
    assert any("no better on the window" in reason for reason in result.reasons)
    assert (job.versions, job.announced) == ([BASE], {})
    (record,) = job.registry.verdicts(NAME)
    assert record["verdict"] == "refused"
    assert record["reasons"] == result.reasons
    assert record["numbers"]["window_candidate_mrr@20"] is not None


def test_a_rate_that_ruins_the_model_is_refused_for_forgetting(job: Job):
    job.send(STREAM)
    ruinous = Schedule(learning_rate=3.0)
    result = job.run(trial=replace(TRIAL, schedule=ruinous, steps=10))
    assert result.verdict == "refused"
    assert any("forgets" in reason for reason in result.reasons)


def test_a_training_that_diverges_is_a_refusal_not_a_crash(job: Job):
    job.send(STREAM)
    diverging = Schedule(learning_rate=1e38)
    result = job.run(trial=replace(TRIAL, schedule=diverging))
    assert result.verdict == "refused"
    assert result.reasons[0].startswith("training failed: ")
    assert (job.versions, job.announced) == ([BASE], {})
    assert job.registry.verdicts(NAME)[0]["reasons"] == result.reasons


def test_a_refused_window_is_tried_again_with_what_came_since(job: Job):
    half = len(STREAM) // 2
    job.send(STREAM[:half])
    assert job.run(rules=IMPOSSIBLE).window["records"] == half
    job.send(STREAM[half:])
    assert job.run(rules=IMPOSSIBLE).window["records"] == len(STREAM)


def test_too_little_feedback_is_waited_for(job: Job):
    job.send(STREAM[:100])
    result = job.run()
    assert result.verdict == "nothing_to_do"
    assert "waiting for 100" in result.reasons[0]
    assert job.registry.verdicts(NAME) == []


def test_what_is_waited_for_is_said_once_and_again_when_it_has_grown(job: Job):
    said: list[str] = []
    tuner = FineTuner(job.config, say=said.append)
    for records in (STREAM[:50], [], [], STREAM[50:100]):
        job.send(records)
        tuner.run_once()
    assert len(said) == 2
    assert all("waiting for 100" in line for line in said)


def test_a_fine_tune_that_dies_while_it_exports_leaves_nothing_and_is_repeated(
    job: Job, monkeypatch
):
    job.send(STREAM)

    def die(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(champion_module, "write_bundle", die)
        with pytest.raises(KeyboardInterrupt):
            job.run()
    folder = job.registry.root / NAME
    assert {path.name for path in folder.iterdir()} == {".lock", BASE, f"{BASE}.learner"}
    assert job.announced == {}
    again = job.run(rules=IMPOSSIBLE)
    assert (again.parent, again.window["sessions"]) == (BASE, 400)


def test_a_full_disk_costs_a_turn_and_leaves_nothing_half_written(job: Job, monkeypatch, caplog):
    job.send(STREAM)
    stop, came = Event(), list[str | None]()

    def full(*_args: object, **_options: object) -> None:
        monkeypatch.undo()  # somebody makes room before the next turn
        raise OSError(errno.ENOSPC, "No space left on device")

    def told(result: Result | None) -> None:
        came.append(None if result is None else result.verdict)
        if len(came) == 2:
            stop.set()

    monkeypatch.setattr(champion_module, "write_bundle", full)
    FineTuner(job.config).run_every(0.01, stop, told)
    assert came == [None, "accepted"]
    assert "no fine-tune: [Errno 28] No space left on device" in caplog.text
    assert job.announced[NAME].version in job.versions
    assert len(job.versions) == 2


def test_a_bundle_of_counts_cannot_be_fine_tuned_and_is_told_apart(job: Job):
    shutil.rmtree(job.base)
    shutil.rmtree(learner_directory(job.base))
    place(signed(counts_files(), name=NAME, version="m"), job.registry.path(NAME, "m"))
    with pytest.raises(BundleError, match="counts are not fine-tuned"):
        job.run()


def test_a_damaged_hold_out_of_ours_is_named_and_nothing_is_learned(job: Job):
    folder = learner_directory(job.base)
    (folder / "feedback.json").write_text(f'{{"topic":"{job.topics.feedback}","offsets":{{}}}}')
    (folder / "held_out.jsonl").write_bytes(b"{\n")
    with pytest.raises(BundleError, match="what base held out cannot be read"):
        job.run()


def test_a_champion_with_a_second_stage_has_a_successor_with_the_same(job: Job):
    base, model = open_bundle(job.base), load_learner(learner_directory(job.base)).model
    shutil.rmtree(job.base)
    write_bundle(
        job.base, name=NAME, version=BASE, catalog=base.catalog, metrics={}, training={},
        second_stage=tiny_second_stage(len(base.catalog)),
        **parts_of(model, None, np.empty(0, np.int64)),
    )  # fmt: skip
    job.send(STREAM)
    result = job.run(rules=LENIENT)
    assert result.verdict == "accepted", result.reasons
    assert result.version is not None
    before, after = (load(job.registry.path(NAME, v)) for v in (BASE, result.version))
    assert before.second_stage is not None
    assert after.second_stage is not None
    assert after.second_stage.graph == before.second_stage.graph
    assert len(after.second_stage.skips) == len(after.catalog) + 1 > len(before.catalog) + 1


def test_a_second_job_on_the_same_name_is_turned_away(job: Job):
    with job.registry.sole_writer(NAME), pytest.raises(BundleError, match="in use by another"):
        job.run()


def test_without_a_broker_it_says_so(tmp_path):
    config = FinetuneConfig(bootstrap="127.0.0.1:1", topics=Topics.named(), root=tmp_path)
    with pytest.raises(BrokerError, match="no broker answers"):
        FineTuner(config).run_once()
