"""The same question gets the same number from the service, from `whatif` and from `predict`.

`predict` of one patient asks about one schedule. Its question is that of the page's schedule A, to
which the counts so far belong; it is that of B, too, while no count was taken after treatment
began. `predict` of an event table follows each patient's records by another engine: it agrees to
what random draws leave. That page, figure and print show the service's number is looked at in a
browser, in tests/web/test_same_number.py.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import lymphokin.run
from lymphokin import cli
from lymphokin.run import Fit, open_run
from lymphokin.web.app import make_app
from lymphokin.whatif import what_if
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.limits import PREVIEW_DRAWS
from lymphokin.whatif.population import population_draws
from tests.conftest import SavedRun
from tests.whatif.test_service import HOST, TOKEN, asked

PATIENT = {"site": "lung_peripheral", "n_lesions": 2}
BEFORE = {"day": -1, "value": 1.3}
LATER = {"day": 14, "value": 0.72}
SCHEDULES = {"a": [10.0] * 5, "b": [18.0] * 3}
"""Gy on the first days."""
DEPTH = {
    "quantity": "alc",
    "what": "area_below",
    "from": "first_fraction",
    "until": 105,
    "below": 0.8,
    "visits": [14, 42, 105],
    "meaning": "Depth below 0.8 in the 105 days from the first fraction",
}
"""An endpoint with a decimal."""


def question_of(
    counts: Sequence[dict], endpoint: str | dict = "grade2_week6", draws: int = PREVIEW_DRAWS
) -> dict[str, Any]:
    """A question as the page asks it."""
    schedules = {
        key: {"fractions": [{"day": day, "gy": gy} for day, gy in enumerate(doses)]}
        for key, doses in SCHEDULES.items()
    }
    patient = {**PATIENT, "counts": list(counts)}
    return {"patient": patient, **schedules, "endpoint": endpoint, "draws": draws}


def numbers_of_commands(question: dict, run: Path | None, folder: Path) -> dict[str, dict]:
    """What is judged under a and b, by `whatif`, and by `predict` where it asks the same."""
    paths = {name: folder / f"{name}.json" for name in ("patient", "a", "b")}
    for name, path in paths.items():
        path.write_text(json.dumps(question[name]))
    of_patient = ["--patient", paths["patient"], "--json"]
    endpoint = question["endpoint"]
    if isinstance(endpoint, dict):
        keys = "\n".join(f"{k} = {json.dumps(v)}" for k, v in endpoint.items() if k != "name")
        (folder / "endpoint.toml").write_text(f"[endpoints.{endpoint['name']}]\n{keys}\n")
        endpoint = folder / "endpoint.toml"
    of_patient += ["--endpoint", endpoint, "--draws", question["draws"]]

    def printed(*arguments: object) -> dict:
        done = CliRunner().invoke(cli.app, [str(a) for a in arguments])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    both = printed("whatif", *of_patient, "--schedule", paths["a"], "--schedule", paths["b"],
                   *(["--run", run] if run else []))  # fmt: skip
    begun = any(count["day"] > 0 for count in question["patient"]["counts"])
    for key in "a" if begun else "ab":
        alone = printed("predict", *([run] if run else []), *of_patient, "--schedule", paths[key])
        assert alone["judged"] == both[key]["judged"]
    return {key: both[key]["judged"]["planned"] for key in "ab"}


@pytest.fixture(scope="module")
def published(engine: Engine) -> Engine:
    """The default model after published cohorts; what it shares with `engine` is compiled."""
    made = Engine(population_draws(None))
    made.solver = engine.solver
    return made


@pytest.fixture(scope="module")
def opened(hedos_run: SavedRun) -> Fit:
    """The run as it is read from its folder."""
    return open_run(hedos_run.folder)


@pytest.mark.parametrize(
    "source", ["published cohorts", pytest.param("a run", marks=pytest.mark.long)]
)
def test_service_and_commands_give_one_number(
    source: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = None
    if source == "a run":
        run = request.getfixturevalue("hedos_run").folder
        fit = request.getfixturevalue("opened")
        monkeypatch.setattr(lymphokin.run, "open_run", lambda *_: fit)  # so that it compiles once
        engine = what_if.engine_of(fit)
    else:
        engine = request.getfixturevalue("published")
        monkeypatch.setattr(what_if, "engine_of", lambda *_: engine)
    app = make_app(lambda: engine.population, frozenset({HOST}), TOKEN)
    app.state.desk.engine = engine
    client = TestClient(app, base_url=f"http://{HOST}")
    for counts, endpoint in (
        ([BEFORE], "grade2_week6"),
        ([BEFORE, LATER], "day30"),
        ([BEFORE], {"name": "depth", **DEPTH}),
    ):
        question = question_of(counts, endpoint)
        answer = asked(client, question).json()
        assert "errors" not in answer, answer
        served = {key: answer[key]["judged"]["planned"] for key in "ab"}
        assert numbers_of_commands(question, run, tmp_path) == served
