"""The languages, and the current one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages. `code` is that of HTML, `name` its own name, `locale` how CLDR writes its figures."""

    code: str
    name: str
    locale: str
    direction: Literal["ltr", "rtl"] = "ltr"


ENGLISH: Final = Language("en", "English", "en_GB")

LANGUAGES: Final = {
    language.code: language
    for language in (ENGLISH, Language("de", "Deutsch", "de"), Language("ar", "العربية", "ar", "rtl"))
}
"""In the order in which they are offered. Each but English has a catalogue of its name."""

_spoken: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def spoken() -> Language:
    """The language of the current request."""
    return _spoken.get()


def speak(language: Language) -> None:
    """Set the language for the rest of the current request, or of the enclosing block of `speaking`."""
    _spoken.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Set the language within a block."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)
