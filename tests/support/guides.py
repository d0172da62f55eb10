"""Guides of the documentation whose Python is run: one program each, and what it prints as the page says."""

from __future__ import annotations

import re
import sys
from typing import Any, Final

from tests.support.paths import ROOT

USUAL: Final = "http://127.0.0.1:8400"
_PYTHON: Final = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PRINTED: Final = re.compile(r"^\s*print\(.*\)  # (?P<text>.+)$")


class Guide:
    """The program of a page, its lines numbered as in the page. `told`: what is printed where, as the page says."""

    def __init__(self, name: str) -> None:
        self.path = ROOT / "docs" / "guides" / name
        text = self.path.read_text("utf-8")
        kept = [""] * text.count("\n")
        for part in _PYTHON.finditer(text):
            first = text.count("\n", 0, part.start(1))
            lines = part[1].splitlines()
            kept[first : first + len(lines)] = lines
        self.program = "\n".join(kept)
        self.told = {number: found["text"] for number, line in enumerate(kept, 1) if (found := _PRINTED.match(line))}

    def run(self, service: str) -> dict[int, str]:
        """Run it before a service; what was printed last in each line that the page tells the result of."""
        printed: dict[int, str] = {}

        def note(*words: object) -> None:
            printed[sys._getframe(1).f_lineno] = " ".join(str(word) for word in words)  # noqa: SLF001 - the line

        code = compile(self.program.replace(USUAL, service), str(self.path), "exec")
        names: dict[str, Any] = {"__name__": "guide", "print": note}
        try:
            exec(code, names)  # noqa: S102 - pages of our own
        finally:
            if "ts" in names:  # which ends with its program elsewhere
                names["ts"].close()
        return {number: text for number, text in printed.items() if number in self.told}
