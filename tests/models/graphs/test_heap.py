"""Large arrays of one step are those of the next; in a process of its own, as it stays so."""

import json
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import json, resource, torch
from models.graphs.heap import keep_large_arrays

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(10_000_000)  # 40 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = faults()
keep_large_arrays()
faults()  # the heap grows to what is asked for
print(json.dumps([given_back, faults()]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_pages_of_a_large_array_are_touched_once():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    given_back, kept = json.loads(done.stdout)
    assert kept < given_back / 10
