"""The sandbox's books of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.environments import SANDBOX
from tallystick.services.operations.audit import Actor
from tallystick.web.v1.problems import JsonProblemError

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId
    from tallystick.web.v1.endpoint import Asked


def first_book(asked: Asked) -> BookId:
    """The first book of the sandbox. Raises ProblemError: the key is a live one."""
    if asked.key.environment != SANDBOX:
        raise JsonProblemError("not_found", "This is for sandboxes: use a key of a test environment.")
    return asked.key.parts[0]


def actor_of(asked: Asked) -> Actor:
    """Who the audit log names."""
    return Actor.command(f"key {asked.key.access_key_id}")
