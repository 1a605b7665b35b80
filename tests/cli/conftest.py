"""The command line, run in this process as `main` runs it."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from cli.main import main


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def segue(monkeypatch, capsys) -> Callable[..., Answer]:
    """Run `segue ARGS...`."""

    def run(*args: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["segue", *args])
        try:
            main()
        except SystemExit as end:
            code = end.code
        else:
            code = 0
        out, err = capsys.readouterr()
        return Answer(code if isinstance(code, int) else int(bool(code)), out, err)

    return run
