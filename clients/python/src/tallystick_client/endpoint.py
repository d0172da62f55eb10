"""What an endpoint is: a row of the generated table in endpoints.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Input:
    """A field of a request. `type`: as of JSON Schema, or `decimal`, `date-time`; `choices`: none others are taken."""

    name: str
    type: str = "string"
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. `takes_key`: it needs an Idempotency-Key. `answer`: the object that it answers with.

    `keys_inside`: each part of its body has a key. `is_list`: it answers with a page of these. `body_type`: of what it
    answers with.
    """

    name: str
    method: str
    path: str
    answer: str
    inputs: tuple[Input, ...] = ()
    takes_key: bool = False
    keys_inside: bool = False
    is_list: bool = False
    body_type: str = "application/json"

    @property
    def repeatable(self) -> bool:
        """Whether a request that got no answer may be sent again without asking who knows what was done."""
        return self.method == "GET" or self.takes_key or self.keys_inside
