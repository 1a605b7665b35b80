"""A real broker that asks for TLS, passwords and certificates, and connections to its doors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from infra.broker import Broker, embedded
from infra.connection import Connection
from infra.listeners import Listener, Listeners
from tests.certificates import Authority

DOORS = ("SASL", "MTLS", "EXPIRED", "ELSEWHERE", "CLEAR")


def password(user: str) -> SecretStr:
    return SecretStr(f"pass-word-of-{user}")


@dataclass
class Secured:
    """Doors: SASL (a right certificate), MTLS (asks for ours), EXPIRED, ELSEWHERE (another's
    certificate), CLEAR (SASL without TLS). The broker's own plain door may do everything."""

    broker: Broker
    listeners: Listeners
    authority: Authority
    stranger: Authority

    def to(self, door: str = "SASL", user: str = "alice", **changes: Any) -> Connection:
        protocol = self.listeners.named[door].protocol
        as_user = {"username": user, "password": password(user)}
        given = {
            "protocol": protocol,
            "ca_file": None if door == "CLEAR" else self.authority.certificate,
            **(as_user if protocol.startswith("SASL") else {}),
            **changes,
        }
        return Connection(self.broker.address(door), **given)


def environment(to: Connection) -> dict[str, str]:
    """The settings of a connection as a process is given them."""
    values = {
        "bootstrap": to.bootstrap,
        "security_protocol": to.protocol,
        "sasl_mechanism": to.mechanism,
        "username": to.username,
        "password": to.secret,
        "ca_file": to.ca_file,
        "cert_file": to.cert_file,
        "check_hostname": to.check_hostname,
    }
    return {
        f"SEGUE_KAFKA__{name.upper()}": str(value)
        for name, value in values.items()
        if value is not None
    }


@contextmanager
def secured_broker(
    folder: Path, users: Sequence[str] = ("alice",), *, authorize: bool = False
) -> Iterator[Secured]:
    authority, stranger = Authority(folder), Authority(folder, "stranger")
    right = authority.issue("broker")
    doors = {
        "SASL": Listener("SASL_SSL", right),
        "MTLS": Listener("SSL", right, authority.certificate),
        "EXPIRED": Listener("SASL_SSL", authority.issue("expired", days=-1)),
        "ELSEWHERE": Listener("SASL_SSL", authority.issue("elsewhere", "DNS:elsewhere.example")),
        "CLEAR": Listener("SASL_PLAINTEXT"),
    }
    listeners = Listeners(doors, {user: password(user) for user in users}, authorize)
    with embedded(listeners=listeners) as broker:
        yield Secured(broker, listeners, authority, stranger)
