"""Bring the catalogues of the pages' languages up to date with the code: .venv/bin/python tools/words.py.

New texts come in without a translation, texts that are gone leave; the translations themselves are written by hand in
src/tallystick/words/catalogues. Says how many are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from tallystick.words import ENGLISH, LANGUAGES, Language
from tallystick.words.texts import catalogue_file, read_catalogue

SOURCES: Final = Path(__file__).parents[1] / "src" / "tallystick"
METHODS: Final = (
    ("services/**.py", "python"),
    ("web/**.py", "python"),
    ("web/templates/**.html", "jinja2.ext:babel_extract"),
)
KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "marked": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
OPTIONS: Final = {"**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "true", "silent": "false"}}
WIDTH: Final = 120
HEADER: Final = """\
msgid ""
msgstr ""
"Language: {code}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: {plural_forms}\\n"

"""


def extracted() -> Catalog:
    """All texts of the code, without translations."""
    catalogue = Catalog(charset="utf-8")
    found = extract_from_dir(SOURCES, METHODS, OPTIONS, KEYWORDS)
    for file, _, message, _, context in found:
        catalogue.add(message, None, [(file, 1)], context=context)
    return catalogue


def missing(catalogue: Catalog) -> Iterator[str]:
    """The texts that have no translation, or lack one of its forms."""
    for message in catalogue:
        forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
        if message.id and (message.fuzzy or not all(forms)):
            yield message.id if isinstance(message.id, str) else message.id[0]


def update(language: Language, template: Catalog) -> int:
    """Rewrite the catalogue of a language; gives how many translations it lacks."""
    catalogue = read_catalogue(language)
    catalogue.update(template, no_fuzzy_matching=True)
    texts = BytesIO()
    write_po(texts, catalogue, WIDTH, omit_header=True, sort_by_file=True, ignore_obsolete=True, include_lineno=False)
    header = HEADER.format(code=language.code, plural_forms=catalogue.plural_forms)
    catalogue_file(language).write_bytes(header.encode() + texts.getvalue())
    return len(list(missing(catalogue)))


def main() -> None:
    """Update every catalogue."""
    template = extracted()
    for language in LANGUAGES.values():
        if language is not ENGLISH:
            print(f"{language.code}: {update(language, template)} of {len(template)} texts missing")  # noqa: T201


if __name__ == "__main__":
    main()
