"""The checked values of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import Struct


@dataclass(frozen=True, slots=True)
class DescriptorPolicy:
    """How a charge is described on the sender's statement; both members have defaults."""

    soft_descriptor_type: str = "Static"
    cs_owner: str = "Recipient"


_NO_POLICY: Final = DescriptorPolicy()

Parsed = str | int | datetime | tuple[str, ...] | DescriptorPolicy


class Values(Struct, frozen=True):
    """The checked values of a request. Amounts are micro-units; asking for a field under the wrong type is a bug."""

    parsed: Mapping[str, Parsed]
    given: Mapping[str, str]

    def text(self, name: str) -> str:
        """A required text."""
        value = self.parsed[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is not a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None when it was not given."""
        value = self.parsed.get(name)
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is not a text")
        return value

    def integer(self, name: str) -> int:
        """A required integer, or an amount in micro-units."""
        value = self.parsed[name]
        if not isinstance(value, int):
            raise TypeError(f"{name} is not a number")
        return value

    def optional_integer(self, name: str) -> int | None:
        """An integer or an amount in micro-units, or None when it was not given."""
        value = self.parsed.get(name)
        if value is not None and not isinstance(value, int):
            raise TypeError(f"{name} is not a number")
        return value

    def optional_moment(self, name: str) -> datetime | None:
        """A moment, or None when it was not given."""
        value = self.parsed.get(name)
        if value is not None and not isinstance(value, datetime):
            raise TypeError(f"{name} is not a moment")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of a repeated field; empty when it was not given."""
        value = self.parsed.get(name, ())
        if not isinstance(value, tuple):
            raise TypeError(f"{name} is not a list")
        return value

    def descriptor_policy(self) -> DescriptorPolicy:
        """The descriptor policy, with its defaults where nothing was given."""
        value = self.parsed.get("DescriptorPolicy", _NO_POLICY)
        if not isinstance(value, DescriptorPolicy):
            raise TypeError("DescriptorPolicy is not a descriptor policy")
        return value
