"""Two languages say the same: the same sentences with the same gaps, and nothing is left unsaid."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import lymphokin
from lymphokin.literature.posterior import literature_draws
from lymphokin.model import load_model
from lymphokin.pages.messages import CATALOGUES, catalogue, heard, languages, say
from lymphokin.plausible import CHECKS
from lymphokin.population.provenance import provenance_of
from lymphokin.population.seen import NAMES
from lymphokin.sites import shipped_sites
from lymphokin.web.form import form_of
from lymphokin.web.language import accepted
from lymphokin.whatif.judging import LESIONS, offered

PACKAGE = Path(lymphokin.__file__).parent
BY_CHOICE = {
    "template": (),
    "browser": ("happens.", "headline.", "models.none_", "models.no_second_"),
    "service": ("input.", "counts.used_", "dose."),
}
"""Beginnings of keys that are put together from what is said, by who says them."""
SCHEMES = ("record.{}_refused", "record.{}_loaded", "scan.x_{}", "scan.y_{}")
KINDS = {"template": (".j2",), "browser": (".js",), "service": (".py",)}


def parts_of(language: str) -> dict[str, dict]:
    """The file of a language: sentences by who says them, and labels."""
    return json.loads((CATALOGUES / f"{language}.json").read_text(encoding="utf-8"))


def gaps(message: str | dict[str, str]) -> set[str]:
    texts = [message] if isinstance(message, str) else list(message.values())
    return {gap for text in texts for gap in re.findall(r"\{(\w+)\}", text)}


def sources(kinds: tuple[str, ...]) -> str:
    files = [p for p in PACKAGE.rglob("*") if p.suffix in kinds]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.core
def test_every_language_has_the_same_sentences_with_the_same_gaps():
    first, *others = (catalogue(language)["messages"] for language in languages())
    assert len(first) > 200
    assert {len(c) for c in map(parts_of, languages())} == {4}
    for language, other in zip(languages()[1:], others, strict=True):
        assert [list(parts_of(language)[part]) for part in KINDS] == [
            list(parts_of("en")[part]) for part in KINDS
        ]
        assert {k: gaps(m) for k, m in other.items()} == {k: gaps(m) for k, m in first.items()}
        assert all(set(m) == {"one", "other"} for m in other.values() if isinstance(m, dict))


@pytest.mark.core
@pytest.mark.parametrize("said_by", KINDS)
def test_every_sentence_stands_with_those_who_say_it(said_by):
    """Everything that is said is there, and nothing else: what the browser gets, its code says."""
    known, code = parts_of("en")[said_by], sources(KINDS[said_by])
    asked = set(re.findall(r"""\b(?:t|parts|say|RefusedError)\(\s*"([a-z]+\.\w+)\"""", code))
    assert asked <= set(known) | set(parts_of("en")["browser"])
    schemes = [scheme.split("{}") for scheme in SCHEMES if said_by == "browser"]
    unused = [
        key
        for key in known
        if f'"{key}"' not in code
        and not key.startswith(BY_CHOICE[said_by])
        and not any(key.startswith(a) and key.endswith(b) for a, b in schemes)
    ]
    assert unused in ([], ["page.this_language"])  # which says() puts into the template


@pytest.mark.core
def test_what_is_quoted_of_a_file_stays_as_it_stands_there():
    said = heard("3.200 can be read as 3.200 or as 3200", "dose.")
    assert said.values == {"word": "3.200", "one": "3.200", "other": "3200"}
    assert heard("the same patient as 7?", "dose.").values == {"other": "7"}
    assert heard("3.20 Gy", "dose.").text == "3.20 Gy"
    assert heard("0.5 Gy in 25", "dose.").values == {"gy": 0.5, "fractions": 25}
    assert heard("1.2e+04 Gy", "dose.").values == {"gy": 12000}


@pytest.mark.core
def test_what_is_heard_of_the_dose_room_is_what_it_says():
    """The longest piece of each sentence stands in the code, or in a check of plausibility."""
    code = re.sub(r'"\s*\n\s*f?"', "", sources(KINDS["service"]))  # texts that go over lines
    code += "\n".join([check.compared for check in CHECKS.values()])
    for key, text in parts_of("en")["service"].items():
        if key.startswith("dose.") and key not in ("dose.as_it_came", "dose.open_quotes"):
            piece = max(re.split(r"\{\w+\}", text), key=len)
            assert piece.strip(" (:,") in code, key


def test_all_that_the_page_shows_of_the_default_model_has_its_word_in_every_language():
    form = form_of(literature_draws())
    texts = [e.meaning for e in form.endpoints] + form.provenance.limits + list(NAMES.values())
    texts += [form.provenance.title, form.provenance.research_use]
    texts += [q.label for q in (*form.counts, *form.levels, *form.drugs)]
    texts += [form.link.assumes, form.link.without] if form.link else []
    for field in form.fields:
        texts += [field.label, field.help, field.unit, *(c.label for c in field.choices)]
    texts += [p.meaning for p in load_model("myeloid_lymphoid").table]
    for language in languages()[1:]:
        labels = catalogue(language)["labels"] | shipped_sites().labels(language)
        assert sorted({*texts} - {*labels} - {""}) == []


@pytest.mark.core
def test_what_a_model_expects_of_its_composites_is_said_on_the_page_in_every_language():
    model = load_model("abscopal_cd8")
    expected = {c.expected for c in model.table.composites.values()} - {""}
    assert any("without a checkpoint inhibitor" in sentence for sentence in expected)
    assert expected <= set(provenance_of(model, "prior", "for a test").limits)
    for language in languages()[1:]:
        assert expected <= set(catalogue(language)["labels"])


@pytest.mark.core
def test_folds_have_their_words_in_every_language_and_at_the_level_they_do_not_happen():
    model = load_model("abscopal_cd8")
    folds = [endpoint for endpoint in offered(model) if endpoint.of_fold]
    texts = {*(fold.meaning for fold in folds), *LESIONS.values(), model.observables["cd8"].label}
    for language in languages()[1:]:
        assert texts <= set(catalogue(language)["labels"])
    for fold in folds:
        level = np.log([fold.below or fold.above or np.nan])
        assert not fold.of_folds(level)
        assert ("fewer than" if fold.below else "more than") in fold.meaning


@pytest.mark.core
def test_the_template_of_the_page_has_no_words_of_its_own():
    template = (PACKAGE / "web" / "what_if.html.j2").read_text(encoding="utf-8")
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<code>.*?</code>|<[^>]*>", " ", template)
    assert set(re.findall(r"\w+", text)) == {"lymphokin"}
    assert re.findall(r'(?:aria-label|title|placeholder)="(?!\{\{)', template) == []


@pytest.mark.core
def test_a_sentence_is_said_in_english_where_no_page_says_it():
    assert say("notice.weekend", days=[5, 6.0]).text == "fractions on a weekend (day 5 and day 6)"
    lost = say("error.late_count", day=9, day_end=7.5).text
    assert lost == "day 9 is not a day before the last one that is judged (day 7.5)"
    with pytest.raises(KeyError):
        _ = say("notice.weekend").text


@pytest.mark.core
@pytest.mark.parametrize(
    ("header", "language"),
    [("fr", "fr"), ("fr-CA,fr;q=0.8", "fr"), ("de, fr;q=0.7, en;q=0.3", "fr"), ("en-GB,fr", "en"),
     ("", "en"), ("de", "en"), ("fr;q=0", "en"), ("fr;q=x, en;q=0.1", "en"), ("*", "en")],
)  # fmt: skip
def test_the_browser_is_answered_in_the_language_that_it_prefers(header, language):
    assert accepted(header) == language
