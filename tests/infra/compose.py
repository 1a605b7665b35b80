"""docker-compose.yml as Compose reads it: merge keys, `.env`, `${NAME:-default}`; no engine."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def pins() -> dict[str, str]:
    """The image versions of `.env`."""
    lines = (ROOT / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def compose(**environment: str) -> dict[str, Any]:
    """The file with its variables filled in: the environment, then `.env`, then the default."""
    known = {**pins(), **environment}

    def fill(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if name in known:
            return known[name]
        if kind == "-":
            return str(rest)
        raise KeyError(f"{name} has no value and no default")

    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(fill, text))
    return read


def services(**environment: str) -> dict[str, dict[str, Any]]:
    """The services by name."""
    found: dict[str, dict[str, Any]] = compose(**environment)["services"]
    return found
