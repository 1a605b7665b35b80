"""Runs the scripts of faults at their moments, and looks after what fell down by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra.broker import BrokerError

from .crew import Ending
from .faults import script
from .ground import Ground, Script
from .schedule import Fault, lanes

_LOOK = 0.05
_TRIES = 10  # to look up a role, a second apart


@dataclass
class Done:
    """What became of a fault; moments are seconds since 1970."""

    fault: Fault
    hit: str = ""
    came_to: str = ""  # where there is more to say of it than that it is over
    began: float | None = None
    ended: float | None = None
    skipped: str = ""  # why it could not be done

    script: Script | None = None
    wakes: float = 0.0
    tries: int = 0


class Timeline:
    """The faults of one run; `began` is when the load did, in seconds since 1970."""

    def __init__(
        self, ground: Ground, faults: Sequence[Fault], began: float, tell: Callable[[str], None]
    ) -> None:
        self.done = [Done(fault) for fault in faults]
        self._ground, self._began, self._tell = ground, began, tell

    def run(self, seconds: float, each: Callable[[float], None] = lambda second: None) -> None:
        """Run until `seconds` after the load began and until every script is over."""
        while self._second() < seconds or any(self._open(done) for done in self.done):
            for done in self.done:
                due = self._second() >= max(done.fault.second, done.wakes)
                if due and self._open(done) and not self._in_the_way(done):
                    self._advance(done)
            for number in self._ground.cluster.look():
                self._say(f"broker {number} had ended and was started again")
            for ending in self._ground.crew.look():
                if not ending.asked:
                    self._say(said(ending))
            if self._ground.job is not None and (status := self._ground.job.look()) is not None:
                self._say(f"the fine-tune job ended by itself with status {status}")
            each(self._second())
            time.sleep(_LOOK)

    def _advance(self, done: Done) -> None:
        if done.script is None:
            done.script, done.began = script(self._ground, done.fault), time.time()
        try:
            step = next(done.script)
            if isinstance(step, str):
                if done.hit:
                    done.came_to = step
                    self._say(f"{done.fault.kind}: {step}")
                else:
                    done.hit = step
                    self._say(f"{done.fault.kind}: {step}, for {done.fault.seconds:g} s")
                step = next(done.script)
            assert not isinstance(step, str)
            done.wakes = self._second() + step
        except StopIteration:
            done.ended = time.time()
            self._say(f"{done.fault.kind}: over")
        except BrokerError as err:
            self._later(done, str(err).splitlines()[0])

    def _in_the_way(self, done: Done) -> bool:
        """Whether another of its lanes, which took longer than planned, is not over yet."""
        return done.script is None and any(
            other.script is not None
            and self._open(other)
            and lanes(other.fault) & lanes(done.fault)
            for other in self.done
        )

    def _later(self, done: Done, why: str) -> None:
        """Try a fault that could not begin once more, or leave it out."""
        done.tries += 1
        if not done.hit and done.tries < _TRIES:
            done.script, done.began, done.wakes = None, None, self._second() + 1
            return
        done.skipped = why
        self._say(f"{done.fault.kind}: left out, {why}")

    def _second(self) -> float:
        return time.time() - self._began

    def _say(self, text: str) -> None:
        self._tell(f"{self._second():6.1f} s  {text}")

    @staticmethod
    def _open(done: Done) -> bool:
        return done.ended is None and not done.skipped


def said(ending: Ending) -> str:
    """An end that nobody asked for, in words."""
    status = ending.status
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return f"worker {ending.worker} ended by itself with {how}; it is started again"
