"""The letters that we write, each with its subject and its text."""

from __future__ import annotations

from typing import NamedTuple


class Letter(NamedTuple):
    """What is sent: a subject and plain text."""

    subject: str
    text: str


def verify_address(url: str, code: str) -> Letter:
    """To a new address: open the link or type the code."""
    return Letter(
        f"{code} is your code",
        f"Please confirm that this is your e-mail address.\n\nType this code where you were asked for it: {code}\n\n"
        f"Or open this link within 24 hours:\n{url}\n\nIf you did not open an account, you need not do anything.\n",
    )


def open_account(code: str) -> Letter:
    """To an address for which somebody wants to open an account."""
    return Letter(
        f"{code} is your code",
        f"Type this code to open your account: {code}\n\nIt works for one hour.\n\n"
        "If you did not ask for an account, you need not do anything: without the code nobody can open one.\n",
    )


def address_is_taken(url: str) -> Letter:
    """To an address that has an account, for which somebody wanted to open another one."""
    return Letter(
        "You already have an account",
        "Somebody, probably you, wanted to open an account with this e-mail address. There is one already.\n\n"
        f"Sign in with your password. If you do not know it any more, choose a new one:\n{url}\n\n"
        "If that was not you, you need not do anything. Nothing was changed.\n",
    )


def new_password(url: str) -> Letter:
    """To somebody who forgot their password."""
    return Letter(
        "Choose a new password",
        f"Open this link within one hour to choose a new password. It works once.\n{url}\n\n"
        "If you did not ask for it, you need not do anything. Your password stays as it is.\n",
    )


def password_changed(url: str) -> Letter:
    """After a password was changed, in case it was not its owner."""
    return Letter(
        "Your password was changed",
        "The password of your account was changed just now, and all other browsers were signed out.\n\n"
        f"If that was you, there is nothing to do. If it was not, choose a new password at once:\n{url}\n",
    )


def passkey_added(name: str, url: str) -> Letter:
    """After a passkey was added, in case it was not its owner."""
    return Letter(
        "A passkey was added to your account",
        f"You can sign in with the passkey “{name}” from now on.\n\n"
        f"If you did not add it, remove it and choose a new password at once:\n{url}\n",
    )


def passkey_removed(name: str, url: str) -> Letter:
    """After a passkey was removed, in case it was not its owner."""
    return Letter(
        "A passkey was removed from your account",
        f"Nobody can sign in with the passkey “{name}” any more.\n\n"
        f"If you did not remove it, choose a new password at once:\n{url}\n",
    )
