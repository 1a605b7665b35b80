"""What is trained and how: layers over layers, unknown keys refused, written as it is read."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.configuration import Configuration, configuration, read_tables, settings
from models.counting.markov import MarkovConfig
from models.encoders.architectures import ARCHITECTURES
from models.hybrid import HybridConfig
from models.losses.loss import LossConfig
from models.second_stage.rerank import RerankConfig
from models.training.schedule import Schedule

SASREC = {"model": {"architecture": "sasrec"}}


def test_later_layers_win_key_by_key():
    found = configuration(
        SASREC,
        {"schedule": {"epochs": 3, "batch": 64}, "loss": {"strengths": [1]}},
        settings(["schedule.epochs=4", "model.width=32", "loss.name=skip-contrastive"]),
    )
    assert found.schedule == Schedule(epochs=4, batch=64)
    assert found.loss == LossConfig(name="skip-contrastive", strengths=(1,))
    assert (found.model(9).width, found.model(9).items) == (32, 9)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_is_written_as_it_is_read(architecture):
    found = Configuration(architecture=architecture)
    again = configuration(tomllib.loads(found.toml()))
    assert again.model(7) == found.model(7)
    assert again.toml() == found.toml()


@given(
    st.builds(
        Schedule,
        epochs=st.none() | st.integers(1, 99),
        learning_rate=st.floats(1e-12, 1e3),
        betas=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
        seconds=st.none() | st.floats(1e-3, 1e9),
    )
)
def test_a_schedule_survives_being_written(schedule):
    written = Configuration(architecture="sasrec", schedule=schedule).toml()
    assert configuration(tomllib.loads(written)).schedule == schedule


def test_a_table_of_counts_makes_a_hybrid_and_survives_being_written():
    assert configuration(SASREC).counts is None
    assert configuration(SASREC, {"counts": {}}).counts == HybridConfig()
    given = {"counts": {"floor": 0.01, "weight": 0.5, "markov": {"decays": [1.0, 0.5]}}}
    found = configuration(SASREC, given)
    assert found.counts == HybridConfig(
        floor=0.01, weight=0.5, markov=MarkovConfig(decays=(1.0, 0.5))
    )
    assert configuration(tomllib.loads(found.toml())).counts == found.counts


def test_a_table_of_rerank_puts_a_second_stage_behind_and_survives_being_written():
    assert configuration(SASREC).rerank is None
    assert configuration(SASREC, {"rerank": {}}).rerank == RerankConfig()
    found = configuration(SASREC, {"counts": {}}, {"rerank": {"width": 8, "skips": 0.5}})
    assert found.rerank == RerankConfig(width=8, skips=0.5)
    assert configuration(tomllib.loads(found.toml())).rerank == found.rerank
    assert configuration(SASREC, settings(["rerank.width=9"])).rerank == RerankConfig(width=9)


def test_a_setting_is_toml_or_the_plain_string_that_it_is():
    found = settings(["a.b=1", "a.c=true", "a.d=[1, 2]", "a.e=ce", 'a.f="ce"', "b.g = 1e-3"])
    assert found == {"a": {"b": 1, "c": True, "d": [1, 2], "e": "ce", "f": "ce"}, "b": {"g": 0.001}}


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        ({"los": {"name": "ce"}}, "table 'los': expected one of model, loss, schedule"),
        ({"loss": "ce"}, "table 'loss': expected one of"),
        ({"loss": {"nam": "ce"}}, "loss has no nam; its keys are alpha"),
        ({"loss": {"name": "bce"}}, "loss.name is 'bce', expected one of ce"),
        ({"schedule": {"epochs": "ten"}}, "schedule: Expected `int . null`, got `str`"),
        ({"schedule": {"batch": 0}}, "batch"),
        ({"model": {"architecture": "gpt"}}, "architecture 'gpt', expected one of sasrec"),
        ({"model": {"width": "wide"}}, "sasrec: Expected `int`, got `str`"),
        ({"model": {"heads": 7}}, "not divisible by 7 heads"),
        ({"counts": {"floor": 0.0}}, "floor, most and weight must be above 0"),
        ({"rerank": {"candidates": 9}}, "candidates must be 20 or more"),
        ({"rerank": {"depth": 9}}, "rerank has no depth; its keys are batch"),
        ({"counts": {"flor": 1.0}}, "counts has no flor; its keys are floor"),
        ({"model": {"items": 7}}, "model.items is given by the data"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(layer, named):
    with pytest.raises(ValueError, match=named):
        configuration(SASREC, layer)


def test_an_architecture_must_be_named():
    with pytest.raises(ValueError, match=r"model\.architecture is not given"):
        configuration({"loss": {"name": "ce"}})


@pytest.mark.parametrize("text", ["epochs=3", "schedule.epochs", "schedule.=3"])
def test_a_setting_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match=r"expected TABLE\.KEY=VALUE"):
        settings([text])


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path):
    (tmp_path / "x.toml").write_text("[loss\n")
    with pytest.raises(ValueError, match=r"x.toml is no TOML"):
        read_tables(tmp_path / "x.toml")


def test_an_architecture_has_a_schedule_of_its_own_under_what_is_given():
    gru = {"model": {"architecture": "gru4rec"}}
    assert configuration(gru).schedule == Schedule(batch=32, learning_rate=1e-2)
    given = configuration(gru, {"schedule": {"batch": 64}}).schedule
    assert given == Schedule(batch=64, learning_rate=1e-2)
    assert configuration({"model": {"architecture": "sasrec"}}).schedule == Schedule()
