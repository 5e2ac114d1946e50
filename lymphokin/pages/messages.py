"""Sentences by key, so that a page can say in its reader's language what is said here in English.

A catalogue is a file per language (`catalogue/en.json`). Its sentences, by key and with gaps such
as ``{day}``, stand under who says them: ``template``, the page's HTML; ``browser``, its code; and
``service``, whatever is said in Python. ``labels`` translate texts that come from tables and
models. A text without a label is shown as it is: a model of one's own keeps its own words.

The browser gets its own sentences once; sentences of the service and labels come with the answers
that need them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, computed_field

from lymphokin.pages.wording import joined

CATALOGUES = Path(__file__).parent / "catalogue"
ENGLISH = "en"
GAP = re.compile(r"\{(\w+)\}")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?(e[+-]?\d+)?")
"""A number as rooms below write it, without needless zeros."""
QUOTES = frozenset({"word", "one", "other", "name", "file", "organ"})
"""Gaps that hold what stands in a file of the user's, as it stands there."""


@cache
def languages() -> tuple[str, ...]:
    """Languages that there is a catalogue of, English first."""
    found = sorted(path.stem for path in CATALOGUES.glob("*.json"))
    return tuple(sorted(found, key=lambda language: language != ENGLISH))


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """The catalogue of a language: all ``messages``, those of the ``browser``, and ``labels``."""
    parts = json.loads((CATALOGUES / f"{language}.json").read_text(encoding="utf-8"))
    messages = parts["template"] | parts["browser"] | parts["service"]
    return {"messages": messages, "browser": parts["browser"], "labels": parts["labels"]}


type Value = int | float | str | Message


class Message(BaseModel):
    """A sentence of the catalogue with what fills its gaps.

    Example:
        >>> from lymphokin.pages.messages import say
        >>> say("notice.weekend", days=[5, 6]).text
        'fractions on a weekend (day 5 and day 6)'
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    key: str
    values: dict[str, Value | list[Value]]
    """numbers, texts that have a label, further messages, or a list of them; ``day``, ``days`` and
    ``day_...`` are days, which a page may write as dates"""

    @computed_field
    @property
    def text(self) -> str:
        """In English."""
        template = catalogue(ENGLISH)["messages"][self.key]
        return template.format_map({k: _written(k, v) for k, v in self.values.items()})

    def __str__(self) -> str:
        return self.text


def _written(name: str, value: Value | list[Value]) -> str:
    if isinstance(value, list):
        return joined(_written(name, v) for v in value)
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return f"day {text}" if name.removesuffix("s") == "day" or name.startswith("day_") else text


def say(key: str, **values: Value | Sequence[Value]) -> Message:
    """A sentence of the catalogue.

    Raises:
        KeyError: when its text is asked for, and there is no such sentence or a gap is left.
    """
    return Message.model_validate({"key": key, "values": values})


def heard(text: str, start: str) -> Message | str:
    """The sentence that a text in English is, as rooms below say it; the text where it is none.

    Args:
        text: one sentence, whole.
        start: of the keys among which it is looked for; of several that fit, the one with the most
            words of its own.

    Example:
        >>> from lymphokin.pages.messages import heard
        >>> heard("each organ once per patient", "dose.").key
        'dose.once'
    """
    for key, template in _templates(start):
        if found := template.fullmatch(text):
            gaps = found.groupdict().items()
            return say(key, **{name: _filled(name, value, start) for name, value in gaps})
    return text


@cache
def _templates(start: str) -> list[tuple[str, re.Pattern[str]]]:
    """Keys and what their English sentences look like, those with the most words first."""
    messages = catalogue(ENGLISH)["messages"]
    sentences = {key: GAP.split(text) for key, text in messages.items() if key.startswith(start)}
    own = {key: sum(map(len, parts[::2])) for key, parts in sentences.items()}

    def pattern(parts: list[str]) -> re.Pattern[str]:
        return re.compile(
            "".join(f"(?P<{p}>.+?)" if i % 2 else re.escape(p) for i, p in enumerate(parts))
        )

    ordered = sorted((key for key in sentences if own[key]), key=lambda key: -own[key])
    return [(key, pattern(sentences[key])) for key in ordered]


def _filled(name: str, text: str, start: str) -> Value:
    """What fills a gap: a number, another sentence, or a text."""
    if name in QUOTES:
        return text
    return float(text) if NUMBER.fullmatch(text) else heard(text, start)


class RefusedError(ValueError):
    """A question that cannot be answered, with the reason as a sentence of the catalogue."""

    def __init__(self, key: str, **values: Value | Sequence[Value]) -> None:
        self.message: Message = say(key, **values)
        super().__init__(self.message.text)


def words_of(
    language: str, answer: Any, more: Mapping[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """Sentences and labels, in a language, that a page needs to say what stands in an answer.

    Args:
        language: one that there is a catalogue of.
        answer: anything as JSON has it; messages are tables with ``key`` and ``values``.
        more: labels in that language beside those of its catalogue.

    Example:
        >>> from lymphokin.pages.messages import words_of
        >>> words_of("fr", [{"unit": "years"}, 1.5])
        {'messages': {}, 'labels': {'years': 'ans'}}
    """
    known, labelled = catalogue(language), {**catalogue(language)["labels"], **(more or {})}
    messages, labels = {}, {}
    rest = [answer]
    while rest:
        part = rest.pop()
        if isinstance(part, str):
            if part in labelled:
                labels[part] = labelled[part]
        elif isinstance(part, dict):
            key = part.get("key") if "values" in part else None
            if key in known["messages"] and key not in known["browser"]:
                messages[key] = known["messages"][key]
            rest += part.values()
        elif isinstance(part, list):
            rest += part
    return {"messages": messages, "labels": labels}


def says(language: str, key: str) -> str:
    """A sentence without gaps, in a language."""
    return catalogue(language)["messages"][key]
