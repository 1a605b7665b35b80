import errno
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from cli import main
from infra.broker import BrokerError
from streams.bundle import BundleError
from streams.settings import ConfigError

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "polars", "onnx", "onnxruntime", "faust", "kafka", "numpy"}


@pytest.mark.parametrize(
    ("err", "code"),
    [
        (BundleError("damaged"), 1),
        (ConfigError("unknown key"), 2),
        (ValueError("0 partitions"), 2),
        (FileNotFoundError(errno.ENOENT, "no such file"), 2),
        (NotADirectoryError(errno.ENOTDIR, "not a folder"), 2),
        (BrokerError("no broker"), 3),
        (PermissionError(errno.EACCES, "not allowed"), 3),
        (OSError(errno.ENOSPC, "disk full"), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_expected_error_is_one_line_and_its_exit_code(segue, monkeypatch, err, code):
    def fail():
        raise err

    monkeypatch.setattr(main, "app", fail)
    assert segue() == (code, "", f"segue: {err}\n")


@pytest.mark.parametrize("err", [KeyError("x"), OSError(errno.EIO, "input/output error")])
def test_a_defect_is_shown_whole(segue, monkeypatch, err):
    def fail():
        raise err

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(type(err)):
        segue()


def test_debugging_shows_expected_errors_whole_too(segue, monkeypatch):
    monkeypatch.setenv("SEGUE_DEBUG", "1")
    with pytest.raises(BrokerError):
        segue("topics", "check", "--bootstrap", "127.0.0.1:1")


@pytest.mark.parametrize(
    "args", [["nonsense"], ["topics", "create", "--partitions", "0"], ["kafka", "up", "--nope"]]
)
def test_misuse_is_2(segue, args):
    answer = segue(*args)
    assert answer.code == 2
    assert "Error" in answer.err


def test_the_version_is_the_package_s(segue):
    assert segue("--version") == (0, f"segue {version('segue')}\n", "")


def test_every_verb_has_help(segue):
    verbs = [command.name for command in main.app.registered_commands]
    groups = [group.name for group in main.app.registered_groups]
    assert set(verbs) == {
        "demo", "replay", "train", "tune", "eval", "worker", "finetune", "audit", "forget",
        "bench", "recommend", "map",
    }  # fmt: skip
    assert set(groups) == {"kafka", "topics", "data", "models", "graph", "chaos", "dlq", "fm"}
    for name in (*verbs, *groups):
        answer = segue(str(name), "--help")
        assert answer.code == 0
        assert "Usage" in answer.out


def test_help_imports_nothing_heavy():
    script = (
        "import sys; sys.argv = ['segue', '--help']\n"
        "from cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert set(ran.stderr.split()) & HEAVY == set()
