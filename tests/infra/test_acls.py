import pytest

from infra.acls import ROLES, Grant, Role, apply, grants
from infra.broker import BrokerError
from infra.topics import Topics

TOPICS = Topics.named()


def of(role: Role) -> set[tuple[str, str, str]]:
    return {
        (g.operation, g.kind, g.name) for g in grants(role, TOPICS, "segue-worker", "consumers")
    }


def test_a_player_writes_events_and_nothing_else():
    assert of("player") == {("WRITE", "topic", TOPICS.events)}


def test_a_consumer_reads_lists_in_its_own_group():
    assert of("consumer") == {
        ("READ", "topic", TOPICS.recommendations),
        ("READ", "group", "consumers"),
    }


def test_only_who_learns_or_operates_may_announce_models():
    announcing = {role for role in ROLES if ("WRITE", "topic", TOPICS.models) in of(role)}
    assert announcing == {"learner", "operator"}


def test_no_role_may_grant_alter_or_delete():
    for role in ROLES:
        assert {operation for operation, _, _ in of(role)} <= {
            "READ", "WRITE", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS",
        }  # fmt: skip


def test_a_worker_s_own_topics_are_those_that_begin_with_its_group_s_name():
    own = [g for g in grants("worker", TOPICS, "eu.segue-worker", "c") if g.prefixed]
    assert {g.name for g in own} == {"eu.segue-worker-"}
    assert str(Grant("topic", "a-", "READ", prefixed=True)).split() == ["READ", "topic", "a-*"]


@pytest.mark.parametrize("principal", ["alice", "User:", "Group:x"])
def test_a_principal_that_is_none_is_refused(principal):
    with pytest.raises(ValueError, match="User:NAME"):
        apply("127.0.0.1:1", principal, [])


def test_a_broker_without_an_authorizer_says_so(broker):
    with pytest.raises(BrokerError, match=r"authorizer\.class\.name"):
        apply(broker, "User:alice", grants("player", TOPICS, "a", "b"))
