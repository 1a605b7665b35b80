"""Known tracks taken for cold ones, asked for as serving would."""

import json

from benchmarks.cold_items import main
from export.write import write_bundle
from models.data.sources import open_source
from models.encoders.sasrec import SASRecConfig
from models.hybrid import parts_of
from models.items.track_embeddings import write_embeddings
from models.losses.loss import LossConfig
from models.recipe import prepare
from models.training.schedule import Schedule
from models.training.train import train
from tests.colistening import factorised

DATA = "simulated:sessions=300,tracks=100,seed=1"


def test_rows_made_of_the_file_lie_between_the_models_own_and_those_that_know_nothing(
    tmp_path, capsys
):
    prepared = prepare(open_source(DATA))
    sizes = {"length": 10, "width": 16, "blocks": 1, "heads": 2, "dropout": 0.0}
    config = SASRecConfig(items=prepared.train.n_items, **sizes)  # type: ignore[arg-type]
    schedule = Schedule(epochs=12, batch=32, learning_rate=1e-2)
    model = train(prepared.train, prepared.valid, config, LossConfig(), schedule).model
    write_bundle(
        tmp_path / "v1",
        name="small",
        catalog=prepared.catalog,
        metrics={},
        training=prepared.training(),
        **parts_of(model, None, prepared.train.counts()),
    )
    embeddings = factorised(prepared.train, 16, split=prepared.split.record())
    write_embeddings(tmp_path / "items.safetensors", embeddings)
    arguments = [
        "--bundle", str(tmp_path / "v1"), "--items", str(tmp_path / "items.safetensors"),
        "--data", DATA, "--out", str(tmp_path / "out.json"), "--json",
    ]  # fmt: skip
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads((tmp_path / "out.json").read_text())
    assert result["tracks"]["cold"] == result["tracks"]["known"] // 5
    hits = {row["rows"]: row["cold"]["hit_rate@20"] for row in result["rows"]}
    assert hits["own rows"] > hits["neighbours"] > hits["mean row"]
    assert main([*arguments, "--part", "valid"]) == 0
    other = json.loads(capsys.readouterr().out)
    assert (result["part"], other["part"]) == ("test", "valid")
    assert other["rows"] != result["rows"]
