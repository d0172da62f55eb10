"""A4 pages as PDF, for statements and for evidence. Why so: docs/decisions/041."""

from __future__ import annotations

import logging
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from tallystick.web.common.paper.fonts import BUILT_IN, find_fonts, in_latin

FONT: Final = "paper"
MARGIN: Final = 18  # millimetres, as all lengths here
INK: Final = (28, 30, 33)
SOFT: Final = (92, 98, 106)
RULE: Final = (208, 212, 217)

_BOX: Final = "\N{WHITE SQUARE}"

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it logs each font table that it subsets


class Paper(FPDF):
    """Pages with their numbers at the foot. `subject`: what stands beside them. `title`: of the file."""

    def __init__(self, title: str, subject: str) -> None:
        super().__init__(format="A4")
        self.subject = subject
        self.face = BUILT_IN
        if (files := find_fonts()) is not None:
            self.face = FONT
            self.add_font(FONT, "", files[0])
            self.add_font(FONT, "B", files[1])
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(auto=True, margin=MARGIN + 4)
        self.set_title(title)
        self.set_creator("Tallystick")
        self.add_page()

    def footer(self) -> None:
        """The name of fpdf2: called at the end of each page."""
        self.set_y(-MARGIN)
        self.write_line(f"{self.subject}  ·  {self.page_no()}/{{nb}}", size=8, soft=True)

    def write_line(self, text: str, *, size: float = 9.5, bold: bool = False, soft: bool = False) -> None:
        """A line of text, broken where it is too long."""
        self.pick(bold=bold, size=size)
        self.set_text_color(*(SOFT if soft else INK))
        self.multi_cell(0, size * 0.53, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def pick(self, *, bold: bool = False, size: float = 9.5) -> None:
        """Choose how to write what follows."""
        self.set_font(self.face, "B" if bold else "", size)

    def writable(self, text: str) -> str:
        """The text as far as the font has its letters; a box or a question mark stands for each that it lacks."""
        if self.face == BUILT_IN:
            return in_latin(text)
        known = self.fonts[FONT].cmap  # type: ignore[union-attr] # found ones are TrueType, which have one
        return "".join(letter if ord(letter) in known or letter == "\n" else _BOX for letter in text)

    def normalize_text(self, text: str) -> str:
        """The name of fpdf2: called with everything that is written."""
        return super().normalize_text(self.writable(text))

    def rule(self) -> None:
        """A thin line across the page."""
        self.set_draw_color(*RULE)
        self.line(MARGIN, self.get_y(), self.w - MARGIN, self.get_y())
