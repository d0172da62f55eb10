-- What must always be true of the books. Each statement returns one row of text per violation, nothing when all is well.
-- They read everything and run in one snapshot. Read by verify.py. On Citus, what belongs to one book is joined by book_id on
-- the machine that has it; what meets across books, or with tables that stay behind, is gathered first (MATERIALIZED): it
-- is about real money, which is never moved very often.

-- part: replayed
-- What the transfers of each account come to, from what the archive carries over. Those that are transactions themselves went to
-- sales, account 2.
replayed AS (
    SELECT book_id, account_id, sum(delta) AS balance_micros
      FROM (SELECT book_id, debit_account AS account_id, amount_micros AS delta FROM transfer
            UNION ALL
            SELECT book_id, credit_account, -amount_micros FROM transfer
            UNION ALL
            SELECT book_id, own_debit_account, amount_micros FROM transaction WHERE own_debit_account IS NOT NULL
            UNION ALL
            SELECT book_id, 2::bigint, -amount_micros FROM transaction WHERE own_debit_account IS NOT NULL
            UNION ALL
            SELECT book_id, account_id, balance_micros FROM archived_balance) AS movement
     GROUP BY book_id, account_id
)

-- part: refunds_a_funding
-- What a Refund gives back is the unspent part of a funding: refunds of payments from an instrument name that as their method.
-- A RefundReversal takes that back.
(operation IN ('Refund', 'RefundReversal') AND instrument_id IS NOT NULL AND payment_method NOT IN ('Prepaid', 'Debt'))

-- part: of_operator
-- The environment of a seller's book (`own`) in the operator's.
operator.party_id IS NULL AND operator.environment = own.environment AND operator.currency = own.currency

-- part: mirroring
-- The part of the operator's book that mirrors a seller's.
/* part: of_operator */
       AND operator.part = own.operator_part

-- part: is_of_balance
-- The amount comes from a person's account balance, or goes back there: the first part of the operator's book has these.
(sender_party_id IS NOT NULL AND (payment_method = 'ABT' OR (payment_method = 'ACH' AND operation = 'Refund')))

-- name: balances_follow_from_transfers
-- The transfers of an account, replayed, sum to its balance.
WITH /* part: replayed */
SELECT format('book %s, account %s %s: balance is %s, its transfers sum to %s', book_id, coalesce(account.kind, '(missing)'),
              coalesce(account.subject, account_id::text), coalesce(account.balance_micros, 0),
              coalesce(replayed.balance_micros, 0))
  FROM account FULL JOIN replayed USING (book_id, account_id)
 WHERE account.account_id IS NULL OR account.balance_micros <> coalesce(replayed.balance_micros, 0)

-- name: unexplained_micros
-- For people, not a check: how far balances are from what their transfers make of them, added up over all accounts.
WITH /* part: replayed */
SELECT coalesce(sum(abs(coalesce(account.balance_micros, 0) - coalesce(replayed.balance_micros, 0))), 0)::bigint
  FROM account FULL JOIN replayed USING (book_id, account_id)

-- name: books_sum_to_zero
-- Debits equal credits in every book.
SELECT format('book %s: its accounts sum to %s instead of zero', book_id, sum(balance_micros))
  FROM account GROUP BY book_id HAVING sum(balance_micros) <> 0

-- name: books_have_their_mirror
-- The part of the operator's book that a seller's book belongs to exists, and the first part besides: people's balances are
-- there.
SELECT format('book %s: there is no part %s of the operator''s book of %s', own.book_id, needed.part, own.environment)
  FROM book AS own
 CROSS JOIN LATERAL (VALUES (0), (own.operator_part)) AS needed (part)
  LEFT JOIN book AS operator
         ON /* part: of_operator */
        AND operator.part = needed.part
 WHERE operator.book_id IS NULL

-- name: fee_income_is_not_negative
-- The parts of the operator's book together gave back no more of their fees than they took; one by itself may have.
SELECT format('the operator''s books of %s: their fee income is %s', environment, -sum(balance_micros))
  FROM account JOIN book USING (book_id)
 WHERE account.kind = 'fee_income' GROUP BY environment, currency HAVING sum(balance_micros) > 0

-- name: archived_balances_sum_to_zero
-- Debits equal credits in what the archive carries over, too.
SELECT format('book %s: its archived balances sum to %s instead of zero', book_id, sum(balance_micros))
  FROM archived_balance GROUP BY book_id HAVING sum(balance_micros) <> 0

-- name: prepaid_balances_within_bounds
-- No prepaid balance is below zero, and none is above what funding may put there plus what refunds of payments, refunds that
-- failed after all, and won disputes gave back: what those froze does not count towards the limit.
WITH won AS (
    SELECT book_id, instrument_id, sum(asked_micros) AS micros
      FROM dispute WHERE status = 'won' AND instrument_id IS NOT NULL GROUP BY book_id, instrument_id
), refunds AS (
    SELECT book_id, instrument_id, sum(amount_micros) AS micros
      FROM transaction
     WHERE (operation = 'Refund' AND payment_method = 'Prepaid' OR operation = 'RefundReversal') AND status = 'Success'
       AND instrument_id IS NOT NULL
     GROUP BY book_id, instrument_id
), held AS (
    SELECT instrument.book_id, instrument.instrument_id, -account.balance_micros AS balance_micros,
           instrument.limit_micros + coalesce(refunds.micros, 0) + coalesce(archived.refunded_micros, 0)
               + coalesce(won.micros, 0) AS most_micros
      FROM instrument
      JOIN account USING (book_id, account_id)
      LEFT JOIN archived_total AS archived
             ON archived.book_id = instrument.book_id AND archived.subject_id = instrument.instrument_id
      LEFT JOIN refunds
             ON refunds.book_id = instrument.book_id AND refunds.instrument_id = instrument.instrument_id
      LEFT JOIN won ON won.book_id = instrument.book_id AND won.instrument_id = instrument.instrument_id
     WHERE instrument.kind = 'prepaid'
)
SELECT format('book %s, instrument %s: prepaid balance %s is outside 0 to %s', book_id, instrument_id, balance_micros,
              most_micros)
  FROM held
 WHERE balance_micros NOT BETWEEN 0 AND most_micros

-- name: instruments_have_their_accounts
-- The balance or debt of an instrument is that of the account with its name.
SELECT format('book %s, instrument %s: its account is %s %s', instrument.book_id, instrument_id, account.kind, subject)
  FROM instrument
  JOIN account USING (book_id, account_id)
 WHERE subject <> instrument_id
    OR account.kind <> CASE instrument.kind WHEN 'prepaid' THEN 'prepaid' ELSE 'receivable' END

-- name: debts_within_bounds
-- No debt is below what is being settled, above its limit, or the result of more charges than agreed in total.
SELECT format('book %s, instrument %s: debt %s (%s being settled) with limit %s; charged %s of %s', instrument.book_id,
              instrument.instrument_id, account.balance_micros, instrument.pending_micros, instrument.limit_micros,
              instrument.charged_micros, instrument.total_limit_micros)
  FROM instrument
  JOIN account USING (book_id, account_id)
 WHERE instrument.kind = 'credit'
   AND (account.balance_micros NOT BETWEEN instrument.pending_micros AND instrument.limit_micros
        OR instrument.charged_micros > instrument.total_limit_micros)

-- name: instruments_agree_with_transactions
-- What an instrument counts as charged and pending is what its transactions say, archived ones included.
WITH paid AS (
    SELECT book_id, own_debit_account AS account_id, sum(amount_micros) AS micros
      FROM transaction WHERE /* part: names_account_only */ GROUP BY book_id, own_debit_account
), counted AS (
    SELECT book_id, instrument_id, sum(charged_micros) AS charged_micros, sum(pending_micros) AS pending_micros
      FROM (SELECT book_id, instrument_id,
                   coalesce(sum(amount_micros) FILTER (WHERE operation = 'Pay' AND status = 'Success'), 0) AS charged_micros,
                   coalesce(sum(amount_micros) FILTER (WHERE status = 'Pending'), 0) AS pending_micros
              FROM transaction WHERE instrument_id IS NOT NULL GROUP BY book_id, instrument_id
            UNION ALL
            SELECT instrument.book_id, instrument.instrument_id, paid.micros, 0
              FROM instrument JOIN paid ON paid.book_id = instrument.book_id AND paid.account_id = instrument.account_id) AS both_forms
     GROUP BY book_id, instrument_id
)
SELECT format('book %s, instrument %s: says charged %s, pending %s; its transactions say %s, %s', instrument.book_id,
              instrument.instrument_id, instrument.charged_micros, instrument.pending_micros,
              coalesce(counted.charged_micros, 0) + coalesce(archived.paid_micros, 0), counted.pending_micros)
  FROM instrument
  LEFT JOIN counted USING (book_id, instrument_id)
  LEFT JOIN archived_total AS archived
         ON archived.book_id = instrument.book_id AND archived.subject_id = instrument.instrument_id
 WHERE instrument.pending_micros <> coalesce(counted.pending_micros, 0)
    OR (instrument.kind = 'credit'
        AND instrument.charged_micros <> coalesce(counted.charged_micros, 0) + coalesce(archived.paid_micros, 0))

-- name: transactions_moved_what_they_say
-- In its own book, a transaction with an instrument that succeeded has one transfer of its amount, to or from the account of
-- that instrument, and a second one of its fee, if there is any; any other transaction has none. The refund of a funding is
-- real money, and looked at below, as disputes are. Accounts are joined by the key of `transaction`: that of `off` comes
-- from a FULL JOIN, by which Citus does not see that both are of one book. A payment that names nothing but the account is what it
-- moved; own_transfers_are_of_payments looks at the account.
WITH total (cash, sales, fees, write_offs) AS (
    VALUES (1::bigint, 2::bigint, 3::bigint, 4::bigint) -- the numbers of these accounts: domain/accounts.py
), said AS (
    SELECT transaction.book_id, transaction_id, 1 AS number,
           CASE operation WHEN 'Pay' THEN account_id WHEN 'Refund' THEN sales WHEN 'WriteOffDebt' THEN write_offs
                          ELSE cash END AS debit_account,
           CASE operation WHEN 'Pay' THEN sales ELSE account_id END AS credit_account, amount_micros
      FROM transaction
     CROSS JOIN total
      LEFT JOIN account
             ON account.book_id = transaction.book_id AND account.subject = transaction.instrument_id
            AND account.kind = CASE WHEN operation = 'FundPrepaid' OR payment_method = 'Prepaid' THEN 'prepaid'
                                    ELSE 'receivable' END
     WHERE instrument_id IS NOT NULL AND status = 'Success' AND operation <> 'Dispute' AND NOT /* part: refunds_a_funding */
     UNION ALL
    SELECT book_id, transaction_id, 2, fees, cash, fee_micros
      FROM transaction CROSS JOIN total
     WHERE instrument_id IS NOT NULL AND status = 'Success' AND fee_micros <> 0 AND operation <> 'Dispute'
       AND NOT /* part: refunds_a_funding */
), off AS (
    SELECT book_id, transaction_id, debit_account, credit_account, coalesce(said.amount_micros, 0) AS said_micros,
           coalesce(transfer.amount_micros, 0) AS moved_micros
      FROM said
      FULL JOIN (SELECT book_id, transaction_id, number, debit_account, credit_account, amount_micros FROM transfer
                 UNION ALL
                 SELECT book_id, transaction_id, 1, own_debit_account, 2, amount_micros
                   FROM transaction WHERE own_debit_account IS NOT NULL AND instrument_id IS NOT NULL) AS transfer
                USING (book_id, transaction_id, number, debit_account, credit_account)
     WHERE said.amount_micros IS DISTINCT FROM transfer.amount_micros
)
SELECT format('book %s, transaction %s (%s, %s): should have moved %s from %s to %s, moved %s', off.book_id,
              off.transaction_id, operation, status, said_micros,
              coalesce(rtrim(credit.kind || ' ' || credit.subject), 'a missing account'),
              coalesce(rtrim(debit.kind || ' ' || debit.subject), 'a missing account'), moved_micros)
  FROM off
  JOIN transaction ON transaction.book_id = off.book_id AND transaction.transaction_id = off.transaction_id
  LEFT JOIN account AS debit ON debit.book_id = transaction.book_id AND debit.account_id = off.debit_account
  LEFT JOIN account AS credit ON credit.book_id = transaction.book_id AND credit.account_id = off.credit_account
 WHERE instrument_id IS NOT NULL AND operation <> 'Dispute' AND NOT /* part: refunds_a_funding */

-- name: own_transfers_are_of_payments
-- What is its own transfer is a payment from an instrument and nothing else, and has no row of `transfer` beside itself. So
-- checks of anything else look at that table alone. Nothing else leaves out what is usual. Where it does not name its instrument, the
-- account that it came from has one, its buyer's and of the kind of its method; where it does not name its token, that instrument has
-- the one that is meant.
SELECT format('book %s, transaction %s (%s, %s): is a transfer itself, as only payments from instruments may be', book_id,
              transaction_id, operation, status)
  FROM transaction
 WHERE own_debit_account IS NOT NULL
   AND (operation <> 'Pay' OR status <> 'Success' OR payment_method NOT IN ('Prepaid', 'Debt')
        OR recipient_party_id IS NOT NULL OR fee_micros <> 0)
 UNION ALL
SELECT format('book %s, transaction %s: is a transfer itself, and transfer %s is there besides', transaction.book_id,
              transaction.transaction_id, transfer.number)
  FROM transaction
  JOIN transfer ON transfer.book_id = transaction.book_id AND transfer.transaction_id = transaction.transaction_id
 WHERE own_debit_account IS NOT NULL
 UNION ALL
SELECT format('book %s, transaction %s (%s): does not say what only a payment that is its own transfer may leave out',
              book_id, transaction_id, operation)
  FROM transaction
 WHERE own_debit_account IS NULL
   AND (fee_payer IS NULL OR marketplace_fee_micros IS NULL OR marketplace_refunded_micros IS NULL
        OR fee_refunded_micros IS NULL OR status_code IS NULL OR status_number IS NULL OR fee_micros IS NULL
        OR refunded_micros IS NULL OR (instrument_id IS NULL AND payment_method IN ('Prepaid', 'Debt')))
 UNION ALL
SELECT format('book %s, transaction %s: came from %s, which is no %s of its buyer''s', transaction.book_id, transaction_id,
              coalesce(rtrim(account.kind || ' ' || account.subject), 'a missing account'),
              CASE payment_method WHEN 'Debt' THEN 'tab' ELSE 'balance' END)
  FROM transaction
  LEFT JOIN account ON account.book_id = transaction.book_id AND account.account_id = own_debit_account
  LEFT JOIN instrument
         ON instrument.book_id = transaction.book_id AND instrument.instrument_id = account.subject
        AND instrument.account_id = own_debit_account
 WHERE own_debit_account IS NOT NULL AND transaction.instrument_id IS NULL
   AND (instrument.kind IS DISTINCT FROM CASE payment_method WHEN 'Debt' THEN 'credit' ELSE 'prepaid' END
        OR instrument.sender_party_id IS DISTINCT FROM transaction.sender_party_id)
 UNION ALL
SELECT format('book %s, transaction %s: does not say by which token it was paid, and its instrument has none that it could be',
              transaction.book_id, transaction.transaction_id)
  FROM transaction
  LEFT JOIN account ON account.book_id = transaction.book_id AND account.account_id = own_debit_account
  LEFT JOIN token
         ON token.book_id = transaction.book_id
        AND token.instrument_id = coalesce(transaction.instrument_id, account.subject COLLATE "C")
        AND token.purpose IN ('prepaid_sender', 'credit_sender') AND token.old_token_id IS NULL
 WHERE own_debit_account IS NOT NULL AND sender_token_id IS NULL AND token.token_id IS NULL

-- name: real_money_moved_as_transactions_say
-- All other transfers, in every book: those of payments without an instrument and of refunds of fundings, and the operator's mirror of all real money,
-- deposits included. The rule is that of domain/decide/shares.py; while a rail has not answered, what was booked at the
-- opening stands. What was set aside may have come back, so each transaction is summed by account, debits less credits.
-- Rails have one name here: rails_are_those_of_payments has which one it was. Disputes are looked at by themselves.
-- So is what rails did by themselves.
WITH disputed AS MATERIALIZED (
    SELECT transaction_id FROM dispute
), held AS ( -- the balance that a refund came from, or the debt that was settled
    SELECT book_id AS held_in, instrument_id AS held_id, CASE kind WHEN 'prepaid' THEN 'prepaid' ELSE 'receivable' END AS held_as
      FROM instrument
), said AS (
    SELECT transaction_id, operation, status, own.book_id AS callers_book, operator.book_id AS operators_book,
           coalesce(recipient.book_id, own.book_id) AS receivers_book,
           instrument_id IS NULL AND operation <> 'Deposit' OR /* part: refunds_a_funding */ AS is_payment,
           CASE WHEN /* part: refunds_a_funding */ THEN held_as || ' ' || instrument_id ELSE 'sales' END AS giver,
           recipient_party_id IS NOT NULL AND fee_payer = 'Caller' AS caller_pays,
           CASE WHEN operation <> 'Refund' THEN amount_micros
                WHEN sender_party_id IS NOT NULL THEN -amount_micros ELSE 0 END AS amount_micros,
           fee_micros,
           CASE WHEN recipient_party_id IS NULL THEN 0 ELSE marketplace_fee_micros END AS share_micros,
           CASE WHEN operation = 'Deposit' OR payment_method = 'CC' OR (payment_method = 'ACH' AND operation <> 'Refund')
                THEN 'rail'
                ELSE 'balance_of ' || sender_party_id END AS source, -- what a bank account paid comes back to the balance
           'owed_to ' || own.party_id AS caller,
           CASE operation WHEN 'Deposit' THEN 'balance_of ' || sender_party_id
                          ELSE 'owed_to ' || coalesce(recipient_party_id, own.party_id) END AS receiver
      FROM transaction
      JOIN book AS own ON own.book_id = transaction.book_id
      JOIN book AS operator
        ON /* part: of_operator */
       AND operator.part = CASE WHEN /* part: is_of_balance */ THEN 0 ELSE own.operator_part END
      LEFT JOIN book AS recipient
             ON recipient.party_id = recipient_party_id AND recipient.environment = own.environment
            AND recipient.currency = own.currency AND recipient.part = 0
      LEFT JOIN held ON held_in = transaction.book_id AND held_id = instrument_id
     WHERE payment_method NOT IN ('Prepaid', 'Debt', 'Payout') AND operation NOT IN ('Dispute', 'RailMovement')
), payouts AS MATERIALIZED ( -- under way, the amount waits in both books; one that failed has moved nothing in the end
    SELECT transaction_id, own.book_id AS own_book, operator.book_id AS operators_book, 'owed_to ' || own.party_id AS owed,
           CASE status WHEN 'Pending' THEN 'payouts_under_way' ELSE 'paid_out' END AS holder,
           CASE status WHEN 'Pending' THEN 'payouts_due' ELSE 'rail' END AS payer,
           CASE WHEN operation = 'PayoutReturn' THEN -amount_micros
                WHEN status IN ('Pending', 'Success') THEN amount_micros ELSE 0 END AS micros
      FROM transaction
      JOIN book AS own ON own.book_id = transaction.book_id
      JOIN book AS operator
        ON /* part: mirroring */
     WHERE payment_method = 'Payout'
), booked AS MATERIALIZED (
    SELECT transaction_id, callers_book, receivers_book, operators_book, is_payment, giver, caller, receiver, source,
           CASE WHEN caller_pays THEN callers_book ELSE receivers_book END AS payers_book,
           CASE WHEN caller_pays THEN caller ELSE receiver END AS payer,
           CASE WHEN status = 'Success' OR (operation = 'Refund' AND status = 'Pending') THEN amount_micros ELSE 0 END
               AS amount_micros,
           CASE WHEN status = 'Success' THEN fee_micros
                WHEN operation = 'Refund' AND status = 'Pending' AND NOT caller_pays
                THEN greatest(fee_micros, amount_micros - share_micros)
                WHEN operation <> 'Refund' AND status IN ('Pending', 'Reserved') AND caller_pays
                THEN greatest(0, fee_micros - share_micros)
                ELSE 0 END AS fee_micros,
           CASE WHEN status = 'Success' OR (operation = 'Refund' AND status = 'Pending') THEN share_micros ELSE 0 END
               AS share_micros
      FROM said
), moved AS MATERIALIZED (
    SELECT transfer.book_id, transfer.transaction_id, amount_micros,
           CASE debit.kind WHEN 'rail' THEN 'rail' ELSE rtrim(debit.kind || ' ' || debit.subject) END AS debit,
           CASE credit.kind WHEN 'rail' THEN 'rail' ELSE rtrim(credit.kind || ' ' || credit.subject) END AS credit
      FROM transfer
      LEFT JOIN account AS debit ON debit.book_id = transfer.book_id AND debit.account_id = transfer.debit_account
      LEFT JOIN account AS credit ON credit.book_id = transfer.book_id AND credit.account_id = transfer.credit_account
     WHERE NOT EXISTS (SELECT FROM transaction WHERE transaction.book_id = transfer.book_id
                          AND transaction.transaction_id = transfer.transaction_id
                          AND (operation = 'RailMovement' OR own_debit_account IS NOT NULL
                               OR (instrument_id IS NOT NULL AND NOT /* part: refunds_a_funding */)))
       AND transfer.transaction_id NOT IN (SELECT transaction_id FROM disputed)
), movement AS (
    SELECT part.book_id, transaction_id, debit, credit, micros AS said_micros, 0 AS moved_micros
      FROM booked
     CROSS JOIN LATERAL (VALUES
           (receivers_book, 'cash', giver, CASE WHEN is_payment THEN amount_micros ELSE 0 END),
           (payers_book, 'fees', 'cash', CASE WHEN is_payment THEN fee_micros ELSE 0 END),
           (receivers_book, 'commissions', 'cash', share_micros),
           (callers_book, 'cash', 'commission_income', share_micros),
           (operators_book, source, receiver, amount_micros),
           (operators_book, payer, 'fee_income', fee_micros),
           (operators_book, receiver, caller, share_micros)) AS part (book_id, debit, credit, micros)
     WHERE micros <> 0
     UNION ALL
    SELECT part.book_id, transaction_id, debit, credit, part.micros, 0
      FROM payouts
     CROSS JOIN LATERAL (VALUES (own_book, holder, 'cash', micros), (operators_book, owed, payer, micros))
           AS part (book_id, debit, credit, micros)
     WHERE part.micros <> 0
     UNION ALL
    SELECT book_id, transaction_id, debit, credit, 0, amount_micros FROM moved
)
SELECT format('book %s, transaction %s: should have moved %s on %s, moved %s', book_id, transaction_id,
              sum(side.said_micros), coalesce(account, 'a missing account'), sum(side.moved_micros))
  FROM movement
 CROSS JOIN LATERAL (VALUES (debit, said_micros, moved_micros), (credit, -said_micros, -moved_micros))
       AS side (account, said_micros, moved_micros)
 GROUP BY book_id, transaction_id, account
HAVING sum(side.said_micros) <> sum(side.moved_micros)

-- name: transfers_have_transactions
-- No money moved without a transaction: in the same book or, for the operator's mirror and recipients, in the caller's. How
-- many those are is not guessed from statistics (EXCEPT): PostgreSQL expects none of them, and would look each one up by itself.
WITH visiting AS MATERIALIZED (
    SELECT elsewhere.book_id, elsewhere.transaction_id, book.party_id
      FROM (SELECT book_id, transaction_id FROM transfer
            EXCEPT
            SELECT book_id, transaction_id FROM transaction) AS elsewhere
      JOIN book USING (book_id)
), explained AS MATERIALIZED (
    SELECT visiting.book_id, visiting.transaction_id
      FROM transaction JOIN visiting ON visiting.transaction_id = transaction.transaction_id
     WHERE visiting.party_id IS NULL OR transaction.recipient_party_id = visiting.party_id
), stray AS (
    SELECT book_id, transaction_id FROM visiting
    EXCEPT
    SELECT book_id, transaction_id FROM explained
)
SELECT format('book %s, transfer %s/%s: there is no such transaction', book_id, transaction_id, transfer.number)
  FROM stray JOIN transfer USING (book_id, transaction_id)

-- name: refunds_agree
-- What a transaction says was refunded is what its refunds say, and never more than it was. Refunds without a buyer give
-- back the caller's share alone. What came back of a payout counts as refunded, and what came back of a refund does not
-- count for what that had refunded. Of archived transactions the refunds that
-- are still here are counted by archive check.
WITH refunds AS (
    SELECT book_id, original_id AS transaction_id,
           sum(amount_micros - CASE operation WHEN 'Refund' THEN refunded_micros ELSE 0 END)
               FILTER (WHERE sender_party_id IS NOT NULL OR operation = 'PayoutReturn') AS micros,
           -sum(marketplace_fee_micros) FILTER (WHERE operation <> 'RefundReversal' AND refunded_micros = 0) AS share_micros
      FROM transaction
     WHERE operation IN ('Refund', 'PayoutReturn', 'RefundReversal') AND status IN ('Success', 'Pending')
     GROUP BY book_id, original_id
), known AS (
    SELECT refunds.book_id, refunds.transaction_id, refunds.micros, refunds.share_micros,
           count(archive_batch.number) > 0 AS may_be_archived
      FROM refunds
      LEFT JOIN archive_batch
             ON archive_batch.book_id = refunds.book_id
            AND refunds.transaction_id BETWEEN archive_batch.first_id AND archive_batch.last_id
     GROUP BY refunds.book_id, refunds.transaction_id, refunds.micros, refunds.share_micros
)
SELECT format('book %s, transaction %s: %s of %s and %s of its share refunded, its refunds sum to %s and %s', book_id,
              transaction_id, coalesce(transaction.refunded_micros, 0), transaction.amount_micros,
              coalesce(transaction.marketplace_refunded_micros, 0), coalesce(known.micros, 0), coalesce(known.share_micros, 0))
  FROM transaction FULL JOIN known USING (book_id, transaction_id)
 WHERE (transaction.transaction_id IS NULL OR coalesce(transaction.refunded_micros, 0) <> coalesce(known.micros, 0)
        OR coalesce(transaction.marketplace_refunded_micros, 0) <> coalesce(known.share_micros, 0)
        OR transaction.refunded_micros > transaction.amount_micros)
   AND NOT (transaction.transaction_id IS NULL AND known.may_be_archived)

-- name: cash_is_owed
-- A seller's cash is what the operator's book of the same environment owes that seller.
WITH cash AS MATERIALIZED (
    SELECT book.party_id, book.environment, book.currency, sum(account.balance_micros) AS micros
      FROM account JOIN book USING (book_id)
     WHERE account.kind = 'cash' AND book.party_id IS NOT NULL GROUP BY 1, 2, 3
), owed AS MATERIALIZED (
    SELECT account.subject::bigint AS party_id, book.environment, book.currency, -sum(account.balance_micros) AS micros
      FROM account JOIN book USING (book_id)
     WHERE account.kind = 'owed_to' GROUP BY 1, 2, 3
)
SELECT format('seller %s (%s): cash is %s, the operator owes %s', party_id, environment, coalesce(cash.micros, 0),
              coalesce(owed.micros, 0))
  FROM cash FULL JOIN owed USING (party_id, environment, currency)
 WHERE coalesce(cash.micros, 0) <> coalesce(owed.micros, 0)

-- name: pending_charges_are_being_asked_for
-- Every pending transaction has its rail request, every rail request its pending transaction. Payouts are looked at below.
SELECT format('book %s, transaction %s: %s', book_id, transaction_id,
              CASE WHEN rail_request.transaction_id IS NULL THEN 'pending, but no rail is asked'
                   ELSE 'a rail is asked, but it is not pending' END)
  FROM (SELECT book_id, transaction_id, amount_micros FROM transaction
         WHERE status = 'Pending' AND operation <> 'Payout') AS pending
  FULL JOIN (SELECT book_id, transaction_id, amount_micros FROM rail_request
              WHERE operation NOT IN ('void', 'return')) AS rail_request
      USING (book_id, transaction_id)
 WHERE pending.amount_micros IS DISTINCT FROM rail_request.amount_micros

-- name: payouts_go_their_way
-- Every payout has its row with its amount, which is open as long as it is pending; and whatever is open is a payout.
SELECT format('book %s, transaction %s: a payout of %s (%s), its way says %s%s', transaction.book_id, transaction.transaction_id,
              transaction.amount_micros, status, coalesce(payout.amount_micros::text, 'nothing'),
              CASE WHEN payout.transaction_id IS NOT NULL AND ended_at IS NULL THEN ', under way' ELSE '' END)
  FROM transaction
  LEFT JOIN payout ON payout.book_id = transaction.book_id AND payout.transaction_id = transaction.transaction_id
 WHERE operation = 'Payout'
   AND (payout.amount_micros IS DISTINCT FROM transaction.amount_micros OR (status = 'Pending') <> (ended_at IS NULL))
 UNION ALL
SELECT format('book %s, transaction %s: is on its way to a bank, but there is no such payout', payout.book_id,
              payout.transaction_id)
  FROM payout
  LEFT JOIN transaction
         ON transaction.book_id = payout.book_id AND transaction.transaction_id = payout.transaction_id
        AND operation = 'Payout'
 WHERE ended_at IS NULL AND transaction.transaction_id IS NULL

-- name: simulated_payouts_agree
-- The simulated payout rail paid exactly the payouts that the books call sent; of those under way it may have paid any.
WITH sent AS MATERIALIZED (
    SELECT idempotency_key AS transaction_id, amount_micros, declined FROM simulated_payout
), said AS MATERIALIZED (
    SELECT transaction.transaction_id, transaction.amount_micros, status
      FROM payout
      JOIN transaction
        ON transaction.book_id = payout.book_id AND transaction.transaction_id = payout.transaction_id
     WHERE rail = 'simulated'
)
SELECT format('payout %s (%s): the simulated rail says %s', transaction_id, said.status,
              CASE WHEN sent.transaction_id IS NULL THEN 'nothing' ELSE coalesce(declined, 'paid') END)
  FROM said LEFT JOIN sent USING (transaction_id)
 WHERE CASE said.status
            WHEN 'Pending' THEN sent.amount_micros <> said.amount_micros
            WHEN 'Success' THEN sent.transaction_id IS NULL OR declined IS NOT NULL OR sent.amount_micros <> said.amount_micros
            ELSE sent.transaction_id IS NOT NULL AND declined IS NULL END

-- name: references_have_transactions
-- What a reference was spent for is a transaction that exists, or may be in the archive.
SELECT format('book %s, reference %s: answered with transaction %s, which does not exist', answered.book_id,
              encode(answered.reference_digest, 'hex'), answered.transaction_id)
  FROM answered_reference AS answered
  LEFT JOIN transaction
         ON transaction.book_id = answered.book_id AND transaction.transaction_id = answered.transaction_id
 WHERE answered.transaction_id IS NOT NULL AND transaction.transaction_id IS NULL
   AND NOT EXISTS (SELECT FROM archive_batch AS batch WHERE batch.book_id = answered.book_id
                      AND answered.transaction_id BETWEEN batch.first_id AND batch.last_id)

-- name: references_are_spent_once
-- A reference was spent by one transaction of a book and, where a setting or an older release had it used again, by as many
-- more as were counted; and each transaction has its reference among those that are spent.
WITH made AS (
    SELECT book_id, /* part: reference_digest */ AS reference_digest, min(caller_reference) AS caller_reference,
           count(*) AS number
      FROM transaction WHERE operation NOT IN ('Deposit', 'Dispute', 'RailMovement', 'RefundReversal') GROUP BY book_id, /* part: reference_digest */
)
SELECT format('book %s, reference %s: %s transactions were made with it, %s may be', made.book_id, caller_reference, number,
              CASE WHEN answered.transaction_id IS NULL AND reuses IS NULL THEN 0 ELSE 1 + coalesce(reuses, 0) END)
  FROM made
  LEFT JOIN answered_reference AS answered
         ON answered.book_id = made.book_id AND answered.reference_digest = made.reference_digest
 WHERE number > CASE WHEN answered.transaction_id IS NULL AND reuses IS NULL THEN 0 ELSE 1 + coalesce(reuses, 0) END

-- name: references_are_spent_in_one_part
-- A reference that one of a seller's several books has claimed is spent in no other one of them.
WITH claimed AS MATERIALIZED (
    SELECT claimed_payment.reference_digest, part_book_id, book.parts
      FROM claimed_payment JOIN book USING (book_id)
), spent AS MATERIALIZED (
    SELECT answered_reference.book_id, reference_digest, transaction_id
      FROM answered_reference JOIN book USING (book_id)
     WHERE book.parts IS NOT NULL AND transaction_id IS NOT NULL
)
SELECT format('book %s, transaction %s: its reference belongs to book %s', spent.book_id, spent.transaction_id, part_book_id)
  FROM claimed JOIN spent USING (reference_digest)
 WHERE spent.book_id = ANY(claimed.parts) AND spent.book_id <> part_book_id

-- name: rails_are_those_of_payments
-- What moved on the account of a rail belongs to transactions that went through this rail. Without a row that says which it
-- was, it was the simulated one: for a long time there was no other, and what is deposited in the sandbox comes from there.
WITH went AS MATERIALIZED (
    SELECT transaction_id, min(rail) AS rail, count(DISTINCT rail) AS rails
      FROM (SELECT transaction_id, rail FROM rail_operation
             UNION ALL
            SELECT transaction_id, rail FROM dispute
             UNION ALL
            SELECT transaction_id, rail FROM payout
             UNION ALL
            SELECT transaction_id, rail FROM rail_booking
             UNION ALL
            SELECT transaction.transaction_id, rail -- what came back of a payout
              FROM payout
              JOIN transaction
                ON transaction.book_id = payout.book_id AND transaction.original_id = payout.transaction_id
             UNION ALL
            SELECT transaction.transaction_id, rail -- what came back of a refund
              FROM rail_operation
              JOIN transaction
                ON transaction.book_id = rail_operation.book_id AND transaction.original_id = rail_operation.transaction_id
             WHERE transaction.operation = 'RefundReversal') AS asked
     GROUP BY transaction_id
), moved AS MATERIALIZED (
    SELECT transfer.book_id, transfer.transaction_id, account.subject AS rail
      FROM account
      JOIN transfer ON transfer.book_id = account.book_id
       AND (transfer.debit_account = account.account_id OR transfer.credit_account = account.account_id)
     WHERE account.kind = 'rail'
)
SELECT format('book %s, transaction %s: moved on the account of the rail %s, but went through %s', book_id, transaction_id,
              moved.rail, CASE WHEN rails > 1 THEN 'several rails' ELSE coalesce(went.rail, 'simulated') END)
  FROM moved LEFT JOIN went USING (transaction_id)
 WHERE moved.rail <> coalesce(went.rail, 'simulated') OR rails > 1

-- name: simulated_rail_agrees
-- The simulated rail took money exactly for what the books call paid; what is still pending may be either. What it took
-- although the payment had failed was given back, or is being looked at.
WITH charge AS MATERIALIZED (
    SELECT split_part(idempotency_key, '.', 1) AS transaction_id, outcome, amount_micros FROM simulated_charge
     WHERE operation IN ('charge', 'capture')
), other AS MATERIALIZED (
    SELECT transaction_id FROM rail_operation WHERE rail <> 'simulated'
), returned AS MATERIALIZED (
    SELECT transaction_id FROM rail_request WHERE operation = 'return'
     UNION
    SELECT split_part(idempotency_key, '.', 1) FROM simulated_charge WHERE operation = 'return' AND outcome = 'paid'
     UNION
    SELECT split_part(idempotency_key, '.', 1) FROM rail_event WHERE due_at IS NOT NULL AND idempotency_key IS NOT NULL
), paid AS MATERIALIZED (
    SELECT transaction_id, status, operation, status_number, amount_micros FROM transaction
     WHERE payment_method IN ('CC', 'ACH') AND operation NOT IN ('Refund', 'RefundReversal', 'Dispute')
       AND transaction_id NOT IN (SELECT transaction_id FROM other)
)
SELECT format('transaction %s (%s): the simulated rail says %s', transaction_id, coalesce(paid.status, 'missing'),
              coalesce(charge.outcome, 'never asked'))
  FROM paid FULL JOIN charge USING (transaction_id)
 WHERE CASE paid.status
            WHEN 'Pending' THEN paid.amount_micros <> charge.amount_micros
            WHEN 'Success' THEN (charge.outcome, charge.amount_micros) IS DISTINCT FROM ('paid', paid.amount_micros)
            WHEN 'Failure' THEN charge.outcome = 'paid'
                 AND transaction_id NOT IN (SELECT transaction_id FROM returned)
            WHEN 'Reserved' THEN charge.outcome IS NOT NULL
            WHEN 'Cancelled' THEN charge.outcome IS NOT NULL
            ELSE true END

-- name: fees_given_back_agree
-- What a payment says was given back of its fee is what its refunds say that did not fail, and never more than the fee was. What each of them
-- moved is seen above: transactions_moved_what_they_say.
WITH given AS (
    SELECT book_id, original_id AS transaction_id, -sum(fee_micros) AS micros
      FROM transaction
     WHERE operation = 'Refund' AND status IN ('Success', 'Pending') AND refunded_micros = 0 GROUP BY book_id, original_id
)
SELECT format('book %s, transaction %s: %s of its fee of %s given back, its refunds sum to %s', book_id, transaction_id,
              coalesce(transaction.fee_refunded_micros, 0), coalesce(transaction.fee_micros, 0), coalesce(given.micros, 0))
  FROM transaction LEFT JOIN given USING (book_id, transaction_id)
 WHERE coalesce(transaction.fee_refunded_micros, 0) <> coalesce(given.micros, 0)
    OR transaction.fee_refunded_micros > greatest(transaction.fee_micros, 0)

-- name: statuses_follow_each_other
-- Each status of a transaction may follow the one before it, and its history ends with the status that it has. What may
-- follow what is a table in domain/transitions.py, which verify.py puts in: operation, number of the later status, status
-- before (empty for the first) and after. A first status has no row of its own: whatever went on from it was Pending or, of a dispute, Reserved.
WITH change AS (
    SELECT book_id, transaction_id, operation, 1 AS number, '' AS before,
           CASE WHEN coalesce(status_number, 1) = 1 THEN status WHEN operation = 'Dispute' THEN 'Reserved' ELSE 'Pending' END AS after
      FROM transaction
     UNION ALL
    SELECT step.book_id, step.transaction_id, transaction.operation, step.number,
           coalesce(earlier.status,
                    CASE WHEN step.number > 2 THEN '(missing)' WHEN transaction.operation = 'Dispute' THEN 'Reserved'
                         ELSE 'Pending' END), step.status
      FROM transaction_step AS step
      JOIN transaction ON transaction.book_id = step.book_id AND transaction.transaction_id = step.transaction_id
      LEFT JOIN transaction_step AS earlier
             ON earlier.book_id = step.book_id AND earlier.transaction_id = step.transaction_id
            AND earlier.number = step.number - 1
)
SELECT format('book %s, transaction %s (%s): its status %s is %s after %s', book_id, transaction_id, change.operation,
              change.number, change.after, coalesce(nullif(change.before, ''), 'nothing'))
  FROM change
  LEFT JOIN (VALUES ('', 0, '', '')/* allowed changes */) AS allowed (operation, number, before, after)
         ON allowed.operation = change.operation AND allowed.number = change.number
        AND allowed.before = change.before AND allowed.after = change.after
 WHERE allowed.operation IS NULL
 UNION ALL
SELECT format('book %s, transaction %s (%s): is %s, but its history ends with %s', transaction.book_id,
              transaction.transaction_id, operation, transaction.status, coalesce(step.status, 'nothing'))
  FROM transaction
  LEFT JOIN transaction_step AS step
         ON step.book_id = transaction.book_id AND step.transaction_id = transaction.transaction_id
        AND step.number = transaction.status_number
 WHERE status_number > 1 AND step.status IS DISTINCT FROM transaction.status
 UNION ALL
SELECT format('book %s, transaction %s: it has a status %s, but says that %s was its last', step.book_id,
              step.transaction_id, step.number, coalesce(status_number::text, 'none'))
  FROM transaction_step AS step
  LEFT JOIN transaction ON transaction.book_id = step.book_id AND transaction.transaction_id = step.transaction_id
 WHERE status_number IS NULL OR step.number > status_number

-- name: time_goes_on
-- Nothing happened before what led to it: the transactions of a book came in the order of their ids, and of one
-- transaction its end, its later statuses and its transfers came after it, a refund after what it gives back. Ids are made
-- when a request comes, times are read when it is carried out, by several processes: two minutes are no disorder.
WITH later AS (
    SELECT book_id, transaction_id, 'was received before an earlier one' AS problem, received_at AS at,
           lag(received_at) OVER (PARTITION BY book_id ORDER BY transaction_id) AS earlier_at
      FROM transaction
     UNION ALL
    SELECT book_id, transaction_id, 'was completed before it was received', completed_at, received_at
      FROM transaction WHERE completed_at IS NOT NULL
     UNION ALL
    SELECT step.book_id, step.transaction_id, 'came to status ' || step.number || ' too early', step.at,
           coalesce(lag(step.at) OVER (PARTITION BY step.book_id, step.transaction_id ORDER BY step.number),
                    transaction.received_at)
      FROM transaction_step AS step
      JOIN transaction ON transaction.book_id = step.book_id AND transaction.transaction_id = step.transaction_id
     UNION ALL
    SELECT transfer.book_id, transfer.transaction_id, 'moved money before it was received', booked_at, received_at
      FROM transfer
      JOIN transaction
        ON transaction.book_id = transfer.book_id AND transaction.transaction_id = transfer.transaction_id
     UNION ALL
    SELECT refund.book_id, refund.transaction_id, 'gives back what came later', refund.received_at, original.received_at
      FROM transaction AS refund
      JOIN transaction AS original
        ON original.book_id = refund.book_id AND original.transaction_id = refund.original_id
)
SELECT format('book %s, transaction %s: %s (%s, after %s)', book_id, transaction_id, problem, at, earlier_at)
  FROM later
 WHERE extract(epoch FROM earlier_at - at) > 120

-- name: disputes_moved_what_they_say
-- (One whose transaction was archived took its transfers along, and is looked at no more.)
-- A dispute moved what its row says: out of the bearer's cash, or dues, what is claimed and the rail's fee; into what is in
-- dispute while it is open, into losses when it is lost; and what the instrument bears, out of a prepaid balance into what is
-- frozen, or onto a debt. The operator's book mirrors it: the rail has it, the seller has paid it or owes it. The rule is that
-- of domain/disputes. Each dispute is summed by account, debits less credits.
WITH disputed AS MATERIALIZED (
    SELECT dispute.*, transaction.recipient_party_id,
           CASE instrument.kind WHEN 'prepaid' THEN 'prepaid' WHEN 'credit' THEN 'receivable' END AS held_as
      FROM dispute
      JOIN transaction
        ON transaction.book_id = dispute.book_id AND transaction.transaction_id = dispute.transaction_id
      LEFT JOIN instrument
             ON instrument.book_id = dispute.book_id AND instrument.instrument_id = dispute.instrument_id
), said AS (
    SELECT part.book_id, transaction_id, part.account, part.micros
      FROM disputed
      JOIN book AS own ON own.book_id = disputed.book_id
      JOIN book AS operator
        ON /* part: mirroring */
      LEFT JOIN book AS recipient
             ON recipient.party_id = recipient_party_id AND recipient.environment = own.environment
            AND recipient.currency = own.currency AND recipient.part = 0
     CROSS JOIN LATERAL (VALUES (CASE WHEN own.party_id = bearer_party_id THEN own.book_id ELSE recipient.book_id END,
                                 status IN ('won', 'lost'), claimed_micros + fee_micros - due_micros))
           AS bearer (book_id, over, paid_micros)
     CROSS JOIN LATERAL (VALUES
           (bearer.book_id, 'cash', -paid_micros),
           (bearer.book_id, 'dues', -due_micros),
           (bearer.book_id, 'dispute_fees', fee_micros),
           (bearer.book_id, 'in_dispute', CASE WHEN over THEN 0 ELSE claimed_micros END),
           (bearer.book_id, 'dispute_losses', CASE WHEN over THEN claimed_micros - borne_micros ELSE 0 END),
           (bearer.book_id, held_as || ' ' || instrument_id, borne_micros),
           (bearer.book_id, 'frozen ' || instrument_id, CASE WHEN over THEN 0 ELSE -borne_micros END),
           (operator.book_id, 'rail ' || rail, -claimed_micros - fee_micros),
           (operator.book_id, 'owed_to ' || bearer_party_id, paid_micros),
           (operator.book_id, 'due_from ' || bearer_party_id, due_micros)) AS part (book_id, account, micros)
     WHERE part.micros <> 0
), moved AS MATERIALIZED (
    SELECT transfer.book_id, transfer.transaction_id, rtrim(account.kind || ' ' || account.subject) AS account,
           CASE side.account_id WHEN debit_account THEN amount_micros ELSE -amount_micros END AS micros
      FROM transfer
     CROSS JOIN LATERAL (VALUES (debit_account), (credit_account)) AS side (account_id)
      LEFT JOIN account ON account.book_id = transfer.book_id AND account.account_id = side.account_id
     WHERE transfer.transaction_id IN (SELECT transaction_id FROM disputed)
)
SELECT format('book %s, dispute %s: should have moved %s on %s, moved %s', book_id, transaction_id, sum(said_micros),
              coalesce(account, 'a missing account'), sum(moved_micros))
  FROM (SELECT book_id, transaction_id, account, micros AS said_micros, 0 AS moved_micros FROM said
        UNION ALL
        SELECT book_id, transaction_id, account, 0, micros FROM moved) AS movement
 GROUP BY book_id, transaction_id, account
HAVING sum(said_micros) <> sum(moved_micros)

-- name: disputes_agree_with_charges
-- What a charge says is disputed is what its disputes claim, and with what was refunded never more than it was; and a
-- dispute has the status that its transaction has.
WITH claimed AS (
    SELECT book_id, original_id AS transaction_id, sum(claimed_micros) AS micros FROM dispute GROUP BY book_id, original_id
)
SELECT format('book %s, transaction %s: %s of %s disputed and %s refunded, its disputes claim %s', transaction.book_id,
              transaction_id, coalesce(disputed_micros, 0), amount_micros, refunded_micros, coalesce(claimed.micros, 0))
  FROM transaction LEFT JOIN claimed USING (book_id, transaction_id)
 WHERE (disputed_micros IS NOT NULL OR claimed.transaction_id IS NOT NULL)
   AND (coalesce(disputed_micros, 0) <> coalesce(claimed.micros, 0)
        OR refunded_micros + coalesce(disputed_micros, 0) > amount_micros)
 UNION ALL
SELECT format('book %s, dispute %s: is %s, its transaction %s', dispute.book_id, transaction_id, dispute.status,
              transaction.status)
  FROM dispute JOIN transaction USING (book_id, transaction_id)
 WHERE transaction.operation <> 'Dispute'
    OR transaction.status <> CASE dispute.status WHEN 'won' THEN 'Cancelled' WHEN 'lost' THEN 'Success' ELSE 'Reserved' END
 UNION ALL
SELECT format('book %s, transaction %s: is a dispute of which nothing is known', transaction.book_id, transaction_id)
  FROM transaction LEFT JOIN dispute USING (book_id, transaction_id)
 WHERE transaction.operation = 'Dispute' AND dispute.transaction_id IS NULL

-- name: disputes_agree_with_balances
-- What is frozen of a balance, and what open disputes claim of it and found spent, is what these say.
WITH claimed AS (
    SELECT book_id, instrument_id, sum(borne_micros) AS frozen_micros, sum(claimed_micros - borne_micros) AS spent_micros
      FROM dispute WHERE status IN ('opened', 'evidence_due') GROUP BY book_id, instrument_id
)
SELECT format('book %s, instrument %s: %s frozen and %s uncovered, its open disputes say %s and %s', instrument.book_id,
              instrument.instrument_id, coalesce(-frozen.balance_micros, 0), coalesce(uncovered_micros, 0),
              coalesce(frozen_micros, 0), coalesce(spent_micros, 0))
  FROM instrument
  LEFT JOIN account AS frozen
         ON frozen.book_id = instrument.book_id AND frozen.kind = 'frozen' AND frozen.subject = instrument.instrument_id
  LEFT JOIN claimed
         ON claimed.book_id = instrument.book_id AND claimed.instrument_id = instrument.instrument_id
 WHERE instrument.kind = 'prepaid'
   AND (coalesce(-frozen.balance_micros, 0) <> coalesce(frozen_micros, 0)
        OR coalesce(uncovered_micros, 0) <> coalesce(spent_micros, 0))

-- name: dues_are_claimed
-- What a seller owes the service is what the operator's book of the same environment claims from that seller, and what the
-- seller's disputes say.
WITH dues AS MATERIALIZED (
    SELECT book.party_id, book.environment, book.currency, -sum(account.balance_micros) AS micros
      FROM account JOIN book USING (book_id)
     WHERE account.kind = 'dues' GROUP BY 1, 2, 3
), claimed AS MATERIALIZED (
    SELECT account.subject::bigint AS party_id, book.environment, book.currency, sum(account.balance_micros) AS micros
      FROM account JOIN book USING (book_id)
     WHERE account.kind = 'due_from' GROUP BY 1, 2, 3
), said AS MATERIALIZED (
    SELECT bearer_party_id AS party_id, book.environment, book.currency, sum(due_micros) AS micros
      FROM dispute JOIN book USING (book_id) GROUP BY 1, 2, 3
)
SELECT format('seller %s (%s): owes %s, the operator claims %s, disputes say %s', party_id, environment,
              coalesce(dues.micros, 0), coalesce(claimed.micros, 0), coalesce(said.micros, 0))
  FROM dues FULL JOIN claimed USING (party_id, environment, currency) FULL JOIN said USING (party_id, environment, currency)
 WHERE coalesce(dues.micros, 0) <> coalesce(claimed.micros, 0) OR coalesce(dues.micros, 0) <> coalesce(said.micros, 0)

-- name: rail_movements_are_booked
-- What a rail kept for its service, or paid to the operator's bank, is booked as it was told, and once: its transaction moved
-- that between the account of the rail and that of fees or of the bank, and each such transaction belongs to one movement.
WITH said AS (
    SELECT booking.book_id, transaction_id, part.account, part.micros
      FROM rail_booking AS booking
      JOIN transaction USING (book_id, transaction_id)
     CROSS JOIN LATERAL (VALUES (booking.account, booking.amount_micros), ('rail ' || rail, -booking.amount_micros))
           AS part (account, micros)
), moved AS (
    SELECT transfer.book_id, transfer.transaction_id, rtrim(account.kind || ' ' || account.subject) AS account,
           CASE side.account_id WHEN debit_account THEN transfer.amount_micros ELSE -transfer.amount_micros END AS micros
      FROM transaction
      JOIN transfer ON transfer.book_id = transaction.book_id AND transfer.transaction_id = transaction.transaction_id
     CROSS JOIN LATERAL (VALUES (debit_account), (credit_account)) AS side (account_id)
      LEFT JOIN account ON account.book_id = transfer.book_id AND account.account_id = side.account_id
     WHERE operation = 'RailMovement'
)
SELECT format('book %s, transaction %s: the rail moved %s on %s, the books %s', book_id, transaction_id, sum(said_micros),
              coalesce(account, 'a missing account'), sum(moved_micros))
  FROM (SELECT book_id, transaction_id, account, micros AS said_micros, 0 AS moved_micros FROM said
        UNION ALL
        SELECT book_id, transaction_id, account, 0, micros FROM moved) AS movement
 GROUP BY book_id, transaction_id, account
HAVING sum(said_micros) <> sum(moved_micros)
 UNION ALL
SELECT format('book %s, movement %s at %s: booked by transaction %s, which does not exist', booking.book_id, movement_id, rail,
              booking.transaction_id)
  FROM rail_booking AS booking
  LEFT JOIN transaction
         ON transaction.book_id = booking.book_id AND transaction.transaction_id = booking.transaction_id
 WHERE transaction.transaction_id IS NULL
   AND NOT EXISTS (SELECT FROM archive_batch AS batch WHERE batch.book_id = booking.book_id
                      AND booking.transaction_id BETWEEN batch.first_id AND batch.last_id)

-- name: totals
-- For people: not a check.
SELECT (SELECT count(*) FROM book) AS books, (SELECT count(*) FROM account) AS accounts,
       (SELECT count(*) FROM transaction) AS transactions, (SELECT count(*) FROM /* part: booked_transfer */ AS transfer) AS transfers,
       (SELECT count(*) FROM transaction WHERE status = 'Pending') AS pending,
       (SELECT coalesce(-sum(balance_micros), 0)::bigint FROM account WHERE kind = 'prepaid') AS liability_micros,
       (SELECT coalesce(sum(balance_micros), 0)::bigint FROM account WHERE kind = 'receivable') AS debt_micros,
       (SELECT coalesce(sum(balance_micros), 0)::bigint FROM account WHERE kind = 'cash') AS cash_micros
