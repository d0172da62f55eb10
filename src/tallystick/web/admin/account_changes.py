"""What the page of an account says of each change that an operator can make to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.services.operations import account_standing
from tallystick.services.operations.accounts import Account


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """The words on the button, what pressing it does, and the notice afterwards."""

    title: str
    effect: str
    done: str


CHANGES: Final[Mapping[str, ChangeWords]] = {
    "suspend": ChangeWords(
        "Suspend",
        "From now on no money moves for the account: it can neither charge, pay nor be paid, and whoever is signed in"
        " to it is signed out. Money stays where it is, and its keys can still be used to read.",
        "The account is suspended.",
    ),
    "reactivate": ChangeWords(
        "Reactivate",
        "The account takes part again, with everything as it was.",
        "The account is active again.",
    ),
    "verify": ChangeWords(
        "Verify the account",
        "Says that a bank account or card was found to be its own. Its present bank accounts count as verified too.",
        "The account is verified.",
    ),
    "unverify": ChangeWords(
        "Take back the verification",
        "The account and its bank accounts count as not verified; limits for such accounts hold.",
        "The account is not verified any more.",
    ),
    "verify-email": ChangeWords(
        "Verify the e-mail address",
        "Says that the address was found to work and to be theirs.",
        "The e-mail address is verified.",
    ),
    "hold": ChangeWords(
        "Hold back payments",
        "What the account would pay or receive is refused for now (TransactionDenied); everything else goes on.",
        "Payments are held back.",
    ),
    "release": ChangeWords(
        "Let payments through",
        "The account pays and receives again.",
        "Payments go through again.",
    ),
}
"""By the name of the change in services/operations/account_standing.py."""


def open_to(account: Account) -> list[tuple[str, ChangeWords, bool]]:
    """The changes that apply to the account's status: name, words, and whether a reason is required."""
    return [
        (name, CHANGES[name], change.grave) for name, change in account_standing.CHANGES.items() if change.fits(account)
    ]
