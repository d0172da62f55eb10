"""The actions about tokens, subscriptions and signatures. Fields and results are in the order of the schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.services.actions import instructions, subscriptions, tokens, verify_signature
from tallystick.services.api.action import make_action
from tallystick.services.api.common_fields import (
    CONDITIONAL,
    NOTIFICATION_URL,
    OPTIONAL,
    REFERENCE,
    REQUIRED,
    SUBSCRIPTION,
    amount,
)
from tallystick.services.api.fields import V2008, V2010, Field
from tallystick.services.api.types import Element

_EITHER: Final = "exactly one of TokenId and CallerReference"
TOKENS: Final = (
    make_action(
        "GetTokenByCaller",
        "A token that the caller had installed on another account.",
        KeyScope.READ,
        tokens.get_token_by_caller,
        (
            Field("TokenId", "string", CONDITIONAL, "The token.", condition=_EITHER, max_length=64),
            Field(
                "CallerReference",
                "string",
                CONDITIONAL,
                "The reference under which it was installed.",
                condition=_EITHER,
                max_length=128,
            ),
        ),
        (Element("Token", "Token", optional=True),),
    ),
    make_action(
        "GetTokens",
        "The tokens on the caller's own account.",
        KeyScope.READ,
        tokens.get_tokens,
        (
            Field("TokenStatus", "TokenStatus", OPTIONAL, "Only tokens in this status.", default="Active"),
            Field("TokenType", "TokenType", OPTIONAL, "Only this.", default="no filter", first_version=V2008),
            Field("CallerReference", "string", OPTIONAL, "Only this.", default="no filter", max_length=128),
            Field("TokenFriendlyName", "string", OPTIONAL, "Only this.", default="no filter", max_length=128),
        ),
        (Element("Token", "Token", optional=True, repeated=True),),
    ),
    make_action(
        "GetTokenUsage",
        "How much of a token's usage limits is used.",
        KeyScope.READ,
        tokens.get_token_usage,
        (Field("TokenId", "string", REQUIRED, "The token.", max_length=64),),
        (Element("TokenUsageLimits", "TokenUsageLimit", optional=True, repeated=True, max_occurs=3),),
    ),
    make_action(
        "CancelToken",
        "Revokes a token so that it can pay for nothing more.",
        KeyScope.TOKENS,
        tokens.cancel_token,
        (
            Field("TokenId", "string", REQUIRED, "The token.", max_length=64),
            Field("ReasonText", "string", OPTIONAL, "Why. Checked, not kept.", default="", max_length=64),
            NOTIFICATION_URL,
        ),
    ),
    make_action(
        "InstallPaymentInstruction",
        "Makes a token on the caller's own account from a payment instruction.",
        KeyScope.TOKENS,
        instructions.install_payment_instruction,
        (
            Field(
                "PaymentInstruction",
                "string",
                REQUIRED,
                "What the token may be used for, in the language of payment instructions.",
            ),
            Field("TokenFriendlyName", "string", OPTIONAL, "What people call the token.", max_length=128),
            Field(
                "CallerReference",
                "string",
                REQUIRED,
                "The caller's own name for the token; a token keeps it for ever.",
                max_length=128,
            ),
            Field("TokenType", "TokenType", REQUIRED, "How often the token may be used."),
            Field("PaymentReason", "string", OPTIONAL, "What the token is for.", max_length=64),
        ),
        (Element("TokenId", "string"),),
    ),
    make_action(
        "GetPaymentInstruction",
        "The payment instruction that a token was made from.",
        KeyScope.READ,
        instructions.get_payment_instruction,
        (Field("TokenId", "string", REQUIRED, "The token.", max_length=64),),
        (
            Element("Token", "Token"),
            Element("PaymentInstruction", "string"),
            Element("CallerReference", "string"),
            Element("TokenFriendlyName", "string", optional=True),
        ),
    ),
    make_action(
        "GetRecipientVerificationStatus",
        "How far the service has come to know the account behind a recipient token.",
        KeyScope.READ,
        tokens.get_recipient_verification_status,
        (
            Field(
                "RecipientTokenId",
                "string",
                REQUIRED,
                "The recipient token.",
                max_length=65,
                first_version=V2008,
            ),
        ),
        (Element("RecipientVerificationStatus", "RecipientVerificationStatus", optional=True),),
        first_version=V2008,
    ),
    make_action(
        "VerifySignature",
        "Tells whether a return URL or a notification was signed by this service.",
        KeyScope.NOTIFICATIONS,
        verify_signature.verify_signature,
        (
            Field(
                "UrlEndPoint",
                "string(url)",
                REQUIRED,
                "The URL that received the message, without its query.",
                first_version=V2008,
            ),
            Field(
                "HttpParameters",
                "string",
                REQUIRED,
                "The message's query string or body, as it was received.",
                first_version=V2008,
            ),
        ),
        (Element("VerificationStatus", "VerificationStatus", optional=True),),
        first_version=V2008,
        may_be_unsigned=True,
    ),
)

SUBSCRIPTIONS: Final = (
    make_action(
        "GetSubscriptionDetails",
        "What was agreed to with a recurring token, and how far it has come.",
        KeyScope.READ,
        subscriptions.get_subscription_details,
        (replace(SUBSCRIPTION, first_version=V2010),),
        (Element("SubscriptionDetails", "SubscriptionDetails", optional=True),),
        first_version=V2010,
    ),
    make_action(
        "GetTransactionsForSubscription",
        "The payments of a subscription, oldest first.",
        KeyScope.READ,
        subscriptions.get_transactions_for_subscription,
        (replace(SUBSCRIPTION, first_version=V2010),),
        (Element("SubscriptionTransaction", "SubscriptionTransaction", optional=True, repeated=True),),
        first_version=V2010,
    ),
    make_action(
        "CancelSubscriptionAndRefund",
        "Ends a subscription and, if asked, gives back all or part of its latest payment.",
        KeyScope.TOKENS | KeyScope.REFUND,
        subscriptions.cancel_subscription_and_refund,
        (
            replace(SUBSCRIPTION, first_version=V2008),
            replace(
                amount("RefundAmount", "How much of the latest payment to give back; without it, nothing.", OPTIONAL),
                first_version=V2008,
            ),
            replace(
                REFERENCE,
                need=CONDITIONAL,
                condition="required when RefundAmount is given",
                first_version=V2008,
            ),
            Field(
                "CancelReason",
                "string",
                OPTIONAL,
                "Why; kept with the refund as its CallerDescription. Without a refund checked, not kept.",
                max_length=160,
                first_version=V2008,
            ),
        ),
        (Element("RefundTransactionId", "string"),),
        moves_money=True,
        first_version=V2008,
    ),
)
