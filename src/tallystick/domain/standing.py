"""What is verified about an account, and what has to be before money moves.

Source: docs/protocol/errors.md, UnverifiedEmailAddress_Caller; who is known how far is up to the operator.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Standing(Struct, frozen=True):
    """What is known of an account and what it may do.

    `account_verified`: it was shown to own a bank account or card. `marketplace`: as a caller, it may act for other
    recipients. `denied`: the operator holds back what the account would pay or receive, for now.
    """

    email_verified: bool = True
    account_verified: bool = True
    receives_cards: bool = True
    marketplace: bool = True
    denied: bool = False


class Demands(Struct, frozen=True):
    """What the operator asks of accounts. Limits, in micro-units, bind those that are not verified; None: no limit.

    `spending_limit_micros` is the most that one payment may take, `receiving_limit_micros` the most that the service
    holds for an account.
    """

    verified_email: bool = False
    verified_account: bool = False
    spending_limit_micros: int | None = None
    receiving_limit_micros: int | None = None


WELL_KNOWN: Final = Standing()
NO_DEMANDS: Final = Demands()
