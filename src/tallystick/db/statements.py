"""Named statements from `.sql` files, which are in the folder `sql` of the package that sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_HEADING: Final = re.compile(r"^-- (name|part): (\w+)$", re.MULTILINE)
_PART: Final = re.compile(r"/\* part: (\w+) \*/")


def load_statements(file_name: str, package: str) -> Mapping[str, str]:
    """The statements of a package's file by name, in the file's order.

    Parts are put in: those that stand before them, and those of shared.sql, which all files have. Raises ValueError
    when a name comes twice, KeyError when there is no such part.
    """
    _, statements = _sections(file_name, package, _shared_parts())
    return MappingProxyType(statements)


@cache
def _shared_parts() -> Mapping[str, str]:
    parts, _ = _sections("shared.sql", __package__, {})
    return parts


def _sections(file_name: str, package: str, shared: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Parts and statements of a file, by name."""
    text = (files(package) / "sql" / file_name).read_text(encoding="utf-8")
    _, *sections = _HEADING.split(text)
    kinds, names, texts = sections[0::3], sections[1::3], [section.strip() for section in sections[2::3]]
    if len(set(names)) != len(names):
        raise ValueError(f"a statement of {file_name} has two definitions")
    parts = dict(shared)
    statements: dict[str, str] = {}
    for kind, name, text in zip(kinds, names, texts, strict=True):
        whole = _PART.sub(lambda named: parts[named[1]], text)
        (parts if kind == "part" else statements)[name] = whole
    return parts, statements
