"""Texts from the catalogues. Placeholders are written ``%(name)s``; a percent sign is written ``%%``."""

from __future__ import annotations

import re
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from tallystick.words.languages import ENGLISH, LANGUAGES, Language, spoken

CATALOGUES: Final = Path(__file__).parent / "catalogues"

_PLACEHOLDER: Final = re.compile(r"%\([a-z_]+\)s")
_FIRST_STRONG_ISOLATE: Final = "\N{FIRST STRONG ISOLATE}"
_POP_ISOLATE: Final = "\N{POP DIRECTIONAL ISOLATE}"


def gettext(message: str, /, **values: object) -> str:
    """The text in the current language, with `values` in its placeholders."""
    return _translations(spoken()).gettext(message) % values


def ngettext(singular: str, plural: str, num: int, /, **values: object) -> str:
    """The text for this number; ``%(num)s`` is the number, unless `values` has another form of it."""
    return _translations(spoken()).ngettext(singular, plural, num) % {"num": num, **values}


def pgettext(context: str, message: str, /, **values: object) -> str:
    """The text where one English text has several meanings; `context` tells which."""
    return _translations(spoken()).pgettext(context, message) % values


def marked(message: str) -> str:
    """The text itself: marks a text in a table for extraction; it is looked up with `gettext` when it is shown."""
    return message


def bare_gettext(message: str) -> str:
    """The text with its placeholders, for templates, which fill them in themselves."""
    return _translations(spoken()).gettext(message)


def bare_ngettext(singular: str, plural: str, num: int) -> str:
    """The text for this number with its placeholders, for templates."""
    return _translations(spoken()).ngettext(singular, plural, num)


def bare_pgettext(context: str, message: str) -> str:
    """The text in its context with its placeholders, for templates."""
    return _translations(spoken()).pgettext(context, message)


def load() -> None:
    """Read all catalogues now, so that no request has to wait for it."""
    for language in LANGUAGES.values():
        _translations(language)


def catalogue_file(language: Language) -> Path:
    """Where the translations into a language are written."""
    return CATALOGUES / f"{language.code}.po"


def read_catalogue(language: Language) -> Catalog:
    """The catalogue of a language as it stands in its file."""
    with catalogue_file(language).open("rb") as file:
        return read_po(file, locale=language.locale, abort_invalid=True)


@cache
def _translations(language: Language) -> NullTranslations:
    if language is ENGLISH:
        return NullTranslations()
    catalogue = read_catalogue(language)
    if language.direction == "rtl":
        for message in catalogue:
            message.string = _isolated(message.string or "")
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _isolated(text: str | list[str] | tuple[str, ...]) -> str | tuple[str, ...]:
    """The text with each placeholder in a bidi isolate: a Latin name would reorder right-to-left words around it."""
    if not isinstance(text, str):
        return tuple(_PLACEHOLDER.sub(_isolate, form) for form in text)
    return _PLACEHOLDER.sub(_isolate, text)


def _isolate(found: re.Match[str]) -> str:
    return f"{_FIRST_STRONG_ISOLATE}{found[0]}{_POP_ISOLATE}"
