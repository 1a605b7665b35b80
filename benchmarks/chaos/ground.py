"""All that can be disturbed, and what it takes to mend it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.topics import Topics

from . import disks
from .cluster import Cluster, Node
from .crew import Crew, Worker
from .job import Job
from .links import Links
from .scraper import Scraper

Script = Iterator["str | float"]
_LOOK = 0.1  # seconds between two looks at something that is waited for


@dataclass
class Ground:
    """All that can be disturbed."""

    cluster: Cluster
    crew: Crew
    links: Links
    topics: Topics
    scraper: Scraper | None = None
    job: Job | None = None

    def worker(self, target: str) -> Worker:
        """The worker of `worker N`."""
        return self.crew.workers[int(target.split()[1])]

    def node(self, target: str) -> Node:
        """The broker of `broker N`, or the one that has a role now."""
        if target.startswith("broker "):
            return self.cluster.node(int(target.split()[1]))
        leader = self.cluster.leader(self.topics.events, 0)
        controller = self.cluster.controller()
        if target == "leader":
            return self.cluster.node(leader)
        if target == "controller":
            return self.cluster.node(controller)
        others = {node.number for node in self.cluster.nodes} - {leader, controller}
        return self.cluster.node(min(others))

    def heal(self) -> None:
        """Mend everything. Raises BrokerError when a broker does not come back."""
        self.links.become("well")
        for node in self.cluster.nodes:
            disks.empty(node.directory)
        self.cluster.heal()
        self.crew.heal()
        if self.scraper is not None:
            self.scraper.start()
        if self.job is not None:
            disks.empty(self.job.base.root)
            self.job.release()
            self.job.start()


def until_over(condition: Callable[[], bool], seconds: float) -> Script:
    """Wait for something, `seconds` at the most."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        yield _LOOK
