"""Passwords that everybody tries first: those that leaked most often, and what people make of them.

The list comes with a package, so that nothing about a password leaves this machine.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Final

_AROUND: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_DISGUISES: Final = str.maketrans("@4831!05$7", "aabeiiosst")


@cache
def load() -> str:
    """The list, in lower case, a password a line, with an empty one before and after.

    Only this list of the package is loaded, since the package makes tables of all it has: 13 MB for good. As one text
    it takes a quarter of a megabyte, where a set takes four. To look through it takes a tenth of a millisecond.
    """
    package = find_spec("zxcvbn")
    spec = PathFinder.find_spec(
        "zxcvbn.frequency_lists", None if package is None else package.submodule_search_locations
    )
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("the list of common passwords is missing", name="zxcvbn")
    lists = module_from_spec(spec)
    spec.loader.exec_module(lists)
    return "\n".join(("", *lists.FREQUENCY_LISTS["passwords"], ""))


def is_common(password: str) -> bool:
    """Whether it is one of the list: as it is, repeated, with digits or signs around it, or with letters disguised."""
    folded = password.casefold()
    bare = _AROUND.sub("", folded)
    tried = {folded, bare, folded.translate(_DISGUISES), bare.translate(_DISGUISES)}
    return any(_is_listed(one) or _is_listed(_repeated(one)) for one in tried)


def _is_listed(text: str) -> bool:
    return "\n" not in text and f"\n{text}\n" in load()


def _repeated(text: str) -> str:
    """What the text is a repetition of; the text itself where it is none."""
    length = (text + text).find(text, 1)
    return text[:length]
