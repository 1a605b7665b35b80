"""The topics of the contract: their names, how they must be made, and whether a broker's agree.

It makes what is missing and names what differs; it never changes or deletes a topic that exists.
"""

import logging
import re
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from .broker import BrokerError
from .clients import make_client
from .connection import Address, connection
from .greeting import require_broker

logger = logging.getLogger(__name__)

DAY = 24 * 60 * 60 * 1000  # ms
ALREADY_THERE = 36  # Kafka's error code TOPIC_ALREADY_EXISTS
LONGEST = 249  # characters in a topic's name


@dataclass(frozen=True)
class Topics:
    """The name of each topic."""

    events: str
    recommendations: str
    feedback: str
    models: str
    dlq: str

    @classmethod
    def named(cls, prefix: str = "") -> "Topics":
        """Return the contract's names with a prefix put in front.

        Raises ValueError when Kafka would not take such a name.
        """
        events = f"{prefix}music.playback.events.v1"
        if not re.fullmatch(r"[a-zA-Z0-9._-]*", prefix) or len(f"{events}.dlq") > LONGEST:
            raise ValueError(
                f"topic prefix {prefix!r}: expected letters, digits, dots, dashes and underscores, "
                f"at most {LONGEST} characters with the name behind them"
            )
        return cls(
            events=events,
            recommendations=f"{prefix}music.recommendations.v1",
            feedback=f"{prefix}music.feedback.v1",
            models=f"{prefix}music.models.v1",
            dlq=f"{events}.dlq",
        )


@dataclass(frozen=True)
class TopicSpec:
    """How one topic must be made."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One way in which a broker's topics differ from the contract, and what to do about it."""

    topic: str
    kind: str  # missing | partitions | uneven | policy | timestamps
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        differs = f"found {self.found}, expected {self.expected}"
        return f"{self.topic}: {self.kind}: {differs}; {self.remedy}"


def specs(topics: Topics, partitions: int, replication: int) -> list[TopicSpec]:
    """Return how each topic must be made.

    Announcements have one partition, so that they are read in the order in which they were made.
    Raises ValueError when a count is below 1.
    """
    if partitions < 1 or replication < 1:
        raise ValueError(
            f"{partitions} partitions with replication {replication}: expected at least 1 of each"
        )

    def kept(name: str, days: int, **more: str) -> TopicSpec:
        policy = {"cleanup.policy": "delete", "retention.ms": str(days * DAY)}
        return TopicSpec(name, partitions, replication, policy | more)

    return [
        # The broker's own clock dates an event: latency is counted from there, and players' clocks
        # are only ever compared with it.
        kept(topics.events, 7, **{"message.timestamp.type": "LogAppendTime"}),
        kept(topics.recommendations, 1),
        kept(topics.feedback, 7),
        TopicSpec(topics.models, 1, replication, {"cleanup.policy": "compact"}),
        kept(topics.dlq, 14),
    ]


def create(bootstrap: Address, topics: Topics, partitions: int, replication: int) -> list[str]:
    """Make the topics that are not there and return their names; those that are stay as they are.

    Returns when every topic has its leaders. Raises BrokerError when the broker is not there or
    refuses, ValueError when a count is below 1.
    """
    wanted = {spec.name: spec for spec in specs(topics, partitions, replication)}
    with administering(bootstrap) as admin:
        missing = wanted.keys() - set(admin.list_topics())
        if not missing:
            return []
        request = {
            name: {
                "num_partitions": spec.partitions,
                "replication_factor": spec.replication,
                "configs": spec.config,
            }
            for name, spec in wanted.items()
            if name in missing
        }
        made = []
        for answer in admin.create_topics(request, raise_errors=False)["topics"]:
            if answer["error_code"] == 0:
                made.append(answer["name"])
            elif answer["error_code"] != ALREADY_THERE:  # somebody else was quicker
                raise BrokerError(
                    f"{bootstrap} refused to make topic {answer['name']} with {partitions} "
                    f"partitions, replication {replication}: {answer['error_message']}"
                )
        admin.wait_for_topics(list(wanted), timeout_ms=30_000)
    logger.info("made %d topics on %s: %s", len(made), bootstrap, ", ".join(made))
    return made


def check(bootstrap: Address, topics: Topics, partitions: int | None = None) -> list[Finding]:
    """Compare a broker's topics with the contract; an empty list means that they agree.

    Without `partitions` the counts have to be equal where the contract says so, and no more. Raises
    BrokerError when the broker is not there, ValueError when `partitions` is below 1.
    """
    wanted = specs(topics, 1 if partitions is None else partitions, 1)
    with administering(bootstrap) as admin:
        there = set(admin.list_topics())
        names = [spec.name for spec in wanted if spec.name in there]
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        described = admin.describe_topics(names) if names else []
        configs = admin.describe_configs(asked, config_filter="all")["topic"] if names else {}
    counts = {topic["name"]: len(topic["partitions"]) for topic in described}
    findings = [
        Finding(spec.name, "missing", "no topic", "one", "run `segue topics create`")
        for spec in wanted
        if spec.name not in there
    ]
    by_session = (topics.events, topics.recommendations, topics.feedback)
    findings += _counted({name: counts[name] for name in by_session if name in counts}, partitions)
    for spec in wanted:
        if spec.name in there:
            findings += _configured(spec, configs[spec.name])
    return findings


def partition_counts(bootstrap: Address, names: Collection[str]) -> dict[str, int]:
    """Return how many partitions each of these topics has; one that does not exist is left out.

    Raises BrokerError when the broker is not there.
    """
    with administering(bootstrap) as admin:
        there = set(admin.list_topics())
        asked = [name for name in names if name in there]
        described = admin.describe_topics(asked) if asked else []
    return {topic["name"]: len(topic["partitions"]) for topic in described}


def _counted(counts: dict[str, int], partitions: int | None) -> Iterator[Finding]:
    """Name the topics keyed by session that have a wrong count, or counts that differ."""
    remedy = (
        "a session must have the same partition everywhere and for ever: make the topics anew "
        "under another prefix, with `segue topics create --prefix ... --partitions N`"
    )
    for name, count in counts.items():
        if partitions is not None and count != partitions:
            yield Finding(name, "partitions", str(count), str(partitions), remedy)
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} {count}" for name, count in counts.items())
        yield Finding(next(iter(counts)), "uneven", found, "the same count on each", remedy)


def _configured(spec: TopicSpec, config: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """Name the settings of one topic that differ."""
    for key, expected in spec.config.items():
        found = config[key]["value"]
        if found != expected:
            kind = "timestamps" if key == "message.timestamp.type" else "policy"
            remedy = (
                f"run `kafka-configs.sh --alter --entity-type topics --entity-name {spec.name} "
                f"--add-config {key}={expected}`"
            )
            yield Finding(spec.name, kind, f"{key}={found}", f"{key}={expected}", remedy)


@contextmanager
def administering(bootstrap: Address) -> Iterator[KafkaAdminClient]:
    """Open an admin client; whatever Kafka cannot do for it is a BrokerError."""
    require_broker(bootstrap)
    try:
        client = make_client(KafkaAdminClient, bootstrap, bootstrap_timeout_ms=10_000)
        with closing(client):
            yield client
    except KafkaError as err:
        raise connection(bootstrap).refusal(err) from err
