"""How a Kafka client connects: where the brokers are, over what, as whom, and whom it believes.

One object, of which the arguments of every client are made (Faust's in
streams/worker/credentials.py), and which says what is wrong where a broker and it do not agree.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from .broker import BrokerError
from .listeners import Protocol

Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]


class DeniedError(BrokerError):
    """A broker is there, and will not have us, or is not to be believed."""


@dataclass(frozen=True)
class Connection:
    """Everything a client needs to know; the defaults are those of a broker without a lock."""

    bootstrap: str
    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None  # of whom the brokers' certificates are; the system's if None
    cert_file: Path | None = None  # our own certificate (mTLS), and its key
    key_file: Path | None = None
    key_password: SecretStr | None = None
    check_hostname: bool = True

    def __str__(self) -> str:
        return self.bootstrap

    @property
    def encrypted(self) -> bool:
        """Whether it goes over TLS."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def sasl(self) -> bool:
        """Whether it shows a user name and a password."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @cached_property
    def ssl_context(self) -> ssl.SSLContext | None:
        """The context of a TLS client, TLS 1.2 or newer; None where there is no TLS.

        Made once: to read the system's authorities takes 20 ms.

        Raises:
            ValueError: a file cannot be used; the message says which.
        """
        if not self.encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as err:  # ssl.SSLError is one
            raise ValueError(
                f"kafka.ca_file {self.ca_file}: {err}; expected the authority's certificate as PEM"
            ) from err
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self.check_hostname
        if self.cert_file is not None:
            # Without any password OpenSSL would ask for one on the terminal.
            password = self.key_password.get_secret_value() if self.key_password else ""
            try:
                context.load_cert_chain(self.cert_file, self.key_file, password)
            except OSError as err:
                raise ValueError(
                    f"kafka.cert_file {self.cert_file}, key_file {self.key_file}: {err}; expected "
                    "a certificate and its key as PEM, and key_password where it is encrypted"
                ) from err
        return context

    @property
    def secret(self) -> str | None:
        """The password itself, for those who send it."""
        return _Unshown(self.password.get_secret_value()) if self.password else None

    def client_arguments(self) -> dict[str, Any]:
        """Give the arguments of kafka-python's and aiokafka's clients, which have the same names.

        Raises:
            ValueError: a certificate's file cannot be used.
        """
        found: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.protocol,
            "ssl_context": self.ssl_context,
        }
        if self.sasl:
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.secret,
            }
        return found

    def refusal(self, err: Exception) -> BrokerError:
        """What a client's error means, and what to do about it, as the error to raise."""
        name = type(err).__name__
        if "Authentication" in name or "Mechanism" in name:
            return self.denied(str(err))
        if "Authorization" in name:
            return DeniedError(
                f"broker {self} does not allow {self._who}: {name}: {err}; grant what its role "
                "needs: `segue topics acls --help`"
            )
        hint = ""
        if not self.sasl:
            hint = " If it asks for TLS or a password, set kafka.security_protocol."
        return BrokerError(f"broker {self}: {name}: {err}; is it Kafka and reachable?{hint}")

    def denied(self, said: str) -> DeniedError:
        """What a refused name or password comes to."""
        return DeniedError(
            f"broker {self} refused user {self.username} with {self.mechanism}: {said}; check "
            "kafka.username, kafka.password (or password_file) and kafka.sasl_mechanism"
        )

    @property
    def _who(self) -> str:
        if self.sasl:
            return f"user {self.username}"
        return f"the owner of {self.cert_file}" if self.cert_file else "an unnamed client"


class _Unshown(str):
    """A password as clients want it; kafka-python's admin client logs its arguments at DEBUG."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'**********'"


Address = str | Connection
"""A Connection, or the HOST:PORT list of brokers that ask for neither TLS nor a name."""


def connection(address: Address) -> Connection:
    """Read an address as the connection that it means."""
    return address if isinstance(address, Connection) else Connection(address)


class _NoSecrets(logging.Filter):
    """Both clients log at DEBUG each request whole, with it the password that PLAIN sends."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"<{type(arg).__name__}>" if "Sasl" in type(arg).__name__ else arg
                for arg in record.args
            )
        return True


for _logger in ("kafka.net.connection", "aiokafka.conn"):
    logging.getLogger(_logger).addFilter(_NoSecrets())
