"""docs/contracts.md and its schemas, held against the code (test_examples.py: its examples)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from benchmarks.chaos.payloads import hostile_payloads
from streams import decoding, schemas
from streams.decoding import EventError, decode_event
from streams.events import (
    Feedback,
    PlaybackEvent,
    Recommendation,
    encode,
    recommendation_id,
)
from streams.session import EVENT_IDS, HISTORY, Arrival
from tests.streams.event_strategies import BEGAN_MS, almost_events
from tests.streams.memory_worker import TOPICS, MemoryWorker

DOCS = Path(__file__).parents[2] / "docs"
CONTRACTS = (DOCS / "contracts.md").read_text(encoding="utf-8")
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in schemas.schemas().items()}


def test_the_committed_schemas_are_what_the_code_generates():
    committed = {path.stem: path.read_text("utf-8") for path in (DOCS / "schemas").glob("*.json")}
    generated = {name: schemas.text(schema) for name, schema in schemas.schemas().items()}
    assert committed == generated, "write them anew: python -m streams.schemas docs/schemas"


def test_the_schemas_can_be_written_where_they_are_wanted(tmp_path):
    schemas.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "playback_event.json",
        "recommendation.json",
        "feedback.json",
        "model_announcement.json",
    }


@pytest.mark.parametrize("name", schemas.RECORDS)
def test_a_schema_is_a_schema(name):
    schema = schemas.schemas()[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@given(almost_events())
@settings(max_examples=50)
def test_an_event_that_is_read_is_valid(event):
    try:
        decode_event(json.dumps(event).encode(), BEGAN_MS)
    except EventError:
        return
    VALIDATORS["playback_event"].validate(event)


@pytest.mark.parametrize(
    "hostile",
    [one for one in hostile_payloads(BEGAN_MS) if one.reason in ("bad_type", "missing_field")],
    ids=lambda hostile: hostile.name,
)
def test_an_event_that_is_refused_for_its_fields_is_not_valid(hostile):
    assert not VALIDATORS["playback_event"].is_valid(json.loads(hostile.value))


def section(title: str) -> str:
    """The part of the page under one heading."""
    [_, found] = re.split(rf"^#+ {re.escape(title)}$", CONTRACTS, flags=re.MULTILINE)
    return re.split(r"^## ", found, flags=re.MULTILINE)[0]


@pytest.mark.parametrize(
    ("record", "title"),
    [
        (schemas.RECORDS["playback_event"], "PlaybackEvent v1"),
        (schemas.RECORDS["recommendation"], "Recommendation v1"),
        (schemas.RECORDS["feedback"], "Feedback v1"),
        (schemas.RECORDS["model_announcement"], "ModelAnnouncement v1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_field_has_a_row(record, title):
    rows = re.findall(r"^\| `(\w+)`", section(title), flags=re.MULTILINE)
    assert rows == list(record.__struct_fields__)


def test_every_reason_has_a_row_in_the_order_in_which_it_is_looked_for():
    rows = re.findall(r"^\| `(\w+)`", section("Dead letters"), flags=re.MULTILINE)
    assert tuple(rows) == decoding.REASONS


def test_every_header_of_a_dead_letter_is_named():
    worker = MemoryWorker()
    worker.answer(worker.delivery(b"x" * 70_000, Arrival(0, 0, BEGAN_MS)))
    [letter] = worker.records(TOPICS.dlq)
    assert len(letter.headers) == 7
    for name, _ in letter.headers:
        assert f"`{name}`" in section("Dead letters")


@pytest.mark.parametrize(
    "name", [TOPICS.events, TOPICS.recommendations, TOPICS.feedback, TOPICS.models, TOPICS.dlq]
)
def test_every_topic_is_named(name):
    assert f"| `{name}` |" in section("Topics")


def test_the_limits_are_those_of_the_code():
    for number in (f"{decoding.MAX_EVENT_BYTES:,} bytes", f"{HISTORY} occurrences"):
        assert number in CONTRACTS
    assert f"the last {EVENT_IDS} event ids" in CONTRACTS


def test_the_worked_ids_are_those_of_the_code():
    event = PlaybackEvent(
        session_id="s1", track_id="t1", event="skip", occurred_at="2026-11-21T05:30:00.123Z"
    )
    assert f"`{event.id}`" in section("PlaybackEvent v1")
    assert f"`{recommendation_id('s1', 'e1')}`" in section("Recommendation v1")


def test_the_recipes_for_ids_work_as_they_are_written():
    """Each fenced Python block of the page runs and ends with the id it says."""
    blocks = re.findall(r"```python\n(.*?)```", CONTRACTS, flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        names: dict[str, Any] = {}
        exec(block, names)
        assert names["id_"] == names["expected"]


@pytest.mark.parametrize("record", [Recommendation, Feedback])
def test_what_goes_out_names_each_field_even_when_it_is_null(record):
    worker = MemoryWorker(model=False)
    event = PlaybackEvent(
        session_id="s1", track_id="a", event="play", occurred_at="2026-11-21T05:30:00Z"
    )
    worker.answer(worker.delivery(encode(event), Arrival(0, 0, BEGAN_MS)))
    topic = TOPICS.recommendations if record is Recommendation else TOPICS.feedback
    [sent] = worker.records(topic)
    assert set(json.loads(sent.value or b"")) == set(record.__struct_fields__)
