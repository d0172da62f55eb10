"""The letters that we write, each with its subject and its text, in the language of whoever has them sent."""

from __future__ import annotations

from typing import NamedTuple

from tallystick.words import gettext as _


class Letter(NamedTuple):
    """What is sent: a subject and plain text. `code`: the one that stands in the subject, if there is one."""

    subject: str
    text: str
    code: str = ""


def verify_address(url: str, code: str) -> Letter:
    """To a new address: open the link or type the code."""
    return Letter(
        _("%(code)s is your code", code=code),
        _(
            "Please confirm that this is your e-mail address.\n\n"
            "Type this code where you were asked for it: %(code)s\n\n"
            "Or open this link within 24 hours:\n%(url)s\n\n"
            "If you did not open an account, you need not do anything.\n",
            code=code,
            url=url,
        ),
        code,
    )


def open_account(code: str) -> Letter:
    """To an address for which somebody wants to open an account."""
    return Letter(
        _("%(code)s is your code", code=code),
        _(
            "Type this code to open your account: %(code)s\n\nIt works for one hour.\n\n"
            "If you did not ask for an account, you need not do anything: without the code nobody can open one.\n",
            code=code,
        ),
        code,
    )


def enter_with_code(code: str) -> Letter:
    """To an address with which somebody wants to pay without a password."""
    return Letter(
        _("%(code)s is your code", code=code),
        _(
            "Type this code on the page that asked for it: %(code)s\n\n"
            "It works for fifteen minutes, on that page alone.\n\n"
            "Give it to nobody: whoever types it is signed in with your e-mail address. If you did not ask for it, you"
            " need not do anything.\n",
            code=code,
        ),
        code,
    )


def code_opens_nothing(url: str) -> Letter:
    """To an address whose account takes no mailed code, mostly because it has a password."""
    return Letter(
        _("Sign in with your password"),
        _(
            "Somebody, probably you, asked for a code to sign in with this e-mail address."
            " Codes do not open its account.\n\n"
            "Sign in with your password. If you do not know it any more, choose a new one:\n%(url)s\n\n"
            "If that was not you, you need not do anything. Nothing was changed.\n",
            url=url,
        ),
    )


def address_is_taken(url: str) -> Letter:
    """To an address that has an account, for which somebody wanted to open another one."""
    return Letter(
        _("You already have an account"),
        _(
            "Somebody, probably you, wanted to open an account with this e-mail address. There is one already.\n\n"
            "Sign in with your password. If you do not know it any more, choose a new one:\n%(url)s\n\n"
            "If that was not you, you need not do anything. Nothing was changed.\n",
            url=url,
        ),
    )


def new_password(url: str) -> Letter:
    """To somebody who forgot their password."""
    return Letter(
        _("Choose a new password"),
        _(
            "Open this link within one hour to choose a new password. It works once.\n%(url)s\n\n"
            "If you did not ask for it, you need not do anything. Your password stays as it is.\n",
            url=url,
        ),
    )


def password_changed(url: str) -> Letter:
    """After a password was changed, in case it was not its owner."""
    return Letter(
        _("Your password was changed"),
        _(
            "The password of your account was changed just now, and all other browsers were signed out.\n\n"
            "If that was you, there is nothing to do. If it was not, choose a new password at once:\n%(url)s\n",
            url=url,
        ),
    )


def passkey_added(name: str, url: str) -> Letter:
    """After a passkey was added, in case it was not its owner."""
    return Letter(
        _("A passkey was added to your account"),
        _(
            "You can sign in with the passkey “%(name)s” from now on.\n\n"
            "If you did not add it, remove it and choose a new password at once:\n%(url)s\n",
            name=name,
            url=url,
        ),
    )


def passkey_removed(name: str, url: str) -> Letter:
    """After a passkey was removed, in case it was not its owner."""
    return Letter(
        _("A passkey was removed from your account"),
        _(
            "Nobody can sign in with the passkey “%(name)s” any more.\n\n"
            "If you did not remove it, choose a new password at once:\n%(url)s\n",
            name=name,
            url=url,
        ),
    )


def second_factor_added(url: str) -> Letter:
    """After an authenticator app was set up, in case it was not the account's owner."""
    return Letter(
        _("Codes of an app are asked for from now on"),
        _(
            "Whoever signs in to your account with its password now also needs a code of your authenticator app.\n\n"
            "If you did not set it up, choose a new password at once, and tell the people who run this service:\n"
            "%(url)s\n",
            url=url,
        ),
    )


def second_factor_removed(url: str) -> Letter:
    """After an authenticator app, or all second factors, were removed, in case it was not the account's owner."""
    return Letter(
        _("Codes of an app are no longer asked for"),
        _(
            "The password alone signs in to your account now.\n\n"
            "If that was not you, choose a new password at once, and set up an app again:\n%(url)s\n",
            url=url,
        ),
    )


def confirm_payment(seller: str, amount: str, url: str) -> Letter:
    """To a buyer whose bank wants to know whether it is really them who pays."""
    return Letter(
        _("Please confirm your payment to %(seller)s", seller=seller),
        _(
            "%(seller)s wanted to charge %(amount)s, as you have allowed. Your bank did not carry it out: it wants you "
            "to confirm it first.\n\n"
            "Open this page and follow it to your bank:\n%(url)s\n\n"
            "Nothing has been charged. Once you have confirmed, %(seller)s can try again.\n\n"
            "If you do not want to pay, you need not do anything.\n",
            seller=seller,
            amount=amount,
            url=url,
        ),
    )


def balance_paid_back(seller: str, amount: str, url: str) -> Letter:
    """To a buyer who asked for what was left of a prepaid balance."""
    return Letter(
        _("%(amount)s is paid back to you", amount=amount),
        _(
            "You asked for what you had not spent of your balance at %(seller)s. %(amount)s goes back to where it came "
            "from: to an account balance at once, to a card within a few days.\n\n"
            "What a card's bank does not take is put on your balance again. What came of it:\n%(url)s\n\n"
            "If you did not ask for it, choose a new password at once.\n",
            seller=seller,
            amount=amount,
            url=url,
        ),
    )


def balance_not_paid_back(seller: str, amount: str, url: str) -> Letter:
    """To a buyer who asked for what was left of a prepaid balance, and did not get it."""
    return Letter(
        _("%(amount)s could not be paid back", amount=amount),
        _(
            "You asked for what you had not spent of your balance at %(seller)s. %(amount)s could not be paid back, "
            "and is still on the balance. %(seller)s is told. Try again later, or ask %(seller)s about it:\n%(url)s\n",
            seller=seller,
            amount=amount,
            url=url,
        ),
    )
