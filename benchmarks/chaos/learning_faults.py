"""What happens to the fine-tune job and to its registry's disk: scripts, as faults.py has them.

Each waits for the moment that it is about; a job that does not come to it in time is disturbed at
what it is at, and the report says so.
"""

from __future__ import annotations

import random

from . import disks
from .ground import Ground, Script, until_over
from .job import Job, in_words
from .schedule import Fault

PATIENCE = 60.0
"""Seconds to wait for what a job is to come to."""


def _finetune_kill(ground: Ground, fault: Fault) -> Script:
    job, rng = _job(ground), random.Random(repr(fault))
    moment = rng.choice(("training", "exporting"))
    yield from until_over(lambda: job.doing == moment, PATIENCE)
    yield rng.uniform(0.0, 1.5)
    yield f"the job, {job.doing}"
    job.kill()
    yield fault.seconds
    job.start()


def _finetune_diverging(ground: Ground, fault: Fault) -> Script:
    """Let a job learn at a rate that no weights outlive."""
    job = _job(ground)
    yield from _restarted(job, "--learning-rate", "1e38")
    yield "the job, learning rate 1e38"
    yield from _verdict(job, fault.seconds)
    yield from _restarted(job)


def _finetune_slow(ground: Ground, fault: Fault) -> Script:
    """Stop it for far longer than it may train."""
    job = _job(ground)
    yield from until_over(lambda: job.doing == "training", PATIENCE)
    job.hold()
    yield f"the job, {job.doing}"
    yield fault.seconds
    job.release()
    yield from _verdict(job, 0.0)


def _models_disk_full(ground: Ground, fault: Fault) -> Script:
    """Fill the registry's disk while the job learns what it will write to it.

    Writing takes so short that one may come too late for it; of the verdict, at the least, there
    is something to write.
    """
    job = _job(ground)
    yield from until_over(lambda: job.doing == "training", PATIENCE)
    disks.fill(job.base.root)
    before = len(job.complaints())
    yield f"the registry, while {job.doing}"
    yield fault.seconds
    yield from until_over(lambda: len(job.complaints()) > before, PATIENCE)
    said = job.complaints()[before:]
    disks.empty(job.base.root)
    yield said[0] if said else "the job wrote nothing meanwhile"


SCRIPTS = {
    "finetune-kill": _finetune_kill,
    "finetune-diverging": _finetune_diverging,
    "finetune-slow": _finetune_slow,
    "models-disk-full": _models_disk_full,
}


def _job(ground: Ground) -> Job:
    assert ground.job is not None
    return ground.job


def _restarted(job: Job, *options: str) -> Script:
    job.terminate()
    yield from until_over(lambda: not job.alive, 20)
    job.kill()
    job.start(*options)


def _verdict(job: Job, seconds: float) -> Script:
    """Wait for the next verdict, `seconds` at the least, and say it."""
    before = len(job.verdicts())
    yield seconds
    yield from until_over(lambda: len(job.verdicts()) > before, PATIENCE)
    new = job.verdicts()[before:]
    yield in_words(new[0]) if new else "no verdict"
