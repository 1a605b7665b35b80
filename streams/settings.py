"""The one frozen tree of settings: defaults, `segue.toml`, `SEGUE_…` environment, flags over all.

A nested key is reached with two underscores: `SEGUE_KAFKA__BOOTSTRAP=127.0.0.1:9092`. Unknown keys
are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .kafka_settings import ConfigError, KafkaSettings, PrivacySettings, Section
from .session import Limits

__all__ = ["ConfigError", "Settings", "load_settings"]


class TopicSettings(Section):
    """How the topics are made (names: infra/topics.py)."""

    prefix: str = ""
    partitions: int = Field(default=4, ge=1)
    replication: int = Field(default=1, ge=1)


class ModelSettings(Section):
    """Where bundles are kept."""

    root: Path = Path(".segue/models")


class SessionSettings(Section):
    """When a session ends and when its record is dropped; both rules read data, never a clock."""

    silence_seconds: int = Field(default=1800, ge=1)
    """Event time without an event after which the next event begins a new session."""
    retention_seconds: int = Field(default=7200, ge=1)
    """Broker time without an event after which the record goes and the next event begins anew."""

    @property
    def limits(self) -> Limits:
        """The same in milliseconds, as sessions take it."""
        return Limits(self.silence_seconds * 1000, self.retention_seconds * 1000)


class ScoringSettings(Section):
    """How sessions are scored."""

    k: int = Field(default=10, ge=1, le=100)
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    no_session_repeats: bool = False
    threads: int = Field(default=1, ge=1)
    buckets: tuple[int, ...] = (1, 8, 32, 64, 256)
    slow_factor: float = Field(default=5.0, ge=1)
    """A new model that takes more than so many times as long as the one that serves is refused."""


class WorkerSettings(Section):
    """How one worker process behaves."""

    group: str = "segue-worker"
    """Consumer group and Faust application id: workers of one group share the partitions."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=9100, ge=0, le=65535)
    max_batch: int = Field(default=256, ge=1)
    max_wait_ms: float = Field(default=0.0, ge=0, le=2)
    """How long a batch may wait for company beyond what is already there."""
    commit_interval_seconds: float = Field(default=0.5, gt=0)
    session_timeout_seconds: float = Field(default=10.0, gt=0)
    live_seconds: float = Field(default=30.0, gt=0)
    """Something waits and has not moved for so long: the worker is not live."""
    watchdog_seconds: float = Field(default=60.0, ge=0)
    """Not live for so long: the process ends with code 3, for a supervisor to start another."""
    partitions_check_seconds: float = Field(default=30.0, gt=0)
    """How often the worker looks whether its topics still have the partitions they had."""


class Settings(BaseSettings):
    """Every setting of the running system."""

    model_config = SettingsConfigDict(
        env_prefix="SEGUE_",
        env_nested_delimiter="__",
        toml_file="segue.toml",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,  # it may be a password
    )

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    models: ModelSettings = ModelSettings()
    session: SessionSettings = SessionSettings()
    scoring: ScoringSettings = ScoringSettings()
    worker: WorkerSettings = WorkerSettings()
    privacy: PrivacySettings = PrivacySettings()

    @property
    def changelog(self) -> str:
        """The topic in which the workers of the group keep their sessions."""
        return f"{self.topics.prefix}{self.worker.group}-sessions-changelog"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags, then the environment, then `segue.toml`."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**flags: dict[str, Any]) -> Settings:
    """Read the settings; `flags` are sections, and a value of None there means "not given".

    Raises:
        ConfigError: a key is unknown or a value cannot be used.
    """
    given = {
        section: {key: value for key, value in values.items() if value is not None}
        for section, values in flags.items()
    }
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        got = "" if _secret(first["loc"], first["input"]) else f", got {first['input']!r}"
        raise ConfigError(
            f"setting {where}: {first['msg']}{got}; see streams/settings.py for what is allowed"
        ) from err


def _secret(loc: tuple[int | str, ...], value: object) -> bool:
    """Whether a refused value may be or hold a secret, a misspelt setting's among them."""
    plain = {name for name in KafkaSettings.model_fields if "password" not in name}
    if loc[0] == "kafka":
        return isinstance(value, dict) or loc[-1] not in plain
    return isinstance(value, dict) or loc[0] == "privacy"
