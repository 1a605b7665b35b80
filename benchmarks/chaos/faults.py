"""What each kind of fault does: a script that acts, yields how long to wait, and acts again.

A script ends with what it disturbed mended or on its way back, `fault.seconds` after its beginning.
Roles (leader, controller, follower) are looked up when the fault begins. Of texts, the first that a
script yields is whom it hit, the second what that came to.
"""

from __future__ import annotations

from collections.abc import Callable

from . import broker_faults, learning_faults, worker_faults
from .ground import Ground, Script
from .schedule import Fault


def script(ground: Ground, fault: Fault) -> Script:
    """The script of a fault; it begins when it is first asked."""
    return SCRIPTS[fault.kind](ground, fault)


def _link(mood: str) -> Callable[[Ground, Fault], Script]:
    def disturbed(ground: Ground, fault: Fault) -> Script:
        broker = None if fault.target == "all" else int(fault.target.split()[1])
        ground.links.become(mood, broker=broker)
        yield "all links" if broker is None else f"link of {fault.target}"
        yield fault.seconds
        ground.links.become("well", broker=broker)

    return disturbed


def _players(_: Ground, fault: Fault) -> Script:
    """Wait only: the players know the schedule."""
    yield fault.target
    yield fault.seconds


def _prometheus_down(ground: Ground, fault: Fault) -> Script:
    assert ground.scraper is not None
    ground.scraper.kill()
    yield fault.target
    yield fault.seconds
    ground.scraper.start()


SCRIPTS: dict[str, Callable[[Ground, Fault], Script]] = {
    **worker_faults.SCRIPTS,
    **broker_faults.SCRIPTS,
    **learning_faults.SCRIPTS,
    "link-delay": _link("delay"),
    "link-resets": _link("resets"),
    "link-half-open": _link("half-open"),
    "link-cut": _link("cut"),
    "burst": _players,
    "clock-skew": _players,
    "prometheus-down": _prometheus_down,
}
