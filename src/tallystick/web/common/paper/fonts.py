"""Fonts for PDF statements: those installed on the machine, since the package brings none."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

BUILT_IN: Final = "helvetica"
"""What every reader of PDF has; western European letters only."""

_PLACES: Final = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts/Supplemental",
)
_PAIRS: Final = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("Arial.ttf", "Arial Bold.ttf"),
)
_PLAIN: Final = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
        "\N{NARROW NO-BREAK SPACE}": " ",
    }
)


@lru_cache(maxsize=1)
def find_fonts() -> tuple[Path, Path] | None:
    """A plain and a bold font with many scripts, from where systems keep them; None where there is none."""
    there = {
        path.name: path
        for place in _PLACES
        if (directory := Path(place).expanduser()).is_dir()
        for path in directory.rglob("*.ttf")
    }
    return next(((there[plain], there[bold]) for plain, bold in _PAIRS if plain in there and bold in there), None)


def in_latin(text: str) -> str:
    """The text in the letters of the built-in font, with a question mark for each that it lacks."""
    return text.translate(_PLAIN).encode("latin-1", errors="replace").decode("latin-1")
