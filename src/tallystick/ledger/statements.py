"""Named statements from `.sql` files: those beside this module, and others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load_statements(file_name: str, package: str = __package__) -> Mapping[str, str]:
    """The statements of a package's file by name, in the file's order. Raises ValueError when a name comes twice."""
    text = (files(package) / file_name).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    names = parts[0::2]
    if len(set(names)) != len(names):
        raise ValueError(f"a statement of {file_name} has two definitions")
    return MappingProxyType(dict(zip(names, (part.strip() for part in parts[1::2]), strict=True)))


MONEY: Final = load_statements("money.sql")
"""The money path: every statement names one book."""
