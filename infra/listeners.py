"""What an embedded broker asks of those who come by other doors than its plain one: TLS and names.

Its plain listener stays, on loopback, for the node itself and for whoever sets it up, and may do
all: a broker for tests and trials. docs/security.md says how one that matters is set up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
_KAFKA = "org.apache.kafka"
_LOGIN = f"{_KAFKA}.common.security"


@dataclass(frozen=True)
class Listener:
    """One more door. `keystore` is PEM: the key and the chain of the broker's certificate."""

    protocol: Protocol
    keystore: Path | None = None
    truststore: Path | None = None  # asks clients for a certificate of these authorities


@dataclass(frozen=True)
class Listeners:
    """All of them by name (capital letters), and what they know."""

    named: Mapping[str, Listener] = field(default_factory=dict)
    users: Mapping[str, SecretStr] = field(default_factory=dict)  # of SASL listeners
    authorize: bool = False  # refuse what no ACL allows; else everybody may do everything

    def properties(self) -> dict[str, str]:
        """Give the node's properties, but for where it listens."""
        found = {
            "listener.security.protocol.map": ",".join(
                ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"]
                + [f"{name}:{one.protocol}" for name, one in self.named.items()]
            ),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
            # A certificate's owner is known by its common name.
            "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
        }
        for name, one in self.named.items():
            found |= self._of(f"listener.name.{name.lower()}", one)
        if self.authorize:
            found |= {
                "authorizer.class.name": f"{_KAFKA}.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",  # the plain listener
            }
        return found

    def format_arguments(self) -> list[str]:
        """Give what `kafka-storage format` has to be told: SCRAM users are part of the metadata."""
        return [
            argument
            for name, password in self.users.items()
            for argument in (
                "--add-scram",
                f"SCRAM-SHA-512=[name={name},password={password.get_secret_value()}]",
            )
        ]

    def _of(self, prefix: str, one: Listener) -> dict[str, str]:
        found: dict[str, str] = {}
        if one.keystore is not None:
            found |= {
                f"{prefix}.ssl.keystore.type": "PEM",
                f"{prefix}.ssl.keystore.location": str(one.keystore),
            }
        if one.truststore is not None:
            found |= {
                f"{prefix}.ssl.truststore.type": "PEM",
                f"{prefix}.ssl.truststore.location": str(one.truststore),
                f"{prefix}.ssl.client.auth": "required",
            }
        if one.protocol.startswith("SASL"):
            plain = " ".join(
                f'user_{name}="{password.get_secret_value()}"'
                for name, password in self.users.items()
            )
            found |= {
                f"{prefix}.scram-sha-512.sasl.jaas.config":
                    f"{_LOGIN}.scram.ScramLoginModule required;",
                f"{prefix}.plain.sasl.jaas.config":
                    f"{_LOGIN}.plain.PlainLoginModule required {plain};",
            }  # fmt: skip
        return found
