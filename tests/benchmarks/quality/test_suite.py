"""The suites that there are can be read, and what is no suite is refused."""

import pytest

from benchmarks.quality.comparisons import METRICS
from benchmarks.quality.suite import FOLDER, read_suite, suite_names
from benchmarks.quality.tables import heading

TEXT = """
title = "mine"
data = "sessions"
protocols = ["next-track"]
columns = ["mrr@20", "hit_rate@10"]
compared = ["mrr@20"]
[split]
fractions = [0.8, 0.1, 0.1]
[quick]
sessions = 50
epochs = 1
[defaults.schedule]
epochs = 7
[models]
plain = { model = { architecture = "sasrec" } }
small = { config = "small.toml", schedule = { batch = 8 }, loss = { strengths = [1] } }
"""
SMALL = """
[model]
architecture = "sasrec"
width = 16
[loss]
name = "skip-contrastive"
[schedule]
epochs = 9
batch = 32
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    return tmp_path / "mine.toml"


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_names_models_that_can_be_built(name):
    suite = read_suite(FOLDER / f"{name}.toml")
    assert suite.data == name
    assert set(suite.compared) <= set(METRICS)
    assert len([heading(column) for column in suite.columns]) > 2
    for entry in suite.models:
        assert entry.configuration.model(10).items == 10
    assert len({entry.name for entry in suite.models}) == len(suite.models)


def test_a_model_is_a_line_over_the_suites_defaults_or_over_a_file(path):
    path.write_text(TEXT)
    (plain, first), (small, second) = read_suite(path).models
    assert (plain, first.loss.name, first.schedule.epochs) == ("plain", "ce", 7)
    assert (small, second.loss.name, second.loss.strengths) == ("small", "skip-contrastive", (1,))
    assert (second.schedule.epochs, second.schedule.batch) == (9, 8)
    assert second.sizes == {"width": 16}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "mine"', ""),
        ('title = "mine"', "title = mine"),
        ("fractions =", "shares ="),
        ('["next-track"]', '["all"]'),
        ("[quick]\nsessions = 50", "[quick]"),
        ("epochs = 7", "epochs = 0"),
        ("strengths = [1]", "strengths = [9]"),
        ("batch = 8", "speed = 8"),
        ('"small.toml"', '"none.toml"'),
        ('{ model = { architecture = "sasrec" } }', "3"),
    ],
)
def test_what_is_no_suite_is_refused_with_its_file(path, old, new):
    assert old in TEXT
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ValueError, match=r"mine\.toml"):
        read_suite(path)


def test_models_are_chosen_by_name_or_architecture(path):
    path.write_text(TEXT)
    suite = read_suite(path)
    assert [entry.name for entry in suite.chosen(("small",)).models] == ["small"]
    assert [entry.name for entry in suite.chosen(("sasrec",)).models] == ["plain", "small"]
    assert suite.chosen(None) == suite
    path.write_text(TEXT.replace("plain =", "sasrec ="))
    assert [entry.name for entry in read_suite(path).chosen(("sasrec",)).models] == ["sasrec"]
    with pytest.raises(ValueError, match="no model mine; expected some of plain, sasrec, small"):
        suite.chosen(("mine",))


def test_a_quick_look_has_few_epochs_of_everything(path):
    path.write_text(TEXT)
    assert {e.configuration.schedule.epochs for e in read_suite(path).hastened().models} == {1}
