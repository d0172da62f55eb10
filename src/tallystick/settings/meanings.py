"""What each setting means, in the words of the class that has them all."""

from __future__ import annotations

import inspect
import re
from typing import Final

from tallystick.settings.values import Settings

_MEANING: Final = re.compile(r"^ {4}(?P<name>[a-z_0-9]+): (?P<text>.+(?:\n {8}.+)*)", re.MULTILINE)


def meanings() -> dict[str, str]:
    """A sentence or two for each setting, by its name."""
    found = {}
    for line in _MEANING.finditer(inspect.cleandoc(Settings.__doc__ or "")):
        text = " ".join(line["text"].replace("`", "").split())
        found[line["name"]] = text[:1].upper() + text[1:]
    return found
