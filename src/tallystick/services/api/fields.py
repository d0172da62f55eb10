"""Request fields as data, and what is said of wrong ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.types import COMPLEX_TYPES, ENUMERATIONS

V2007: Final = "2007-01-08"
V2008: Final = "2008-09-17"
V2010: Final = "2010-08-28"
V2011: Final = "2011-09-20"
"""Known from a client that sent it: other words for how far a recipient is verified, all else as in 2010-08-28."""

VERSIONS: Final = (V2008, V2010, V2011)
"""The versions with a schema of ours; later dates count as the last one."""

SERVED: Final = (V2007, *VERSIONS)
"""The versions that are answered; the oldest one in envelopes of its own."""

LEGACY_AMOUNT: Final = "LegacyAmount"
LEGACY_DESCRIPTOR_POLICY: Final = "LegacyDescriptorPolicy"
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: tuple(member.name for member in members) for name, members in COMPLEX_TYPES.items()},
    LEGACY_AMOUNT: ("CurrencyCode", "Amount"),
    LEGACY_DESCRIPTOR_POLICY: ("SoftDescriptorType", "CSNumberOf"),
}

COMMON_PARAMETERS: Final = frozenset(
    {"Action", "AWSAccessKeyId", "Signature", "SignatureVersion", "SignatureMethod", "Timestamp", "Version"}
)

_QUOTED_LENGTH: Final = 130  # of a value in a message: ids are quoted whole
UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")  # XML cannot hold most of these


@unique
class Need(Enum):
    """Whether a field has to be there."""

    REQUIRED = "required"
    CONDITIONAL = "conditional"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request: everything that is known about it before the books are opened.

    `type` names a scalar, an enumeration or a complex type. `max_length` counts characters, `minimum` and `maximum`
    bound integers, `choices` are the allowed values of a text that has no enumeration. `last_version`: the last
    published interface that has it; where that is older than the versions served, the field is tolerated although their
    schemas lack it. `means`: the field of today of which this is another name. `signed_to`: a URL to which we send
    signed messages.
    """

    name: str
    type: str
    need: Need
    meaning: str
    condition: str = ""
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    default: str | None = None
    repeated: bool = False
    zero_allowed: bool = False
    choices: tuple[str, ...] = ()
    first_version: str = V2007
    last_version: str = V2010
    means: str = ""
    signed_to: bool = False

    @property
    def allowed(self) -> tuple[str, ...]:
        """The allowed values; empty when any value of the type is allowed."""
        return self.choices or ENUMERATIONS.get(self.type, ())

    def in_version(self, version: str) -> bool:
        """Whether requests of `version` may carry this field."""
        return self.first_version <= version

    def wire_names(self) -> tuple[str, ...]:
        """The parameters that carry this field; repeated ones without their index."""
        if self.type in _MEMBERS:
            return tuple(f"{self.name}.{member}" for member in _MEMBERS[self.type])
        return (self.name,)


def quoted(value: str) -> str:
    """A value as messages quote it: printable, and not without end."""
    clean = UNPRINTABLE.sub("\ufffd", value)
    return clean if len(clean) <= _QUOTED_LENGTH else clean[:_QUOTED_LENGTH] + "…"


def camel(name: str) -> str:
    """A parameter's name as messages quote it: with a small first letter."""
    return name[:1].lower() + name[1:]


def missing(name: str) -> Refused:
    """The refusal of a request that lacks a business parameter."""
    return Refused(Refusal.InvalidParams, f"The parameter {name} is missing.")


def invalid(name: str, what: str, value: str) -> Refused:
    """The refusal of a value: ``"transactionId" must be a valid transaction ID: …``. The shape is as recorded."""
    return Refused(Refusal.InvalidParams, f'"{camel(name)}" must be {what}: {quoted(value)}')
