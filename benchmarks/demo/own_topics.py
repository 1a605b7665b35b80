"""The demo's topics on its broker: dated by the broker, and gone afterwards where it is a guest."""

from __future__ import annotations

from contextlib import closing

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from infra.broker import BrokerError
from infra.clients import make_client
from infra.connection import Address
from infra.topics import Topics


def date_lists(bootstrap: Address, topics: Topics) -> None:
    """Let the broker date recommendations as it does events, so that one clock times both.

    Raises:
        BrokerError: the broker is not there or refuses.
    """
    config = {"message.timestamp.type": "LogAppendTime"}
    resource = ConfigResource(ConfigResourceType.TOPIC, topics.recommendations, configs=config)
    try:
        with closing(make_client(KafkaAdminClient, bootstrap)) as admin:
            admin.alter_configs([resource])
    except KafkaError as err:
        raise BrokerError(f"{bootstrap} does not date {topics.recommendations}: {err}") from err


def remove(bootstrap: Address, prefix: str) -> None:
    """Delete every topic and group of a prefix, changelogs among them.

    Raises:
        ValueError: no prefix, which would mean everybody's.
        BrokerError: the broker is not there.
    """
    if not prefix:
        raise ValueError("no prefix: that would delete every topic of the broker")
    try:
        with closing(make_client(KafkaAdminClient, bootstrap)) as admin:
            mine = [name for name in admin.list_topics() if name.startswith(prefix)]
            if mine:
                admin.delete_topics(mine, raise_errors=False)
            groups = [group["group_id"] for group in admin.list_groups()]
            mine = [name for name in groups if name.startswith(prefix)]
            if mine:
                admin.delete_groups(mine)
    except KafkaError as err:
        raise BrokerError(f"{bootstrap}: topics of {prefix} are not deleted: {err}") from err
