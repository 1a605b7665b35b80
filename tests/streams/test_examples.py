"""The ten worked examples of docs/contracts.md, run as they are written."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streams import schemas
from streams.catalog import Catalog
from streams.feedback import tally
from streams.ranking import Ranking
from streams.session import Arrival, Occurrence
from tests.streams.memory_worker import TOPICS, MemoryWorker

DOCS = Path(__file__).parents[2] / "docs"
CONTRACTS = (DOCS / "contracts.md").read_text(encoding="utf-8")
EXAMPLES = sorted((DOCS / "examples").glob("*.json"))
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in schemas.schemas().items()}

Example = dict[str, Any]
Step = dict[str, Any]


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request) -> Example:
    example: Example = json.loads(request.param.read_text(encoding="utf-8"))
    return example


class Told:
    """What a worker made of an example: the steps as the file has them, and the occurrences."""

    def __init__(self, example: Example) -> None:
        catalog = Catalog(tuple(example["catalog"]), tuple(example["catalog"].values()))
        self.worker = MemoryWorker(catalog)
        self.steps: list[Step] = []
        self.closed: list[Occurrence] = []
        for step in example["steps"]:
            self._answer(step)
        self.lists = {
            told["recommendation_id"]: [item["track_id"] for item in told["items"]]
            for told in (step["recommendation"] for step in self.steps)
            if told is not None
        }
        self.occurrences = [self._judged(closed, catalog, example["k"]) for closed in self.closed]

    def _answer(self, step: Step) -> None:
        """Deliver one event; keep what went out and what is in the history now."""
        answers = step.get("model_answers")
        if answers is not None:
            ranked = tuple((track, score) for track, score in answers["ranked"])
            self.worker.scorer.rankings = [Ranking(ranked, answers["fallback"])]
        appended_ms = round(datetime.fromisoformat(step["appended_at"]).timestamp() * 1000)
        at = Arrival(step["partition"], step["offset"], appended_ms)
        value = json.dumps(step["event"]).encode()
        self.worker.happened.clear()
        self.worker.answer(self.worker.delivery(value, at))
        [*_, last] = self.worker.happened
        assert last == ("done", step["offset"])
        assert self.worker.scorer.rankings == [], (
            "the model is asked for each new event, and only then"
        )
        said = self._sent(TOPICS.recommendations)
        assert len(said) <= 1
        session = self.worker.load(step["event"]["session_id"])
        assert session is not None
        if answers is not None:
            self.closed += session.closed
        self.session = session
        made = {
            "recommendation": said[0] if said else None,
            "feedback": self._sent(TOPICS.feedback),
            "history": [list(entry) for entry in session.history],
        }
        self.steps.append(step | made)

    def _sent(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(record.value or b"") for record in self.worker.records(topic)]

    def _list(self, id_: str | None) -> list[str] | None:
        return None if id_ is None else self.lists[id_]

    def _judged(self, closed: Occurrence, catalog: Catalog, k: int) -> dict[str, Any]:
        counted = tally(closed, catalog, k)
        return {
            "position": closed.position,
            "track_id": closed.track_id,
            "outcome": closed.outcome,
            "current_list": self._list(closed.recommendation_id),
            "rank": closed.rank,
            "counts": counted is not None,
            "hit": counted and counted.hit,
            "popularity_hit": counted and counted.popularity_hit,
        }

    @property
    def pending(self) -> dict[str, Any] | None:
        pending = self.session.pending
        if pending is None:
            return None
        return {
            "position": pending.position,
            "track_id": pending.track_id,
            "current_list": self._list(pending.recommendation_id),
            "rank": pending.rank,
        }


def test_there_are_ten_worked_examples():
    assert len(EXAMPLES) == 10


def test_an_example_happens_as_it_is_written(example):
    told = Told(example)
    for found, expected in zip(told.steps, example["steps"], strict=True):
        assert found == expected
    assert told.occurrences == example["occurrences"]
    assert told.pending == example["pending"]
    repeated = told.worker.metric("segue_events_total", outcome="repeated")
    assert repeated == example["repeats"]


def test_every_record_of_an_example_is_valid(example):
    for step in example["steps"]:
        VALIDATORS["playback_event"].validate(step["event"])
        if step["recommendation"] is not None:
            VALIDATORS["recommendation"].validate(step["recommendation"])
        for told in step["feedback"]:
            VALIDATORS["feedback"].validate(told)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_explained(path):
    assert f"examples/{path.name}" in CONTRACTS


def table(name: str) -> list[dict[str, str]]:
    """The table under an example's link, a dictionary a row; of two columns alike the last."""
    after = CONTRACTS.split(f"(examples/{name}.json)")[1].split("\n### ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in after.splitlines()
        if line.startswith("|")
    ]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def said_of(step: Step) -> dict[str, set[str]]:
    """What a table may say of a step, by column; in most columns there is one way to say it."""
    event = step["event"]
    told = step["recommendation"] or {"items": []}
    named = f"{event['event']} {event['track_id']}"
    by_id = f"{event.get('event_id')} {named}"
    return {
        "event": {named, by_id, f"{event.get('event_id')} again"},
        "list": {", ".join(item["track_id"] for item in told["items"])},
        "history": {", ".join(f"{track} {outcome}" for track, outcome in step["history"])},
        "offset": {str(step["offset"])},
        "at": {event["occurred_at"][11:23].removesuffix(".000")},
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_table_of_an_example_says_what_its_file_says(path):
    example = json.loads(path.read_text(encoding="utf-8"))
    rows = table(path.stem)
    if "occurrence" in rows[0]:
        for row, occurrence in zip(rows, example["occurrences"], strict=True):
            current = ", ".join(occurrence["current_list"] or ())
            assert row["current list"] == current
            assert row["occurrence"].startswith(
                f"{occurrence['position']}: {occurrence['track_id']},"
            )
            rank = str(occurrence["rank"] or "none")
            assert row["rank"] == (rank if occurrence["counts"] else "")
        return
    for row, step in zip(rows, example["steps"], strict=True):
        for column, ways in said_of(step).items():
            if column in row:
                assert row[column] in ways
        if "finished" in row:
            finished = [f"{told['position']}: {told['track_id']}" for told in step["feedback"]]
            assert [
                one.split(",")[0].strip() for one in filter(None, row["finished"].split(";"))
            ] == (finished)
