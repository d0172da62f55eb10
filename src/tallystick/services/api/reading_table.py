"""The actions that read balances and transactions. Fields and results are in the order of the schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.services.actions import account, activity, postpaid, prepaid, transactions
from tallystick.services.api.action import make_action
from tallystick.services.api.common_fields import CREDIT_INSTRUMENT, OPTIONAL, PREPAID_INSTRUMENT, REQUIRED, TRANSACTION
from tallystick.services.api.fields import V2007, V2008, Field
from tallystick.services.api.types import Element

BALANCES: Final = (
    make_action(
        "GetPrepaidBalance",
        "What is left to spend of a prepaid instrument. For its sender and its recipient.",
        KeyScope.READ,
        prepaid.get_prepaid_balance,
        (PREPAID_INSTRUMENT,),
        (Element("PrepaidBalance", "PrepaidBalance", optional=True),),
        revalidates_key=True,
    ),
    make_action(
        "GetTotalPrepaidLiability",
        "The sum of all prepaid balances that the caller has to make good.",
        KeyScope.READ,
        prepaid.get_total_prepaid_liability,
        (),
        (Element("OutstandingPrepaidLiability", "OutstandingPrepaidLiability", optional=True),),
    ),
    make_action(
        "GetDebtBalance",
        "What is owed on a credit instrument. For its sender and its recipient.",
        KeyScope.READ,
        postpaid.get_debt_balance,
        (CREDIT_INSTRUMENT,),
        (Element("DebtBalance", "DebtBalance", optional=True),),
        revalidates_key=True,
    ),
    make_action(
        "GetOutstandingDebtBalance",
        "The sum of all debts owed to the caller.",
        KeyScope.READ,
        postpaid.get_outstanding_debt_balance,
        (),
        (Element("OutstandingDebt", "OutstandingDebtBalance", optional=True),),
    ),
    make_action(
        "GetAccountBalance",
        "What the service holds for the caller.",
        KeyScope.READ,
        account.get_account_balance,
        (),
        (Element("AccountBalance", "AccountBalance", optional=True),),
    ),
)

TRANSACTIONS: Final = (
    make_action(
        "GetTransaction",
        "Everything about a transaction. For those who took part in it.",
        KeyScope.READ,
        transactions.get_transaction,
        (TRANSACTION,),
        (Element("Transaction", "TransactionDetail", optional=True),),
    ),
    make_action(
        "GetTransactionStatus",
        "How far a transaction is.",
        KeyScope.READ,
        transactions.get_transaction_status,
        (replace(TRANSACTION, first_version=V2008),),
        (
            Element("TransactionId", "string"),
            Element("TransactionStatus", "TransactionStatus"),
            Element("CallerReference", "string"),
            Element("StatusCode", "string", optional=True),
            Element("StatusMessage", "string", optional=True),
        ),
        first_version=V2008,
        revalidates_key=True,
    ),
    make_action(
        "GetAccountActivity",
        "The transactions in which the caller took part, page by page.",
        KeyScope.READ,
        activity.get_account_activity,
        (
            Field(
                "MaxBatchSize",
                "integer",
                OPTIONAL,
                "How many transactions one answer may hold.",
                minimum=activity.MIN_BATCH,
                maximum=activity.MAX_BATCH,
                default="20",
            ),
            Field("StartDate", "dateTime", REQUIRED, "Received at or after this moment, which is not in the future."),
            Field("EndDate", "dateTime", OPTIONAL, "Received at or before this moment.", default="now"),
            Field("SortOrderByDate", "SortOrder", OPTIONAL, "By the date received.", default="Descending"),
            Field("FPSOperation", "FPSOperation", OPTIONAL, "Only this.", default="no filter", first_version=V2008),
            Field("PaymentMethod", "PaymentMethod", OPTIONAL, "Only this.", default="no filter"),
            Field(
                "Role",
                "TransactionalRole",
                OPTIONAL,
                "Only where the caller played one of these roles.",
                default="no filter",
                repeated=True,
            ),
            Field(
                "TransactionStatus",
                "TransactionStatus",
                OPTIONAL,
                "Only this.",
                default="no filter",
                first_version=V2008,
            ),
            Field(
                "Status",
                "TransactionStatus",
                OPTIONAL,
                "Another name of TransactionStatus, that of 2007-01-08; later clients still send it.",
                default="no filter",
                last_version=V2007,
                means="TransactionStatus",
            ),
            Field(
                "ResponseGroup",
                "string",
                OPTIONAL,
                "Of the 2007-01-08 schema; later clients still send it. Checked, without effect.",
                choices=("Summary", "Details"),
                default="Details",
                last_version=V2007,
            ),
        ),
        (
            Element("BatchSize", "integer", optional=True),
            Element("Transaction", "Transaction", optional=True, repeated=True),
            Element("StartTimeForNextTransaction", "dateTime", optional=True),
        ),
    ),
)
