"""The words of the pages in several languages: catalogues, amounts and dates.

English texts stand in the code and are the keys of the catalogues. The edge sets the language of a request once
(`speaking`); the code below asks for its texts without passing it on. The default is English.
"""

from tallystick.words.figures import date_of, day, dollars, signed
from tallystick.words.languages import ENGLISH, LANGUAGES, Language, speak, speaking, spoken
from tallystick.words.texts import gettext, load, marked, ngettext, pgettext

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "Language",
    "date_of",
    "day",
    "dollars",
    "gettext",
    "load",
    "marked",
    "ngettext",
    "pgettext",
    "signed",
    "speak",
    "speaking",
    "spoken",
]
