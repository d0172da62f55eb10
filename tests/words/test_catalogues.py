"""The catalogues have every text of the code, and nothing else."""

import re

import pytest
from tools.words import SOURCES, extracted, missing

from tallystick.domain.commands import Method
from tallystick.services.consent.choices import ChosenMethod
from tallystick.services.consent.wallet import Choice
from tallystick.web.common.agreements.payment_method_text import title
from tallystick.words import ENGLISH, LANGUAGES, Language, speaking
from tallystick.words.texts import CATALOGUES, read_catalogue

TEMPLATES = SOURCES / "web" / "templates"
PERSONS_ROOMS = ("account", "common", "hosted")
ENGLISH_ONLY = {"components.html", "sandbox_return.html", "staff_base.html"}
"""Templates in those rooms for sellers' staff, developers and operators, as are all others."""

NO_TEXTS = {"Tallystick", "required", "aria", "invalid", "true", "describedby"}
"""Our name, and attributes that come of macros."""

TRANSLATED = [language for language in LANGUAGES.values() if language is not ENGLISH]
PLACEHOLDER = re.compile(r"%\([a-z_]+\)s|%%")
TAG = re.compile(r"</?[a-z]+[^>]*>")


def forms(text: object) -> list[str]:
    if isinstance(text, str):
        return [text]
    assert isinstance(text, list | tuple)
    return [str(form) for form in text]


def test_there_is_a_catalogue_for_each_language_but_english() -> None:
    assert {path.stem for path in CATALOGUES.glob("*.po")} == {language.code for language in TRANSLATED}


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda language: language.code)
def test_a_catalogue_has_the_texts_of_the_code(language: Language) -> None:
    """If this fails: python tools/words.py, then translate what is empty."""
    expected = {(message.context, message.id) for message in extracted()}
    assert {(message.context, message.id) for message in read_catalogue(language)} == expected


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda language: language.code)
def test_every_text_is_translated(language: Language) -> None:
    assert list(missing(read_catalogue(language))) == []


@pytest.mark.parametrize("language", TRANSLATED, ids=lambda language: language.code)
def test_translations_have_the_same_placeholders_and_tags(language: Language) -> None:
    wrong = []
    for message in read_catalogue(language):
        if not message.id or not any(forms(message.string)):
            continue
        *_, fullest = forms(message.id)
        for translated in forms(message.string):
            # a form for one or two may say the number in a word
            left_out = {"%(num)s"} if message.pluralizable else set()
            same = set(PLACEHOLDER.findall(fullest)) - left_out == set(PLACEHOLDER.findall(translated)) - left_out
            if not same or sorted(TAG.findall(fullest)) != sorted(TAG.findall(translated)):
                wrong.append((fullest, translated))
            assert re.fullmatch(r"(?:[^%]|%\([a-z_]+\)s|%%)*", translated), translated
    assert wrong == []


def test_no_text_hides_within_an_f_string() -> None:
    """There the extraction does not find it."""
    hidden = re.compile(r"""\bf["'].*\{(?:_|n?gettext|pgettext|marked)\(""")
    assert [
        (path.name, line)
        for path in SOURCES.rglob("*.py")
        for line in path.read_text().splitlines()
        if hidden.search(line)
    ] == []


def test_no_text_of_a_persons_pages_stands_outside_of_the_catalogues() -> None:
    """A template without its marks and its parts for Jinja says nothing."""
    left = {}
    templates = [path for room in PERSONS_ROOMS for path in sorted((TEMPLATES / room).glob("*.html"))]
    assert len(templates) > len(PERSONS_ROOMS)
    for path in templates:
        if path.name in ENGLISH_ONLY:
            continue
        text = re.sub(r"\{#.*?#\}|\{%-?\s*trans\b.*?\bendtrans\s*-?%\}", "", path.read_text(), flags=re.DOTALL)
        text = re.sub(r"\{% block place %\}.*?\{% endblock %\}", "", text)
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", text, flags=re.DOTALL)
        words = set(re.findall(r"[A-Za-z][a-z]{2,}", text)) - NO_TEXTS
        if words:
            left[path.name] = words
    assert left == {}


@pytest.mark.parametrize("label", ["Bank account", "Card", "Visa"])
def test_a_stored_means_of_payment_agrees_with_its_number_in_arabic(label: str) -> None:
    with speaking(LANGUAGES["ar"]):
        stored = Choice(ChosenMethod(Method.CC, 1), usable=True, label=label, last_four="6789")
        named = title(stored).translate({0x2068: None, 0x2069: None})

    assert named.endswith("برقم ينتهي بـ6789"), "the number ends so, whatever gender the card or the account has"
