"""Make the fonts of printed statements anew from DejaVu (Debian: fonts-dejavu-core): python tools/fonts.py.

Only the scripts that a description is likely to be in are kept, so the package stays small.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fontTools import subset  # type: ignore[import-untyped]

SOURCE: Final = Path("/usr/share/fonts/truetype/dejavu")
TARGET: Final = Path(__file__).parents[1] / "src" / "tallystick" / "web" / "pages" / "fonts"
KEPT: Final = (
    (0x20, 0x24F),  # Latin
    (0x2B0, 0x36F),  # accents
    (0x370, 0x52F),  # Greek, Cyrillic
    (0x591, 0x5F4),  # Hebrew
    (0x60C, 0x6FF),  # Arabic
    (0x1E00, 0x1EFF),  # more Latin
    (0x2010, 0x205E),  # dashes, quotation marks
    (0x20A0, 0x20BF),  # currencies
    (0x2190, 0x2193),  # arrows
    (0x2212, 0x2212),  # minus
    (0x25A1, 0x25A1),  # a box, for letters that are missing
    (0xFE70, 0xFEFC),  # forms of Arabic letters
)


def main() -> None:
    """Write both fonts."""
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        options = subset.Options(hinting=False, layout_features=["kern", "mark", "mkmk", "ccmp"], name_IDs=["*"])
        font = subset.load_font(str(SOURCE / name), options)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=[code for first, last in KEPT for code in range(first, last + 1)])
        subsetter.subset(font)
        subset.save_font(font, str(TARGET / name), options)


if __name__ == "__main__":
    main()
