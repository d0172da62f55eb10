"""Default names for accounts that a command creates."""

from __future__ import annotations


def name_of(email: str) -> str:
    """A name to show, made of the part before the @: ``Robin Sample`` of ``robin.sample@music.example``."""
    return " ".join(email.partition("@")[0].replace(".", " ").replace("_", " ").title().split())
