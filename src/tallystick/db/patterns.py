"""What people type into a search, as a pattern for ILIKE."""

from __future__ import annotations


def containing(text: str | None) -> str | None:
    """A pattern for what contains `text`; None stays None: everything."""
    if text is None:
        return None
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
