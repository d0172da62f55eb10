"""The actions that move money or debt. Fields and results are in the order of the schema of 2010-08-28."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.services.actions import pay, postpaid, prepaid
from tallystick.services.api.action import make_action
from tallystick.services.api.common_fields import (
    CALLER_DESCRIPTION,
    CHARGE_FEE_TO,
    CREDIT_INSTRUMENT,
    DESCRIPTOR_POLICY,
    MARKETPLACE_FIXED_FEE,
    MARKETPLACE_VARIABLE_FEE,
    MONEY_RESULT,
    NOTIFICATION_URL,
    OPTIONAL,
    PREPAID_INSTRUMENT,
    RECIPIENT_TOKEN,
    REFERENCE,
    REQUIRED,
    SENDER_DESCRIPTION,
    SENDER_TOKEN,
    TIMEOUT,
    TRANSACTION,
    amount,
)
from tallystick.services.api.fields import V2008, Field
from tallystick.services.api.types import Element

_PAYMENT_FIELDS: Final = (
    SENDER_TOKEN,
    RECIPIENT_TOKEN,
    amount("TransactionAmount", "How much to charge."),
    CHARGE_FEE_TO,
    REFERENCE,
    CALLER_DESCRIPTION,
    SENDER_DESCRIPTION,
    DESCRIPTOR_POLICY,
    TIMEOUT,
    MARKETPLACE_FIXED_FEE,
    MARKETPLACE_VARIABLE_FEE,
    NOTIFICATION_URL,
)

MONEY_ACTIONS: Final = (
    make_action(
        "FundPrepaid",
        "Charges the sender through the funding token and raises the balance of a prepaid instrument.",
        KeyScope.FUND,
        prepaid.fund_prepaid,
        (
            SENDER_TOKEN,
            PREPAID_INSTRUMENT,
            amount("FundingAmount", "How much to add to the balance; the caller receives it less the fee."),
            REFERENCE,
            SENDER_DESCRIPTION,
            CALLER_DESCRIPTION,
            DESCRIPTOR_POLICY,
            TIMEOUT,
            NOTIFICATION_URL,
        ),
        MONEY_RESULT,
        moves_money=True,
    ),
    make_action(
        "Pay",
        "Charges the sender: a prepaid balance, a debt, or real money, as the sender token says.",
        KeyScope.CHARGE,
        pay.pay,
        _PAYMENT_FIELDS,
        MONEY_RESULT,
        moves_money=True,
        revalidates_key=True,
    ),
    make_action(
        "Reserve",
        "Holds an amount on the sender's card, for seven days at most.",
        KeyScope.CHARGE,
        pay.reserve,
        _PAYMENT_FIELDS,
        MONEY_RESULT,
        moves_money=True,
    ),
    make_action(
        "Settle",
        "Charges what was reserved, once: all of it, or less.",
        KeyScope.CHARGE,
        pay.settle,
        (
            Field("ReserveTransactionId", "string", REQUIRED, "The reservation.", max_length=35),
            amount("TransactionAmount", "How much to charge of what is held.", OPTIONAL, "the reserved amount"),
            NOTIFICATION_URL,
        ),
        MONEY_RESULT,
        moves_money=True,
    ),
    make_action(
        "Cancel",
        "Stops a transaction that is still reserved, or that waits for the payment network to be asked.",
        KeyScope.CHARGE,
        pay.cancel,
        (
            replace(TRANSACTION, first_version=V2008),
            Field(
                "Description",
                "string",
                OPTIONAL,
                "Why; kept as the transaction's StatusMessage.",
                max_length=160,
                first_version=V2008,
            ),
            NOTIFICATION_URL,
        ),
        (
            Element("TransactionId", "string", optional=True),
            Element("TransactionStatus", "TransactionStatus", optional=True),
        ),
        moves_money=True,
        first_version=V2008,
    ),
    make_action(
        "Refund",
        "Gives back all or part of a payment: to where it came from, or off the debt.",
        KeyScope.REFUND,
        pay.refund,
        (
            TRANSACTION,
            amount("RefundAmount", "How much to give back.", OPTIONAL, "whatever is left of the original amount"),
            REFERENCE,
            CALLER_DESCRIPTION,
            Field(
                "MarketplaceRefundPolicy",
                "MarketplaceRefundPolicy",
                OPTIONAL,
                "Who gives back what of a marketplace payment; MarketplaceTxnOnly needs one with a marketplace fee.",
                default="MasterTxnOnly",
            ),
            NOTIFICATION_URL,
        ),
        MONEY_RESULT,
        moves_money=True,
        revalidates_key=True,
    ),
    make_action(
        "SettleDebt",
        "Charges the sender through the settlement token and lowers the debt of a credit instrument.",
        KeyScope.SETTLE,
        postpaid.settle_debt,
        (
            SENDER_TOKEN,
            CREDIT_INSTRUMENT,
            amount("SettlementAmount", "How much of the debt to settle; the caller receives it less the fee."),
            REFERENCE,
            SENDER_DESCRIPTION,
            CALLER_DESCRIPTION,
            DESCRIPTOR_POLICY,
            TIMEOUT,
            NOTIFICATION_URL,
        ),
        MONEY_RESULT,
        moves_money=True,
    ),
    make_action(
        "WriteOffDebt",
        "Forgives part or all of a debt. No money moves, and it cannot be undone.",
        KeyScope.WRITE_OFF,
        postpaid.write_off_debt,
        (
            CREDIT_INSTRUMENT,
            amount("AdjustmentAmount", "How much of the debt to forgive."),
            REFERENCE,
            CALLER_DESCRIPTION,
        ),
        MONEY_RESULT,
        moves_money=True,
    ),
)
