"""What each role must be allowed on a broker that asks, and nothing more.

A role is what a program does, not who it is: each program gets a user of its own with its role's
rights. Creating ACLs takes the cluster's own administrator: no role may grant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from .broker import BrokerError
from .connection import Address
from .topics import Topics, administering

Role = Literal["player", "consumer", "worker", "learner", "operator"]
ROLES: Final = get_args(Role)
Kind = Literal["topic", "group"]


@dataclass(frozen=True)
class Grant:
    """One operation on one resource, or on all whose names begin so. READ and WRITE describe."""

    kind: Kind
    name: str
    operation: str
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.operation:16} {self.kind} {self.name}{'*' if self.prefixed else ''}"


def grants(role: Role, topics: Topics, application: str, group: str) -> list[Grant]:
    """List what a role must be allowed.

    Args:
        role: player sends events; consumer reads lists; worker answers; learner fine-tunes;
            operator makes topics, audits, promotes models, forgets sessions, replays dead letters.
        topics: the names.
        application: the workers' group with its prefix, which their own topics' names begin with.
        group: the consumer group of a consumer.
    """
    return list(_granted(role, topics, application, group))


def _granted(role: Role, topics: Topics, application: str, group: str) -> Iterator[Grant]:
    def on(operation: str, *names: str) -> Iterator[Grant]:
        yield from (Grant("topic", name, operation) for name in names)

    if role == "player":
        yield from on("WRITE", topics.events)
    elif role == "consumer":
        yield from on("READ", topics.recommendations)
        yield Grant("group", group, "READ")
    elif role == "worker":
        yield from on("READ", topics.events, topics.models)
        yield from on("WRITE", topics.recommendations, topics.feedback, topics.dlq)
        yield Grant("group", application, "READ")
        for operation in ("CREATE", "READ", "WRITE"):  # the changelog, and Faust's leader topic
            yield Grant("topic", f"{application}-", operation, prefixed=True)
    elif role == "learner":
        yield from on("READ", topics.feedback, topics.models)
        yield from on("WRITE", topics.models)
    else:
        everything = (
            topics.events, topics.recommendations, topics.feedback, topics.models, topics.dlq,
        )  # fmt: skip
        for operation in ("CREATE", "READ", "DESCRIBE_CONFIGS"):
            yield from on(operation, *everything)
        yield from on("WRITE", topics.events, topics.models)
        yield Grant("topic", f"{application}-", "READ", prefixed=True)
        yield Grant("group", application, "DESCRIBE")


def apply(address: Address, principal: str, wanted: list[Grant]) -> None:
    """Create the ACLs; those that are there already stay.

    Raises:
        BrokerError: the broker is not there, has no authorizer or does not let us.
        ValueError: the principal is not TYPE:NAME.
    """
    kind, _, name = principal.partition(":")
    if kind != "User" or not name:
        raise ValueError(f"principal {principal!r}: expected User:NAME, as the broker knows it")
    acls = [
        ACL(
            principal, "*", ACLOperation[grant.operation], ACLPermissionType.ALLOW,
            ResourcePattern(
                ResourceType[grant.kind.upper()],
                grant.name,
                ACLResourcePatternType.PREFIXED if grant.prefixed
                else ACLResourcePatternType.LITERAL,
            ),
        )
        for grant in wanted
    ]  # fmt: skip
    with administering(address) as admin:
        answer = admin.create_acls(acls)
    for error in answer["failed"]:
        raise BrokerError(
            f"broker {address} did not take the ACLs of {principal}: {error.__name__}; it needs an "
            "authorizer (authorizer.class.name), and we a user who may grant (super.users)"
        )
