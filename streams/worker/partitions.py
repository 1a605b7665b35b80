"""How many partitions the topics of a worker have, which must be the same for all of them.

Faust finds out about a mismatch at its first write, and then serves nothing, in silence.
"""

from __future__ import annotations

from infra.broker import BrokerError
from infra.topics import Topics, partition_counts

from ..settings import ConfigError, Settings


def agreed_partitions(settings: Settings, topics: Topics) -> int:
    """The number of partitions that events, recommendations, feedback and the changelog have.

    Raises:
        BrokerError: no broker answers, or a topic is not there.
        ConfigError: the counts differ.
    """
    bootstrap = settings.kafka.connection
    by_session = (topics.events, topics.recommendations, topics.feedback)
    needed = (*by_session, topics.models, topics.dlq)
    counts = partition_counts(bootstrap, [*needed, settings.changelog])
    absent = [name for name in needed if name not in counts]
    if absent:
        raise BrokerError(
            f"{bootstrap} has no topic {', '.join(absent)}; make them with "
            f"`segue topics create --bootstrap {bootstrap}`"
        )
    # The changelog is made by the first worker, and only ever with the right count.
    found = {n: counts[n] for n in (*by_session, settings.changelog) if n in counts}
    if len(set(found.values())) != 1:
        raise ConfigError(_uneven(found))
    return found[topics.events]


def _uneven(counts: dict[str, int]) -> str:
    """Kafka cannot take partitions away again, so what can be done is to add the others."""
    most = max(counts.values())
    few = ", ".join(f"{name} has {count}" for name, count in counts.items() if count < most)
    return (
        f"partition counts differ: {few}, others {most}, and a session must have the same "
        "partition everywhere. Give those topics as many, with all workers stopped: "
        f"`kafka-topics.sh --alter --topic NAME --partitions {most}`; or make all topics anew "
        "under another prefix (docs/operations.md, Partitions)"
    )
