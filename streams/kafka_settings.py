"""The settings that hold secrets: how clients connect to Kafka, and the key of pseudonyms.

No value of theirs is ever part of an error's text: it may be a password under a wrong name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from infra.connection import Connection, Mechanism
from infra.listeners import Protocol


class ConfigError(ValueError):
    """A setting is unknown or has a value that cannot be used."""


class Section(BaseModel):
    """A part of the tree: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KafkaSettings(Section):
    """Where the brokers are, and how every client of ours connects (docs/security.md)."""

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: Protocol = "PLAINTEXT"
    sasl_mechanism: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    """Instead of `password`: a file with nothing else in it but a line break at its end."""
    ca_file: Path | None = None
    """Certificates (PEM) of the authorities that are believed; the system's where not given."""
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: SecretStr | None = None
    check_hostname: bool = True
    allow_plaintext_sasl: bool = False
    """Send what proves the password where everybody on the way can read and change it."""

    @model_validator(mode="after")
    def _fits_together(self) -> KafkaSettings:
        fault = next(self._faults(), None)
        if fault is not None:
            raise ValueError(fault)
        return self

    def _faults(self) -> Iterator[str]:
        protocol = self.security_protocol
        given = [self.username, self.password, self.password_file]
        tls = [self.ca_file, self.cert_file, self.key_file, self.key_password]
        if protocol.startswith("SASL"):
            if not self.username or (self.password is None) == (self.password_file is None):
                yield f"{protocol} needs username and one of password and password_file"
            if protocol == "SASL_PLAINTEXT" and not self.allow_plaintext_sasl:
                yield (
                    "SASL_PLAINTEXT encrypts nothing: use SASL_SSL, or set allow_plaintext_sasl "
                    "where nobody else is on the network"
                )
            if protocol == "SASL_PLAINTEXT" and self.sasl_mechanism == "PLAIN":
                yield "PLAIN sends the password itself: use it with SASL_SSL, or SCRAM-SHA-512"
        elif any(value is not None for value in given):
            yield f"{protocol} uses no username and password: set security_protocol to SASL_SSL"
        if not protocol.endswith("SSL"):
            if any(value is not None for value in tls) or not self.check_hostname:
                yield f"{protocol} uses no certificates: set security_protocol to SASL_SSL or SSL"
        elif self.cert_file is None and (self.key_file or self.key_password):
            yield "key_file and key_password need cert_file, which they belong to"

    @property
    def connection(self) -> Connection:
        """The same as clients take it, with the password read from its file.

        Raises:
            ConfigError: that file cannot be read, or is empty.
        """
        password = self.password
        if self.password_file is not None:
            password = read_secret("kafka.password_file", self.password_file)
        return Connection(
            bootstrap=self.bootstrap,
            protocol=self.security_protocol,
            mechanism=self.sasl_mechanism,
            username=self.username,
            password=password,
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            key_password=self.key_password,
            check_hostname=self.check_hostname,
        )


class PrivacySettings(Section):
    """The key that turns session ids into pseudonyms (streams/pseudonyms.py)."""

    session_key: SecretStr | None = None
    session_key_file: Path | None = None

    @property
    def key(self) -> bytes:
        """The key itself.

        Raises:
            ConfigError: there is none, there are two, or it cannot be read.
        """
        if (self.session_key is None) == (self.session_key_file is None):
            raise ConfigError(
                "setting privacy: expected one of session_key and session_key_file; make one with "
                "`openssl rand -hex 32 > FILE`"
            )
        secret = self.session_key
        if self.session_key_file is not None:
            secret = read_secret("privacy.session_key_file", self.session_key_file)
        assert secret is not None
        return secret.get_secret_value().encode()


def read_secret(setting: str, file: Path) -> SecretStr:
    """Read a file that holds a secret and nothing else; a line break at its end is no part of it.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    try:
        text = file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"setting {setting}: {file} cannot be read: {err}") from err
    if not text:
        raise ConfigError(f"setting {setting}: {file} is empty; expected the secret in it")
    return SecretStr(text)
