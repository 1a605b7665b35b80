"""Rules about the repository itself: what lies where, who imports whom, what may be committed."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("streams", "models", "export", "infra", "cli", "benchmarks")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
OURS = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def loaded_by(*modules: str) -> set[str]:
    """The top-level packages that importing these loads, in an interpreter of their own."""
    script = (
        f"import sys\nfor name in {modules!r}: __import__(name)\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.split())


def modules_of(package: str) -> list[str]:
    paths = (ROOT / package).rglob("*.py")
    names = [relative(path).removesuffix(".py").replace("/", ".") for path in paths]
    folders = {name.removesuffix(".__init__") for name in names if name.endswith("__init__")}
    return sorted(
        name.removesuffix(".__init__")
        for name in names
        if name.rpartition(".")[0] in folders and not name.endswith(".__main__")
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_no_foreign_package_shadows_ours(package):
    assert Path(importlib.import_module(package).__file__ or "").parent == ROOT / package


def test_the_running_system_loads_no_torch():
    loaded = loaded_by(*modules_of("streams"), "infra.broker", "infra.topics", "infra.reader")
    assert "streams" in loaded
    assert "torch" not in loaded


def test_only_the_worker_loads_faust():
    others = [name for name in modules_of("streams") if not name.startswith("streams.worker")]
    assert "faust" not in loaded_by(*others)


@pytest.mark.parametrize(
    ("package", "home"),
    [
        ("faust", r"streams/worker/|benchmarks/"),
        ("mode", r"streams/worker/|benchmarks/"),
        ("onnxruntime", r"streams/scoring\.py|benchmarks/"),
        ("torch", r"models/|export/|cli/|benchmarks/"),
        ("jgo", r"infra/jars\.py"),
        ("testcontainers", r"tests/"),
    ],
)
def test_a_framework_stays_at_home(package, home):
    strangers = [
        relative(path)
        for path in OURS
        if package in imported(path) and not re.match(home, relative(path))
    ]
    assert strangers == []


def test_imports_go_one_way():
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout


def test_nothing_of_ours_prints_but_the_command_line_and_the_benchmarks():
    printing = [
        relative(path)
        for path in OURS
        if not relative(path).startswith(("cli/", "benchmarks/"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert printing == []


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call in a file, by its dotted name as it is written there."""
    return [
        (ast.unparse(node.func), node)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]


def loads_code(name: str, call: ast.Call) -> bool:
    """Whether a call may run what it reads."""
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    if name in ("eval", "exec"):
        return True
    if name == "torch.load":
        return given.get("weights_only") != "True"
    if name in ("np.load", "numpy.load"):
        return given.get("allow_pickle") != "False"
    return name == "yaml.load"


def test_nothing_of_ours_reads_data_that_could_be_code():
    unsafe = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    assert [relative(path) for path in OURS if imported(path) & unsafe] == []
    loading = [
        (relative(path), name) for path in OURS for name, c in calls(path) if loads_code(name, c)
    ]
    assert loading == []


@pytest.mark.parametrize(
    ("code", "unsafe"),
    [
        ("torch.load(f)", True),
        ("torch.load(f, weights_only=False)", True),
        ("torch.load(f, weights_only=True)", False),
        ("np.load(f)", True),
        ("np.load(f, allow_pickle=False)", False),
        ("eval(text)", True),
        ("model.eval()", False),
    ],
)
def test_what_counts_as_reading_code(code, unsafe):
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert loads_code(ast.unparse(call.func), call) is unsafe


def test_a_package_says_what_it_is_in_one_line_and_holds_nothing():
    for path in OURS:
        if path.name == "__init__.py":
            lines = path.read_text("utf-8").splitlines()
            assert len(lines) == 1, path
            assert ast.get_docstring(ast.parse(lines[0])), path


def test_a_file_holds_one_noun():
    long = {relative(p): n for p in OURS if (n := len(p.read_text("utf-8").splitlines())) > 250}
    assert long == {}
    vague = {"utils", "util", "common", "helpers", "helper", "core", "manager", "misc"}
    assert [relative(p) for p in OURS + TESTS if p.stem in vague or p.parent.name in vague] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_index_and_hashes_everything(lock):
    text = lock.read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(index|extra-index|find-links|trusted)", text, re.MULTILINE)
    assert " uv pip compile --universal --python-version 3.11 --generate-hashes " in text
    pins = re.findall(r"^[a-z0-9][^\n]*(?:\n[ ]{4}--hash[^\n]*)*", text, re.MULTILINE)
    assert len(pins) > 20
    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_locks_hold_what_the_project_asks_for_and_agree():
    def pinned(lock: Path) -> dict[str, str]:
        found = re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", lock.read_text("utf-8"), re.MULTILINE)
        return dict(found)

    everything = pinned(ROOT / "requirements.lock")
    worker = pinned(ROOT / "requirements.worker.lock")
    asked = {re.split(r"[<>=!~; \[]", text)[0].lower() for text in PROJECT["dependencies"]}
    assert asked <= worker.keys() <= everything.keys()
    assert "torch" not in worker
    assert all(pinned(lock).items() <= everything.items() for lock in LOCKS), "run `make lock`"


def test_it_is_an_application_that_is_never_uploaded():
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    assert newest
    assert newest[1] == PROJECT["version"]


def test_no_data_weights_or_big_files_are_committed():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    suspect = {".csv", ".parquet", ".onnx", ".pt", ".pth", ".safetensors", ".npz", ".pkl", ".jar"}
    assert [relative(path) for path in files if path.suffix in suspect] == []
    big = [relative(path) for path in files if path.exists() and path.stat().st_size > 400_000]
    assert big == []
