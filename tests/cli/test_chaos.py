"""`segue chaos`: what it refuses before anything is started; a real run is in tests/benchmarks."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--nodes", "2"), "2 brokers and 3 workers: expected 1 or 3"),
        (("--only", "worker-tickle"), "worker-tickle cannot be had"),
        (("--nodes", "1", "--only", "quorum-loss"), "quorum-loss cannot be had with 1 brokers"),
        (("--kills", "3", "--bounces", "3"), "give --kills or --bounces"),
    ],
)
def test_what_cannot_be_is_misuse(segue, arguments, said):
    code, out, err = segue("chaos", *arguments)
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())


@pytest.mark.parametrize("command", [(), ("soak",), ("recovery",)])
def test_every_command_says_what_it_does(segue, command):
    code, out, _ = segue("chaos", *command, "--help")
    assert code == 0
    assert "--seed" in out
    assert "--json" in out
