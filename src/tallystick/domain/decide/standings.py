"""Whether the accounts in a payment are verified as far as the operator demands. Each check raises Refused."""

from __future__ import annotations

from tallystick.domain.commands import Method
from tallystick.domain.money import display_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Seller, State
from tallystick.domain.tokens import PaymentSource, Token


def check_known(state: State, token: Token, recipient: Seller | None) -> None:
    """No account is held back by the operator (denied), and e-mail addresses are verified where it demands that.

    `recipient`: None for the caller. Raises Refused: TransactionDenied, UnverifiedEmailAddress_Caller,
    UnverifiedEmailAddress_Sender, UnverifiedEmailAddress_Recipient.
    """
    if state.book.seller_standing.denied:
        raise _held_back("caller")
    if token.sender_standing.denied:
        raise _held_back("sender")
    if recipient is not None and recipient.standing.denied:
        raise _held_back("recipient")
    if not state.book.demands.verified_email:
        return
    if not state.book.seller_standing.email_verified:
        raise Refused(Refusal.UnverifiedEmailAddress_Caller, "The caller's e-mail address is not verified.")
    if not token.sender_standing.email_verified:
        raise Refused(Refusal.UnverifiedEmailAddress_Sender, "The sender's e-mail address is not verified.")
    if recipient is not None and not recipient.standing.email_verified:
        raise Refused(Refusal.UnverifiedEmailAddress_Recipient, "The recipient's e-mail address is not verified.")


def _held_back(role: str) -> Refused:
    return Refused(Refusal.TransactionDenied, f"Payments of the {role}'s account are held back for now.")


def check_real_money(
    state: State, token: Token, source: PaymentSource, recipient: Seller | None, amount_micros: int
) -> None:
    """Sender and recipient may move this much real money in this way.

    Raises Refused: UnverifiedAccount_Sender, UnverifiedAccount_Recipient, UnverifiedBankAccount,
    InvalidRecipientForCCTransaction, AccountLimitsExceeded.
    """
    demands, sender = state.book.demands, token.sender_standing
    receiving = state.book.seller_standing if recipient is None else recipient.standing
    if demands.verified_account:
        if not sender.account_verified:
            raise Refused(Refusal.UnverifiedAccount_Sender, "The sender has no verified card or bank account.")
        if not receiving.account_verified:
            raise Refused(Refusal.UnverifiedAccount_Recipient, "The recipient has no verified card or bank account.")
        if source.method is Method.ACH and not source.verified:
            raise Refused(Refusal.UnverifiedBankAccount, "The sender's bank account is not verified.")
    if source.method is Method.CC and not receiving.receives_cards:
        raise Refused(Refusal.InvalidRecipientForCCTransaction, "The recipient does not receive payments by card.")
    maximum = demands.spending_limit_micros
    if maximum is not None and not sender.account_verified and amount_micros > maximum:
        message = f"The sender's account is not verified: one payment may take at most {display_amount(maximum)}."
        raise Refused(Refusal.AccountLimitsExceeded, message)
    maximum = demands.receiving_limit_micros
    if maximum is not None and not receiving.account_verified:
        held = state.cash.get(state.book.book_id if recipient is None else recipient.book_id, 0)
        if held + amount_micros > maximum:
            message = f"The recipient's account is not verified: it may hold at most {display_amount(maximum)}."
            raise Refused(Refusal.AccountLimitsExceeded, message)
