"""A process's own HTTP port: `/metrics` for Prometheus, `/ready` and `/live` for whoever runs it.

Loopback unless told otherwise, in a thread of its own, and with no session in it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST


class PortError(OSError):
    """The port for metrics cannot be had."""


@dataclass
class Health:
    """Why a process is not ready, and why it is not live; None where it is."""

    unready: str | None = None
    stalled: str | None = None


def serve_metrics(
    registry: CollectorRegistry, host: str, port: int, health: Health | None = None
) -> ThreadingHTTPServer:
    """Serve until `shutdown()`; port 0 lets the system choose (see `server_address`).

    A process that stands is neither live nor ready.

    Raises:
        PortError: the port cannot be had.
    """
    told = health or Health()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == "/metrics":
                self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
            elif path == "/ready":
                self._probe("ready", told.stalled or told.unready)
            elif path == "/live":
                self._probe("live", told.stalled)
            else:
                self._answer(404, b"see /metrics, /ready, /live\n")

        def _probe(self, what: str, why_not: str | None) -> None:
            if why_not is None:
                self._answer(200, f"{what}\n".encode())
            else:
                self._answer(503, f"not {what}: {why_not}\n".encode())

        def _answer(self, status: int, body: bytes, kind: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not news."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as err:
        raise PortError(
            f"metrics port {host}:{port}: {err.strerror}; choose another with --metrics-port, "
            "or 0 for any that is free"
        ) from err
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="segue-metrics", daemon=True).start()
    return server
