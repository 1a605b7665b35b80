"""`segue recommend --like`: titles in, titles out, on films that a test writes."""

import json

import pytest

from models.data.sources import open_source
from models.factorisation.recipe import FmRecipe
from models.factorisation.training import FmSchedule
from tests.films import write_films


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return write_films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def machine(films, tmp_path_factory):
    """A folder that `segue fm train --new-people` would write."""
    out = tmp_path_factory.mktemp("machine") / "films"
    recipe = FmRecipe(fields=("previous",), schedule=FmSchedule(epochs=15, rate=0.05))
    recipe.made(recipe.read(open_source(films)), 0, lambda epoch, loss, model: None).write(out)
    return str(out)


def test_who_names_films_of_one_kind_is_given_more_of_it_by_title(segue, machine):
    answer = segue("recommend", "--like", "loud film 80", "--like", "81", "--model", machine,
                   "--top", "5", "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["liked"]["loud film 80"][0]["title"] == "Loud Film 80 (1905)"
    titles = [item["title"] for item in told["items"]]
    assert len(titles) == 5
    assert all(title.startswith("Loud") for title in titles)
    assert not {"Loud Film 80 (1905)", "Loud Film 81 (1906)"} & {*titles}


def test_a_person_reads_titles(segue, machine):
    answer = segue("recommend", "--like", "loud film 80", "--model", machine, "--top", "1")
    assert answer.err == "liked: Loud Film 80 (1905)\n"
    assert answer.out.startswith("  1  Loud Film")


def test_one_can_be_trained_on_the_spot(segue, films):
    answer = segue("recommend", "--like", "quiet film 3", "--data", films, "--top", "3", "--json")
    assert answer.code == 0, answer.err
    assert len(json.loads(answer.out)["items"]) == 3


def test_an_unknown_title_is_misuse_and_says_what_is_close(segue, machine):
    answer = segue("recommend", "--like", "lowd film 80", "--model", machine)
    assert answer.code == 2
    assert "no track fits 'lowd film 80'; close to it: Loud Film 80 (1905)" in answer.err


def test_an_unknown_title_is_told_before_any_training(segue, films):
    answer = segue("recommend", "--like", "lowd film 80", "--data", films)
    assert answer.code == 2
    assert answer.err.startswith("segue: no track fits 'lowd film 80'")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "either --model DIR or --data"),
        (("--model", "/nowhere"), "holds no factorisation machine"),
        (("--model", "x", "--data", "simulated"), "either --model DIR or --data"),
    ],
)
def test_misuse_says_what_to_change(segue, options, complaint):
    answer = segue("recommend", "--like", "x", *options)
    assert answer.code == 2
    assert complaint in answer.err
