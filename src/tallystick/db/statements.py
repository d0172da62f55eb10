"""Named statements from `.sql` files, which are in the folder `sql` of the package that sends them.

    -- name: find
    -- What a reader has to know: which of its arguments is what, what no row means.
    SELECT ... WHERE party_id = $1

`-- part: columns` begins what several statements of a file have in common; they take it in with `/* part: columns */`.
All is put together once, when its module is imported: a statement's text is always the same, so that a connection
prepares it once. docs/decisions/072-statements-have-names.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_HEADING: Final = re.compile(r"^-- (name|part): (\w+)$", re.MULTILINE)
_PART: Final = re.compile(r"/\* part: (\w+) \*/")
_SHARED: Final = "shared.sql"


@cache
def load_statements(file_name: str, package: str) -> Mapping[str, str]:
    """The statements of a package's file by name, in the file's order.

    Parts are put in: those that stand before them, and those of shared.sql, which all files have. Raises ValueError
    when a name comes twice, also where it is a shared part's; LookupError when there is no such part.
    """
    _, statements = _sections(file_name, package, {} if file_name == _SHARED else _shared_parts())
    return MappingProxyType(statements)


@cache
def _shared_parts() -> Mapping[str, str]:
    parts, _ = _sections(_SHARED, __package__, {})
    return parts


def _sections(file_name: str, package: str, shared: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Parts and statements of a file, by name."""
    text = (files(package) / "sql" / file_name).read_text(encoding="utf-8")
    _, *sections = _HEADING.split(text)
    kinds, names, texts = sections[0::3], sections[1::3], [section.strip() for section in sections[2::3]]
    parts = dict(shared)
    statements: dict[str, str] = {}
    for kind, name, text in zip(kinds, names, texts, strict=True):
        if name in parts or name in statements:
            raise ValueError(f"{package}/sql/{file_name}: {name} has two definitions")
        if unknown := {*_PART.findall(text)} - parts.keys():
            raise LookupError(
                f"{package}/sql/{file_name}: {name} takes in parts that do not stand before it: {unknown}"
            )
        whole = _PART.sub(lambda named: parts[named[1]], text)
        (parts if kind == "part" else statements)[name] = whole
    return parts, statements
