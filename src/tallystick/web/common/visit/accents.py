"""A seller's accent colour on the hosted pages: as close to it as can be read, in both themes.

The colour comes as a style sheet of its own, since our pages allow no style within them. Contrast is that of WCAG 2.2,
1.4.3: text needs 4.5 to 1. A colour that has less is mixed with black for the light theme, with white for the dark one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

PATH: Final = "/accents"

_COLOUR: Final = re.compile(r"[0-9a-f]{6}")
_ENOUGH: Final = 4.5
_STEPS: Final = 50  # from the colour itself to black or white
_SHADE: Final = 0.25  # how much stronger a link is under the pointer
_TINT: Final = 0.1  # how much of the colour is in the background of the selected choice


class Colour(NamedTuple):
    """Red, green and blue, each from 0 to 255."""

    red: float
    green: float
    blue: float

    @classmethod
    def read(cls, text: str) -> Colour:
        """Read ``17594a`` or ``#17594a``. Raises ValueError."""
        digits = text.removeprefix("#")
        if not _COLOUR.fullmatch(digits):
            raise ValueError(f"not a colour: {text[:20]!r}")
        return cls(*bytes.fromhex(digits))

    def __str__(self) -> str:
        return "#" + bytes(round(part) for part in self).hex()

    @property
    def luminance(self) -> float:
        """Relative luminance, from 0 to 1. Source: WCAG 2.2."""
        red, green, blue = (_linear(part / 255) for part in self)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def mixed(self, other: Colour, part: float) -> Colour:
        """This colour with so much of another in it, from 0 to 1."""
        return Colour(*(mine + (theirs - mine) * part for mine, theirs in zip(self, other, strict=True)))


BLACK: Final = Colour(0, 0, 0)
WHITE: Final = Colour(255, 255, 255)
LIGHT: Final = (WHITE, Colour.read("ecebe4"))  # --card and --panel of tokens.css: what text in the accent stands on
DARK: Final = (Colour.read("1d2321"), Colour.read("171c1a"))  # same of the dark theme


def contrast(one: Colour, other: Colour) -> float:
    """From 1 to 21."""
    darker, lighter = sorted((one.luminance, other.luminance))
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: Colour, *grounds: Colour, towards: Colour) -> Colour:
    """The colour, mixed with `towards` just until it has enough contrast on each background and on its own tint."""
    for step in range(_STEPS + 1):
        found = colour.mixed(towards, step / _STEPS)
        tint = grounds[0].mixed(found, _TINT)
        if all(contrast(found, ground) >= _ENOUGH for ground in (*grounds, tint)):
            return found
    return towards


@lru_cache(maxsize=256)
def style_sheet(accent: str) -> str:
    """The tokens that carry the accent, for both themes. Raises ValueError."""
    colour = Colour.read(accent)
    light = _tokens(readable(colour, *LIGHT, towards=BLACK), LIGHT[0], BLACK)
    dark = _tokens(readable(colour, *DARK, towards=WHITE), DARK[0], WHITE)
    return f":root {{\n{light}}}\n\n@media (prefers-color-scheme: dark) {{\n:root {{\n{dark}}}\n}}\n"


def address(accent: str) -> str:
    """Where its style sheet is; another address when the rules above change."""
    version = sha256(style_sheet(accent).encode()).hexdigest()[:12]
    return f"{PATH}/{accent.removeprefix('#')}?v={version}"


@get(f"{PATH}/{{accent:str}}", media_type="text/css")
async def show_accent(accent: FromPath[str]) -> Response[str]:
    """The style sheet of a colour."""
    try:
        sheet = style_sheet(accent)
    except ValueError:
        raise NotFoundException from None
    return Response(sheet, media_type="text/css", headers={"cache-control": "public, max-age=31536000, immutable"})


def _tokens(accent: Colour, card: Colour, towards: Colour) -> str:
    on_accent = max(BLACK, WHITE, key=lambda one: contrast(accent, one))
    return (
        f"  --accent: {accent};\n"
        f"  --accent-strong: {accent.mixed(towards, _SHADE)};\n"
        f"  --on-accent: {on_accent};\n"
        f"  --tint: {card.mixed(accent, _TINT)};\n"
    )


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB
