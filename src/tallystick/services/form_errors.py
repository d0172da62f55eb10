"""What is wrong with a form that a person filled in."""

from __future__ import annotations

from collections.abc import Mapping


class FormError(Exception):
    """What a person typed cannot be used: the name of each field, and what to do about it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = dict(problems)
