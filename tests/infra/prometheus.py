"""A real Prometheus for tests: Debian's package, on loopback, in a folder that is thrown away."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.infra.compose import ROOT

CONFIG = ROOT / "infra" / "prometheus"
START_SECONDS = 30.0


def tool(name: str) -> str:
    """The path of `prometheus` or `promtool`; without it skip, and where CI is set fail."""
    if path := shutil.which(name):
        return path
    reason = f"{name} is not installed: apt-get install -y prometheus"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of an expression; AssertionError with the reason where it is wrong."""
        asked = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{asked}", timeout=10) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as err:
            raise AssertionError(f"{expression}: {json.load(err)['error']}") from err
        return found


def until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll to a deadline."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


@contextmanager
def running(directory: Path, target: str) -> Iterator[Server]:
    """Serve the repository's rules over what `target` (HOST:PORT) exports, scraped each second."""
    port = free_port()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(CONFIG / "rules.yml"), str(CONFIG / "alerts.yml")],
        "scrape_configs": [{"job_name": "segue-worker", "static_configs": [{"targets": [target]}]}],
    }
    (directory / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    log = directory / "log"
    command = [
        tool("prometheus"),
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:

        def answers() -> bool:
            assert process.poll() is None, log.read_text()[-2000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1).close()
            except OSError:
                return False
            return True

        try:
            until(answers, START_SECONDS, "Prometheus answers")
            yield Server(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(timeout=20)
