"""`segue models`: the registry is shown without a broker, and changed only through one."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from cli.models import app
from infra.broker import BrokerError
from infra.reader import read_to_end
from infra.topics import Topics, create
from models.registry import Registry
from streams.bundle import BundleError
from tests.bundles import counts_files, place, signed


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(root: Path, version: str, **fields: Any) -> Path:
    files = signed(counts_files(), **{"name": "m", "version": version, **fields})
    return place(files, root / "m" / version)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "v1", created_at="2026-11-21T10:00:00Z", metrics={"mrr@20": 0.25})
    write(tmp_path, "v2", created_at="2026-11-21T11:00:00Z", parent="v1")
    return tmp_path


def test_list_gives_every_version_without_a_broker(root):
    rows = json.loads(run("list", "--models", root, "--json").stdout)
    assert [(row["name"], row["version"], row["parent"], row["stage"]) for row in rows] == [
        ("m", "v1", None, None),
        ("m", "v2", "v1", None),
    ]
    assert rows[0]["metrics"] == {"mrr@20": 0.25}
    assert "m v2" in run("list", "--models", root).stdout


def test_an_empty_registry_says_how_to_fill_it(tmp_path):
    assert json.loads(run("list", "--models", tmp_path / "none", "--json").stdout) == []
    assert "segue train" in run("list", "--models", tmp_path / "none").stdout


def test_a_damaged_bundle_is_listed_with_the_reason(root):
    (root / "m" / "v2" / "manifest.json").write_bytes(b"{}")
    assert "manifest.json" in run("list", "--models", root).stdout


def test_show_gives_the_versions_of_a_name_and_its_verdicts(root):
    verdict = {"at": "2026-11-21T12:00:00Z", "event": "finetune", "accepted": False}
    Registry(root).log("m", verdict)
    answer = json.loads(run("show", "m", "--models", root, "--json").stdout)
    assert [row["version"] for row in answer["versions"]] == ["v1", "v2"]
    assert answer["verdicts"] == [verdict]
    assert (
        "2026-11-21T12:00:00Z finetune accepted False" in run("show", "m", "--models", root).stdout
    )


def test_show_of_neither_a_name_nor_a_bundle_is_refused(root):
    assert isinstance(run("show", "nobody", "--models", root).exception, BundleError)


def test_promotion_without_a_broker_says_so(root):
    result = run("promote", "m", "v1", "--models", root, "--bootstrap", "127.0.0.1:1")
    assert isinstance(result.exception, BrokerError)


@pytest.mark.broker
def test_a_promotion_and_a_rollback_are_told_and_seen(broker, root):
    prefix = f"t{uuid4().hex[:8]}."
    topics = Topics.named(prefix)
    create(broker, topics, 1, 1)
    where = ("--models", root, "--bootstrap", broker, "--prefix", prefix)
    for version in ("v1", "v2"):
        assert run("promote", "m", version, *where).exit_code == 0
    stages = {r["version"]: r["stage"] for r in json.loads(run("list", *where, "--json").stdout)}
    assert stages == {"v1": None, "v2": "champion"}
    told = json.loads(run("rollback", "m", *where, "--json").stdout)
    assert [(t["version"], t["stage"]) for t in told] == [("v2", "rolled_back"), ("v1", "champion")]
    last = read_to_end(broker, topics.models).records[-1]
    assert json.loads(last.value or b"")["stage"] == "champion"
    assert [v["event"] for v in Registry(root).verdicts("m")] == [
        "promoted",
        "promoted",
        "rolled_back",
    ]
    (root / "m" / "v1").rename(root / "elsewhere")
    assert "not in this registry" in run("list", *where).stdout


@pytest.mark.broker
def test_a_registry_and_its_champion_come_back_from_a_file(broker, root, tmp_path):
    prefix = f"t{uuid4().hex[:8]}."
    topics = Topics.named(prefix)
    create(broker, topics, 1, 1)
    where = ("--bootstrap", broker, "--prefix", prefix)
    assert run("promote", "m", "v1", "--models", root, *where).exit_code == 0
    file, fresh = tmp_path / "m.tar", tmp_path / "fresh"
    made = json.loads(run("backup", "--to", file, "--models", root, *where, "--json").stdout)
    assert made["versions"] == [["m", "v1"], ["m", "v2"]]
    assert made["announcements"] == ["m"]
    said = run("restore", file, "--models", fresh)
    assert "segue models promote m v1" in said.stdout
    again = run("restore", file, "--models", fresh)
    assert isinstance(again.exception, FileExistsError)
    told = run("restore", file, "--models", fresh, "--force", "--announce", *where, "--json")
    assert json.loads(told.stdout)["champions"] == [["m", "v1"]]
    last = read_to_end(broker, topics.models).records[-1]
    assert json.loads(last.value or b"")["uri"].endswith("/fresh/m/v1")
