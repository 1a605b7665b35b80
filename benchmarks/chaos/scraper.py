"""A Prometheus that scrapes the workers, for the fault in which it is gone."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from ..demo.processes import Child, Processes


def program() -> str | None:
    """The Prometheus of this machine."""
    return shutil.which("prometheus")


class Scraper:
    """Prometheus on some workers' metrics ports."""

    def __init__(
        self, processes: Processes, folder: Path, port: int, targets: Sequence[int]
    ) -> None:
        self._processes, self._folder, self._port = processes, folder, port
        self._child: Child | None = None
        self._starts = 0
        folder.mkdir(parents=True, exist_ok=True)
        jobs = [
            {
                "job_name": "segue-worker",
                "static_configs": [{"targets": [f"127.0.0.1:{target}" for target in targets]}],
            }
        ]
        # JSON is YAML.
        config = {"global": {"scrape_interval": "2s"}, "scrape_configs": jobs}
        (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")

    def start(self) -> None:
        """Start it, if it does not run."""
        if self._child is not None and self._child.status is None:
            return
        command = [
            program() or "prometheus",
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        self._child = self._processes.start(f"prometheus-{self._starts}", command)
        self._starts += 1

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._child.send(signal.SIGKILL)
            self._child.end(time.monotonic() + 5)
