"""The service: it answers its own page, refuses everything else with a clear message, stays up."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from lymphokin.pages.messages import catalogue, languages
from lymphokin.web import safety
from lymphokin.web.app import STATIC, make_app
from lymphokin.web.language import SPOKEN
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.audit import AuditLog, verify
from tests.test_files import full_disk

HOST = "127.0.0.1:8080"
TOKEN = "the-token-of-this-start"
JSON = {"Content-Type": "application/json", safety.TOKEN_HEADER: TOKEN}
LARGEST_PAGE = 160_000
"""Bytes, uncompressed (judgement: two seconds at 640 kbit/s)."""
QUESTIONS = ("whatif", "scan", "options", "narrowing", "models")


@pytest.fixture(scope="module")
def app(engine):
    made = make_app(lambda: engine.population, frozenset({HOST}), TOKEN)
    made.state.desk.engine = engine  # warm already
    return made


@pytest.fixture
def client(app, monkeypatch) -> TestClient:
    monkeypatch.setattr(safety, "MOST_PER_SECOND", 10_000)
    return TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def question(patient, pulsed, bare) -> dict:
    return WhatIfRequest(patient=patient, a=pulsed, b=bare).model_dump(mode="json")


def asked(client: TestClient, content: object, path: str = "whatif", **headers: str):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.post(f"/api/v1/{path}", content=body, headers=JSON | headers)


def refused(response, status: int | tuple[int, ...], *reported: str) -> None:
    allowed = status if isinstance(status, tuple) else (status,)
    assert response.status_code in allowed, response.text
    text = json.dumps(response.json()["errors"])
    assert response.json()["errors"]
    for word in reported:
        assert word in text


def test_the_page_gets_its_token_and_every_answer_safe_headers(client):
    page = client.get("/")
    assert TOKEN in page.text
    for response in (page, client.get("/api/v1/health"), client.get("/nothing")):
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in response.headers


def test_the_page_speaks_the_language_of_the_browser_or_the_one_chosen_by_hand(client):
    assert '<html lang="en">' in client.get("/").text
    french = {"Accept-Language": "fr-FR,fr;q=0.9,en;q=0.5"}
    page = client.get("/", headers=french).text
    assert '<html lang="fr">' in page
    assert "schémas" in page
    chosen = client.get("/", headers=french | {"Cookie": "lymphokin_language=en"}).text
    assert '<html lang="en">' in chosen
    odd = client.get("/", headers=french | {"Cookie": "lymphokin_language=<script>"}).text
    assert '<html lang="fr">' in odd
    assert client.get("/catalogue/fr.json").json()["messages"]["record.undone"] == "Annulé."
    refused(client.get("/catalogue/de.json"), 404, "no catalogue")


def test_the_page_weighs_little_and_gets_the_words_of_an_answer_with_it(client, question):
    """Uncompressed, in either language: the page, its files, and sentences of its code alone."""
    plain = {"Accept-Encoding": "identity"}
    files = [f"/static/{path.name}" for path in STATIC.iterdir()]
    for language in languages():
        paths = ("/", f"/catalogue/{language}.json", *files)
        spoken = plain | {"Cookie": f"lymphokin_language={language}"}
        assert sum(len(client.get(p, headers=spoken).content) for p in paths) <= LARGEST_PAGE
    messages = client.get("/catalogue/fr.json").json()["messages"]
    wrong = _with(question, "patient.site", "nowhere")
    assert "words" not in asked(client, wrong).json()
    french = asked(client, wrong, **{SPOKEN: "fr"}).json()
    assert french["words"]["messages"].keys() == {"error.site"}
    assert "error.site" not in messages
    answer = asked(client, question, **{SPOKEN: "fr"}).json()
    words = answer["words"]
    notices = {w["message"]["key"] for w in answer["warnings"]}
    assert notices <= words["messages"].keys() | messages.keys()
    drivers = {d["meaning"] for d in answer["a"]["drivers"]}
    assert drivers
    assert drivers <= words["labels"].keys()
    assert answer["provenance"]["research_use"] in words["labels"]
    assert len(words["labels"]) < len(catalogue("fr")["labels"]) / 3


def test_health_and_form(client, engine):
    assert client.get("/api/v1/health").json()["status"] == "ready"
    form = client.get("/api/v1/form").json()
    fields = {f["name"]: f for f in form["fields"]}
    assert fields["ptv_cm3"]["used"]
    assert not fields["age"]["used"]
    assert {p["name"] for p in form["presets"]} >= {"5x10", "3x18", "10x5", "trial_atra"}
    assert WhatIfRequest.model_validate(form["default"])
    assert "identif" not in json.dumps(form["fields"]).lower()


def test_the_answer_is_that_of_the_engine(client, engine, question):
    response = asked(client, question)
    assert response.status_code == 200
    expected = engine.what_if(WhatIfRequest.model_validate(question)).model_dump(mode="json")
    got = response.json()
    assert {k: v for k, v in got.items() if k != "seconds"} == {
        k: v for k, v in expected.items() if k != "seconds"
    }


def test_before_it_is_warm_it_says_so(engine):
    cold = make_app(lambda: engine.population, frozenset({HOST}), TOKEN)
    client = TestClient(cold, base_url=f"http://{HOST}")
    assert client.get("/api/v1/health").json()["status"] == "warming up"
    assert client.get("/").status_code == 200
    response = asked(client, {"patient": {}, "a": {}, "b": {}})
    refused(response, 503, "warming up")
    assert response.headers["retry-after"]


def test_a_model_that_cannot_be_served_is_said_on_the_page_and_in_the_terminal(caplog):
    def load():
        raise ValueError("a what-if needs a lymphocyte count")

    app = make_app(load, frozenset({HOST}), TOKEN)
    app.state.desk._warm_up()
    health = TestClient(app, base_url=f"http://{HOST}").get("/api/v1/health").json()
    assert (health["status"], health["detail"]) == (
        "failed", "ValueError: a what-if needs a lymphocyte count",
    )  # fmt: skip
    assert "the page cannot answer: ValueError: a what-if needs" in caplog.text


def test_other_pages_and_hosts_are_refused(client, question):
    refused(client.get("/api/v1/health", headers={"Host": "evil.example"}), 400, "Host")
    refused(client.get("/api/v1/health", headers={"Host": "127.0.0.1:81"}), 400, "Host")
    refused(asked(client, question, Origin="https://evil.example"), 403, "Origin")
    refused(asked(client, question, Origin="null"), 403, "Origin")
    refused(asked(client, question, **{"Sec-Fetch-Site": "cross-site"}), 403, "other pages")
    refused(asked(client, question, **{safety.TOKEN_HEADER: "guess"}), 403, "token")
    tab = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert client.get("/", headers=tab).status_code == 200  # a link from a mail
    refused(client.get("/", headers=tab | {"Sec-Fetch-Dest": "iframe"}), 403, "other pages")
    refused(client.get("/", headers=tab | {"Sec-Fetch-Mode": "no-cors"}), 403, "other pages")
    refused(client.get("/api/v1/form", headers=tab), 403, "other pages")
    refused(asked(client, question, **tab), 403, "other pages")
    refused(asked(client, question, **{"Content-Type": "text/plain"}), 415, "JSON")
    refused(client.delete("/api/v1/whatif"), 405, "GET and POST")
    assert asked(client, question, Origin=f"http://{HOST}").status_code == 200


def _with(question: dict, path: str, value: object) -> dict:
    changed = json.loads(json.dumps(question))
    place = changed
    *parents, last = path.split(".")
    for name in parents:
        place = place[int(name)] if name.isdigit() else place[name]
    place[int(last) if last.isdigit() else last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "reported"),
    [
        ("a.fractions", [{"day": i, "gy": 2} for i in range(400)], "at most 40"),
        ("a.fractions.0.gy", -10, "greater than 0"),
        ("a.fractions.0.gy", 0, "greater than 0"),
        ("a.fractions.0.day", 1.5, "integer"),
        ("b.atra", [{"day": 0, "days": 3}, {"day": 1}], "begins in another"),
        ("patient.bsa", 1e308, "3.5"),
        ("patient.site", "<script>alert(1)</script>", "lung_peripheral"),
        ("patient.site", "liver+" * 30 + "liver", "31 lesions"),
        ("patient.sex", "<img src=x onerror=alert(1)>", "'F' or 'M'"),
        ("patient.immune_dose_source", "<script>", "blood"),
        ("patient.counts.0.quantity", "<script>", "alc"),
        ("patient.counts.0.value", 1200, "1e9/L"),
        ("patient.counts.0.value", "NaN", "finite"),
        ("patient.name", "Jane Doe", "not permitted"),
        ("draws", 10**9, "400"),
    ],
)
def test_hostile_values_are_refused_with_their_field(client, question, path, value, reported):
    response = asked(client, _with(question, path, value))
    refused(response, 422, reported)
    assert "<script>" not in response.text
    assert "Jane" not in response.text
    row = response.json()["errors"][0]
    assert row["message"]["key"] in catalogue("fr")["messages"]


def test_hostile_bodies_are_refused_and_the_service_stays_up(client, question, monkeypatch):
    # The service reads NaN as Python does; elsewhere the tests read JSON strictly.
    monkeypatch.setattr(json, "_default_decoder", json.JSONDecoder())
    refused(asked(client, b"{not json"), 422, "not JSON")
    refused(asked(client, b"\xff\xfe\x00"), (400, 422))
    refused(asked(client, b"[" * 30_000), (400, 422))
    refused(asked(client, b""), 422)
    text = json.dumps(question)
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        refused(asked(client, text.replace("10.0", number, 1).encode()), 422, "finite")
    refused(asked(client, _with(question, "patient.site", "x" * 1_000_000)), 413, "64 kB")
    many = [{"day": i % 70, "gy": 2} for i in range(10_000)]
    refused(asked(client, _with(question, "a.fractions", many)), 413)
    lesions = _with(question, "a.fractions.0.lesion", 7)
    refused(asked(client, lesions), 422, "lesion 7, but the patient has 2")
    assert asked(client, question).status_code == 200


HISTOGRAM = """ORGAN,DOSE_GY,VOLUME_CM3
Lungs,0,3000
Lungs,2,3000
Lungs,2.001,0
Heart,0,700
Heart,1,700
Heart,1.001,0
"""
"""Every cm3 of the lungs gets 2 Gy, of the heart 1 Gy."""


@pytest.mark.parametrize(
    ("table", "gray", "source"),
    [
        ("# accepted\nID,IMMUNE_DOSE_GY,IMMUNE_DOSE_SOURCE\nP,1.2345,dicom\n", 1.23, "dicom"),
        ("\ufeffID,IMMUNE_DOSE_GY\nP,2\n", 2.0, None),
        (HISTOGRAM, 0.125 * 2 + 0.1 * 1, "dvh"),
    ],
)
def test_an_immune_dose_is_read_from_a_table(client, table, gray, source):
    got = asked(client, {"text": table}, "dose").json()
    assert (got["immune_dose_gy"], got["immune_dose_source"]) == (pytest.approx(gray), source)


def test_a_table_without_one_immune_dose_is_refused(client):
    head = "ID,IMMUNE_DOSE_GY\n"
    refused(asked(client, {"text": head + "P,1\nQ,2\n"}, "dose"), 422, "one patient", "has 2")
    for dose in ("", "x", "-1", "300"):
        refused(asked(client, {"text": f"{head}P,{dose}\n"}, "dose"), 422, "between 0 and 30 Gy")
    refused(asked(client, {"text": "A,B\n1,2\n"}, "dose"), 422, "a column ORGAN")
    refused(asked(client, {"text": "x" * 3_000_000}, "dose"), 413, "2048 kB")


MEANS = "ORGAN,MEAN_DOSE_GY"


def left_in_english(said: object, words: dict) -> list[str]:
    """Texts with a word of letters in the gaps of messages that no French label stands for."""
    if isinstance(said, list):
        return [text for each in said for text in left_in_english(each, words)]
    if isinstance(said, dict):
        assert said["key"] in words["messages"]
        return left_in_english(list(said["values"].values()), words)
    known = not isinstance(said, str) or said in words["labels"]
    return [] if known or not any(c.isalpha() for c in said) else [said]


@pytest.mark.parametrize(
    ("table", "kept"),
    [
        (f"{MEANS}\nheart,500\n", {"heart", "immune_dose"}),  # impossible
        (f"{MEANS}\nheart,60\n", {"heart", "organ_mean_dose"}),  # may be accepted
        (f"{MEANS}\nheart,45\nlung_left,20\n", {"heart 45", "lungs"}),  # unusual, and one side
        (f"{MEANS}\nheart,1\ncor,2\nHeart,3\n", {"ORGAN", "heart", "Heart"}),
        (f"{MEANS},SEX,FRACTIONS\nheart,1,Q,2.5\n", {"SEX", "Q", "FRACTIONS"}),
        (f"{MEANS},VOLUME_CM3\nbody,1,5000\nheart,1,6000\n",
         {"body", "heart", "organs_over_body", "organ_over_body_dose"}),
        (f"{MEANS},PRESCRIBED_GY,FRACTIONS\nheart,2,50,5\nPTV,5,50,5\n",
         {"ORGAN", "target_over_prescription"}),
        (HISTOGRAM.replace("0,100", "0,50"), {"VOLUME_PERCENT"}),
        ("A,B\n1,2\n", {"ORGAN", "MEAN_DOSE_GY"}),
        (f"{MEANS}\nheart,1,2\n", set()),
    ],
)  # fmt: skip
def test_what_is_said_of_a_dose_table_is_said_in_french(client, table, kept):
    """Beside what stands in the table itself, and names of checks."""
    got = asked(client, {"text": table}, "dose", **{SPOKEN: "fr"}).json()
    said = got.get("notes") or [row["message"] for row in got["errors"]]
    assert said
    assert set(left_in_english(said, got["words"])) <= kept


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2f..%2f..%2fetc/passwd",
        "/static/....//app.py",
        "/static//etc/passwd",
        "/static/%00",
    ],
)
def test_paths_do_not_lead_out_of_the_static_folder(client, path):
    response = client.get(path)
    assert response.status_code in (400, 404)
    assert "import" not in response.text
    assert "root:" not in response.text


def test_too_many_questions_in_a_second_are_refused(app, question, monkeypatch):
    monkeypatch.setattr(safety, "MOST_PER_SECOND", 0)
    client = TestClient(app, base_url=f"http://{HOST}")
    response = asked(client, question)
    refused(response, 429, "in a second")
    assert response.headers["retry-after"] == "1"
    assert client.get("/api/v1/health").status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
paths = st.sampled_from(
    ["patient", "a", "b", "patient.counts", "patient.counts.0", "a.fractions", "a.fractions.0.gy",
     "a.fractions.1.day", "a.pulses", "a.pulses.0.days", "b.start_weekday", "patient.n_lesions",
     "patient.immune_dose_gy", "patient.site", "draws"]
)  # fmt: skip


REFUSED = (400, 413, 422)
"""Not JSON, which knows no Infinity; too long; not a question."""


@settings(max_examples=60)
@given(path=paths, value=json_values, endpoint=st.sampled_from(QUESTIONS))
@example(path="patient", value=float("inf"), endpoint="scan")
def test_whatever_is_asked_is_answered_or_refused(
    client, question, path, value, endpoint, monkeypatch
):
    """Any JSON anywhere: no answer but 200 and 4xx, and no NaN in it."""
    # The service reads NaN and Infinity as Python does; elsewhere the tests read JSON strictly.
    monkeypatch.setattr(json, "_default_decoder", json.JSONDecoder())
    body = json.dumps(_with(question, path, value)).encode()
    response = asked(client, body, endpoint)
    if endpoint in ("whatif", "models"):
        assert response.status_code in (200, *REFUSED)
    else:
        assert response.status_code in REFUSED  # it is a question of another kind
    json.loads(response.text, parse_constant=lambda name: pytest.fail(name))


def test_what_was_asked_is_in_the_log_if_there_is_one(engine, question, tmp_path: Path):
    log = AuditLog(tmp_path / "log.jsonl")
    made = make_app(lambda: engine.population, frozenset({HOST}), TOKEN, log)
    made.state.desk.engine = engine
    client = TestClient(made, base_url=f"http://{HOST}")
    got = asked(client, question).json()
    entry = json.loads(log.path.read_text())
    assert entry["question"] == question
    assert entry["answer"]["difference"] == got["difference"]
    assert verify(log.path).broken_line is None
    with full_disk(log.path.stat().st_size):
        refused(asked(client, question), 507, "no answer without its place in the log", "log.jsonl")
    assert verify(log.path).lines == 1
    assert log.path.stat().st_mode & 0o777 == 0o600
    further = {"patient": question["patient"], "schedule": question["b"]}
    others = {
        "scan": {"kind": "fractions", "x": [5], "y": [10.0]},
        "options": {"bed10_gy": [100, 100], "gy": [10, 10]},
        "narrowing": {"days": [14]},
    }
    for path, more in others.items():
        assert asked(client, further | more, path).status_code == 200
    assert asked(client, question, "models").status_code == 200
    assert asked(client, question | {"draws": 400}).status_code == 200  # a first look
    kinds = [json.loads(line)["kind"] for line in log.path.read_text().splitlines()]
    assert kinds == ["whatif", "scan", "options", "narrowing", "models"]
    assert verify(log.path).broken_line is None
