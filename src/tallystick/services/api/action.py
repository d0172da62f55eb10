"""What an action is: a row of the table that parsing, rendering, docs and tests loop over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.domain.scopes import KeyScope
from tallystick.services.api.fields import V2007, V2010, VERSIONS, Field
from tallystick.services.api.forms import FieldTable
from tallystick.services.api.legacy import legacy_fields
from tallystick.services.api.types import Element

if TYPE_CHECKING:
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `result` is None where the answer has no result element; `may_be_unsigned`: anybody may ask.

    `scopes`: what a key needs that signs for it; a plain number, since every call compares it.

    `last_version`: the last published interface that has it. What that of 2010-08-28 has, later versions have too.

    `revalidates_key`: `perform` also takes calls whose key is a cached one. It reads the call at once; what is then to
    be awaited revalidates the key together with what the call is about. It raises StaleCachedKeyError, before any
    refusal and with nothing done, where the key has changed.
    """

    name: str
    summary: str
    scopes: int
    perform: Callable[[Call], Awaitable[Result]]
    fields: tuple[Field, ...]
    result: tuple[Element, ...] | None
    moves_money: bool
    revalidates_key: bool
    tables: Mapping[str, FieldTable]
    first_version: str = V2007
    last_version: str = V2010
    may_be_unsigned: bool = False

    def in_version(self, version: str) -> bool:
        """Whether the interface of `version` has this action."""
        return self.first_version <= version and min(version, V2010) <= self.last_version


def make_action(  # noqa: PLR0913 - a row of the table has so many columns
    name: str,
    summary: str,
    scopes: KeyScope,
    perform: Callable[[Call], Awaitable[Result]],
    fields: tuple[Field, ...] = (),
    result: tuple[Element, ...] | None = None,
    *,
    moves_money: bool = False,
    revalidates_key: bool = False,
    first_version: str = V2007,
    may_be_unsigned: bool = False,
) -> Action:
    """A row of the table, with its fields ready for reading requests of each version."""
    return Action(
        name=name,
        summary=summary,
        scopes=scopes.value,
        perform=perform,
        fields=fields,
        result=result,
        moves_money=moves_money,
        revalidates_key=revalidates_key,
        tables={
            V2007: FieldTable(legacy_fields(name, fields), V2007),
            **{version: FieldTable(fields, version) for version in VERSIONS},
        },
        first_version=first_version,
        may_be_unsigned=may_be_unsigned,
    )
