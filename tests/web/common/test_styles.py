"""The style sheet: one sheet of all sections, and colours that can be told apart in both themes."""

from __future__ import annotations

import re

import pytest

from tallystick.web.common.assets import STATIC, STYLES, style_sheet

TEXTS = ("ink", "soft", "accent", "accent-strong", "wrong", "good", "warn")
PAPERS = ("page", "panel", "card")
PAIRS = (
    *((text, paper) for text in TEXTS for paper in PAPERS),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-wrong", "wrong"),
    ("on-test", "test"),
    ("ink", "tint"),
    ("accent-strong", "tint"),
    ("good", "good-tint"),
    ("ink", "good-tint"),
    ("warn", "warn-tint"),
    ("ink", "warn-tint"),
    ("wrong", "wrong-tint"),
    ("ink", "wrong-tint"),
)
"""Text and what it stands on: 4.5 to 1, WCAG 2.2, 1.4.3."""

LINES = ("field-line", "accent", "wrong", "focus", "warn-line", "good", "series-1", "series-2", "series-3", "series-4")
"""What must be seen to use a page or to read a chart: 3 to 1 on a card, WCAG 2.2, 1.4.11."""


def colours(theme: str) -> dict[str, str]:
    """The named colours as a theme has them: the dark one changes those that it names."""
    light, dark = (STATIC / "styles" / "tokens.css").read_text("utf-8").split("@media")
    named = re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", light + (dark if theme == "dark" else ""))
    return dict(named)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read_on_what_it_stands_on(theme: str) -> None:
    found = colours(theme)
    faint = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in PAIRS}

    assert {pair: ratio for pair, ratio in faint.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_line_that_matters_can_be_seen(theme: str) -> None:
    found = colours(theme)

    assert {name: ratio for name in LINES if (ratio := contrast(found[name], found["card"])) < 3} == {}


def test_the_sheet_has_all_sections_and_nothing_from_elsewhere() -> None:
    sheet = style_sheet()

    assert {file.stem for file in (STATIC / "styles").iterdir()} == set(STYLES)
    assert all((STATIC / "styles" / f"{name}.css").read_text("utf-8") in sheet for name in STYLES)
    assert "url(" not in sheet
    assert "@import" not in sheet
    assert sheet.count("{") == sheet.count("}")
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", sheet))
    assert used <= set(re.findall(r"--([a-z0-9-]+):", sheet))
