"""A prepaid balance or a tab that is remembered: as values, and as the bytes that are kept of it."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct, msgpack

from tallystick.domain.commands import TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import TransactionId
from tallystick.domain.standing import Standing
from tallystick.domain.state import Instrument, InstrumentKind
from tallystick.domain.tokens import Token
from tallystick.store.ledger.decode import RowVersions

_encode: Final = msgpack.Encoder().encode
_decode: Final = msgpack.Decoder().decode

_PREPAID: Final = InstrumentKind.PREPAID  # Python 3.11 looks a member up by a call each time it is named


class Remembered(Struct, frozen=True, gc=False):
    """A sender token with its balance or tab, as they were when they were last read or charged by this process.

    `token_version`, `party_version`, `instrument_version`: of their rows, the party being the sender; the last is None
    of a tab, whose row each payment changes: what of it decides about payments is compared instead. `slot`: where it
    is kept, as `kept`.
    """

    token: Token
    instrument: Instrument
    token_version: int
    party_version: int
    instrument_version: int | None
    terms_version: int
    slot: int
    kept: bytes


class Alike(NamedTuple):
    """What nearly all balances have in common, so that it is kept once for all of them."""

    kind: InstrumentKind
    purpose: TokenPurpose
    sender_active: bool
    token_type: TokenType
    terms: TokenTerms
    instruction: str | None
    used_by: TransactionId | None
    sender_standing: Standing


def alike_of(token: Token, instrument: Instrument) -> Alike:
    """What a balance has in common with others."""
    return Alike(
        instrument.kind,
        token.purpose,
        token.sender_active,
        token.token_type,
        token.terms,
        token.instruction,
        token.used_by,
        token.sender_standing,
    )


def pack(token: Token, instrument: Instrument, versions: RowVersions) -> bytes:
    """What a balance has for itself: about 190 bytes, where the values would take 1,000.

    Not in it are what it was and is charged, which changes all the time, and what no rule about payments asks for:
    names that people gave are theirs to take back, and a reference is the authorization's own.
    """
    whose = token.sender_id, token.valid_from, token.expires_at
    own = instrument.sender_id, instrument.valid_from, instrument.expires_at
    return _encode(
        (
            token.token_id,
            instrument.instrument_id,
            *whose,
            None if own == whose else own,
            instrument.limit_micros,
            instrument.pending_micros,
            instrument.total_limit_micros,
            instrument.number,
            instrument.uncovered_micros,
            versions.token,
            versions.party,
            versions.instrument if instrument.kind is _PREPAID else None,
            versions.terms,
            token.old_token_id,  # one that took another's place is named by its payments (apply_payments.py)
        )
    )


def unpack(kept: bytes, alike: Alike, slot: int, balance_micros: int, charged_micros: int) -> Remembered:
    """The values again."""
    (
        token_id,
        instrument_id,
        sender_id,
        valid_from,
        expires_at,
        own,
        limit_micros,
        pending_micros,
        total_limit_micros,
        number,
        uncovered_micros,
        token_version,
        party_version,
        instrument_version,
        terms_version,
        old_token_id,
    ) = _decode(kept)
    kind, purpose, sender_active, token_type, terms, instruction, used_by, sender_standing = alike
    token = Token(
        token_id,
        purpose,
        instrument_id,
        sender_id,
        sender_active,
        "",
        None,
        None,
        valid_from,
        expires_at,
        None,
        (),
        token_type,
        None,
        old_token_id,
        terms,
        instruction,
        used_by,
        sender_standing,
    )
    whose, begins_at, ends_at = own or (sender_id, valid_from, expires_at)
    instrument = Instrument(
        instrument_id,
        kind,
        whose,
        balance_micros,
        limit_micros,
        pending_micros,
        begins_at,
        ends_at,
        total_limit_micros,
        charged_micros,
        number,
        uncovered_micros,
    )
    return Remembered(token, instrument, token_version, party_version, instrument_version, terms_version, slot, kept)
