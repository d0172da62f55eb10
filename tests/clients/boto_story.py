# -*- coding: utf-8 -*-
"""A seller's program of 2012: Python 2.7 and boto 2.49, whose FPSConnection does everything.

    boto_story.py HOST PORT RETURN_URL      with FPS_KEY, FPS_SECRET and FPS_TOKENS in the environment

FPS_TOKENS is a JSON object: tokens that buyers agreed to earlier.
It writes one JSON value a line. {"authorize": URL} asks for a buyer to go there; the answer, the URL to which the buyer
was sent back, is read from standard input. All other lines are what the program found out: [name, value].
"""
from __future__ import print_function

import json
import os
import sys
import time
import urlparse
from decimal import Decimal

from boto.exception import BotoServerError
from boto.fps.connection import FPSConnection


def tell(*found):
    print(json.dumps([str(one) for one in found]))
    sys.stdout.flush()


def refused(call, **parameters):
    """The code of the refusal and its HTTP status."""
    try:
        call(**parameters)
    except BotoServerError as error:
        return '%s %s' % (error.error_code, error.status)
    return 'not refused'


class Counted(object):
    """The connection, and which of its actions were called and answered."""

    def __init__(self, connection):
        self.connection, self.answered = connection, set()
        self.actions = {
            name: getattr(FPSConnection, name).action
            for name in dir(FPSConnection) if getattr(getattr(FPSConnection, name), 'action', None)}

    def __getattr__(self, name):
        method = getattr(self.connection, name)

        def counted(*args, **kw):
            answer = method(*args, **kw)
            if name in self.actions:
                self.answered.add(self.actions[name])
            return answer
        return counted


class Story(object):
    def __init__(self, host, port, return_url):
        self.fps = Counted(FPSConnection(
            aws_access_key_id=os.environ['FPS_KEY'], aws_secret_access_key=os.environ['FPS_SECRET'],
            host=host, port=port, is_secure=False))
        self.tokens = json.loads(os.environ['FPS_TOKENS'])
        self.return_url = return_url

    def authorize(self, **parameters):
        url = self.fps.cbui_url(returnURL=self.return_url, **parameters)
        print(json.dumps({'authorize': url}))
        sys.stdout.flush()
        back = urlparse.urlsplit(sys.stdin.readline().strip())
        endpoint = '%s://%s%s' % (back.scheme, back.netloc, back.path)
        checked = self.fps.verify_signature(UrlEndPoint=endpoint, HttpParameters=back.query)
        tell('signature', checked.VerifySignatureResult.VerificationStatus)
        forged = self.fps.verify_signature(UrlEndPoint=endpoint, HttpParameters=back.query.replace('status=S', 'status=X'))
        tell('forged', forged.VerifySignatureResult.VerificationStatus)
        answer = dict(urlparse.parse_qsl(back.query, keep_blank_values=True))
        tell('status', answer['status'])
        return answer

    def wait(self, transaction_id):
        for _ in range(300):
            result = self.fps.get_transaction_status(TransactionId=transaction_id).GetTransactionStatusResult
            if result.TransactionStatus != 'Pending':
                return result.TransactionStatus
            time.sleep(0.1)
        return 'still Pending'

    def cash(self):
        return self.fps.get_account_balance().GetAccountBalanceResult.AccountBalance.TotalBalance.Value

    def prepaid(self):
        fps = self.fps
        answer = self.authorize(
            pipelineName='SetupPrepaid', callerReferenceSender='boto sender ~*', callerReferenceFunding='boto-funding',
            fundingAmount='10.00', paymentReason='Songs & "more"', paymentMethod='CC')
        instrument, sender = answer['prepaidInstrumentID'], answer['prepaidSenderTokenID']

        def balance():
            return fps.get_prepaid_balance(PrepaidInstrumentId=instrument).GetPrepaidBalanceResult.PrepaidBalance

        tell('empty', balance().AvailableBalance.Value, balance().AvailableBalance.CurrencyCode)
        tell('pay from nothing', refused(fps.pay, SenderTokenId=sender, TransactionAmount='1.00'))
        funding = fps.fund_prepaid(
            SenderTokenId=answer['fundingTokenID'], PrepaidInstrumentId=instrument, FundingAmount='10.00')
        tell('funding', self.wait(funding.FundPrepaidResult.TransactionId))
        tell('funded', balance().AvailableBalance.Value, balance().PendingInBalance.Value, self.cash())

        first = fps.pay(SenderTokenId=sender, TransactionAmount='4.00', CallerReference='order-7').PayResult
        tell('pay', first.TransactionStatus)
        again = fps.pay(SenderTokenId=sender, TransactionAmount='4.00', CallerReference='order-7').PayResult
        tell('paid once', first.TransactionId == again.TransactionId, balance().AvailableBalance.Value)
        tell('other request, same reference',
             refused(fps.pay, SenderTokenId=sender, TransactionAmount='4.01', CallerReference='order-7'))
        refund = fps.refund(TransactionId=first.TransactionId, CallerReference='refund-7', RefundAmount='1.00')
        tell('refund', self.wait(refund.RefundResult.TransactionId), balance().AvailableBalance.Value)
        tell('past the limit', refused(
            fps.fund_prepaid, SenderTokenId=answer['fundingTokenID'], PrepaidInstrumentId=instrument,
            FundingAmount='3.01'))
        total = fps.get_total_prepaid_liability().GetTotalPrepaidLiabilityResult.OutstandingPrepaidLiability
        tell('liability', total.OutstandingBalance.Value, total.PendingInBalance.Value)
        transaction = fps.get_transaction(TransactionId=first.TransactionId).GetTransactionResult.Transaction
        tell('transaction', transaction.FPSOperation, transaction.TransactionAmount.Value, transaction.PaymentMethod)
        token = fps.get_token_by_caller(CallerReference='boto sender ~*').GetTokenByCallerResult
        tell('token by reference', token.TokenId == sender, token.PaymentReason)
        fps.cancel_token(TokenId=sender)
        tell('cancelled', refused(fps.pay, SenderTokenId=sender, TransactionAmount='1.00'))

    def postpaid(self):
        fps = self.fps
        answer = self.authorize(
            pipelineName='SetupPostpaid', callerReferenceSender='boto-tab', callerReferenceSettlement='boto-settle',
            creditLimit='100.00', globalAmountLimit='1000.00', usageLimitType1='Count', usageLimitValue1='20',
            usageLimitPeriod1='1 Month', paymentMethod='ACH')
        instrument, sender = answer['creditInstrumentID'], answer['creditSenderTokenID']

        def debt():
            return fps.get_outstanding_debt_balance().GetOutstandingDebtBalanceResult.OutstandingDebt

        before = self.cash()
        for amount in (Decimal('40'), Decimal('60.00')):
            tell('tab', fps.pay(SenderTokenId=sender, TransactionAmount=amount).PayResult.TransactionStatus)
        tell('owed', debt().OutstandingBalance.Value)
        tell('at the limit', refused(fps.pay, SenderTokenId=sender, TransactionAmount='0.01'))
        money = {'SenderTokenId': answer['settlementTokenID'], 'CreditInstrumentId': instrument}
        tell('too much', refused(fps.settle_debt, SettlementAmount='100.01', **money))
        settled = fps.settle_debt(SettlementAmount='90.00', **money).SettleDebtResult
        tell('settlement', self.wait(settled.TransactionId))
        tell('settled', debt().OutstandingBalance.Value, debt().PendingOutBalance.Value, self.cash() - before)
        # boto knows no nested elements for this action: what it keeps of two amounts is the last one, what is pending
        single = fps.get_debt_balance(CreditInstrumentId=instrument).GetDebtBalanceResult
        tell('debt of the instrument', single.Value, single.CurrencyCode)
        forgiven = fps.write_off_debt(CreditInstrumentId=instrument, AdjustmentAmount='10.00').WriteOffDebtResult
        tell('write-off', self.wait(forgiven.TransactionId), debt().OutstandingBalance.Value)
        tell('nothing left', refused(fps.write_off_debt, CreditInstrumentId=instrument, AdjustmentAmount='0.01'))

    def real_money(self):
        fps, card = self.fps, self.tokens['card']
        paid = fps.pay(SenderTokenId=card, TransactionAmount='2.50', CallerDescription='caf\xc3\xa9 & more').PayResult
        tell('paid by card', self.wait(paid.TransactionId))
        refund = fps.refund(TransactionId=paid.TransactionId, CallerReference='refund-card', RefundAmount='0.50')
        tell('given back to the card', self.wait(refund.RefundResult.TransactionId))

        def reserve(amount):
            held = fps.reserve(SenderTokenId=card, TransactionAmount=amount).ReserveResult
            return held.TransactionId, self.wait(held.TransactionId)

        held, status = reserve('8.00')
        tell('reserved', status)
        settled = fps.settle(ReserveTransactionId=held, TransactionAmount='7.00').SettleResult
        tell('reservation settled', self.wait(settled.TransactionId))
        tell('settled twice', refused(fps.settle, ReserveTransactionId=held, TransactionAmount='1.00'))
        other, _ = reserve('3.00')
        given_up = fps.cancel(TransactionId=other, Description='sold out').CancelResult
        tell('reservation cancelled', given_up.TransactionStatus, self.wait(other))

    def subscription(self):
        fps, monthly = self.fps, self.tokens['monthly']
        self.wait(fps.pay(SenderTokenId=monthly, TransactionAmount='5.00').PayResult.TransactionId)
        # boto keeps what is nested in these answers flat, under the names of the innermost elements
        usage = fps.get_token_usage(TokenId=monthly).GetTokenUsageResult
        tell('usage', usage.Count, usage.LastResetCount)
        details = fps.get_subscription_details(SubscriptionId=monthly).GetSubscriptionDetailsResult
        tell('subscription', details.SubscriptionStatus, details.NumberOfTransactionsProcessed, details.RecipientName)
        payments = fps.get_transactions_for_subscription(SubscriptionId=monthly).GetTransactionsForSubscriptionResult
        tell('its payment', payments.TransactionSerialNumber, payments.Value, payments.TransactionStatus)
        ended = fps.cancel_subscription_and_refund(SubscriptionId=monthly, RefundAmount='5.00')
        tell('ended', self.wait(ended.CancelSubscriptionAndRefundResult.RefundTransactionId))

    def own_tokens(self):
        fps = self.fps
        checked = fps.get_recipient_verification_status(RecipientTokenId=self.tokens['recipient'])
        tell('recipient', checked.GetRecipientVerificationStatusResult.RecipientVerificationStatus)
        text = "MyRole == 'Recipient' orSay 'r\xc3\xb4le';"
        made = fps.install_payment_instruction(
            PaymentInstruction=text, TokenType='Unrestricted', CallerReference='boto-own').InstallPaymentInstructionResult
        kept = fps.get_payment_instruction(TokenId=made.TokenId).GetPaymentInstructionResult
        tell('instruction', kept.PaymentInstruction.encode('utf-8') == text)
        tokens = fps.get_tokens(CallerReference='boto-own').GetTokensResult.Token
        tell('installed', [token.TokenId for token in tokens] == [made.TokenId])

    def strangers(self):
        tell('unknown transaction', refused(self.fps.get_transaction_status, TransactionId='nonsense'))
        tell('parameter of another case', refused(
            self.fps.get_account_activity, StartDate='2012-01-01T00:00:00Z', maxBatchSize='20'))
        activity = self.fps.get_account_activity(StartDate='2012-01-01T00:00:00Z').GetAccountActivityResult
        operations = sorted(one.FPSOperation for one in activity.Transaction)
        tell('activity', ' '.join(operations))


if __name__ == '__main__':
    story = Story(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    story.prepaid()
    story.postpaid()
    story.real_money()
    story.subscription()
    story.own_tokens()
    story.strangers()
    tell('calls made', '%d of %d' % (len(story.fps.answered), len(set(story.fps.actions.values()))))
