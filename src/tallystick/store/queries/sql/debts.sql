-- What is owed in a seller's books ($1), and how old it is. Read by debts.py. Amounts are micro-units.

-- name: ageing
-- The debts with their age, those with the oldest parts first: of payments made before the ids $2, $3 and $4 (30, 60 and 90
-- days ago). What was paid back counts against the oldest purchases first, so a debt is the latest purchases. Only debts
-- with a part as old as $5 says (0 to 3 boundaries passed) and, where it is not null, with a text ($6) in the buyer's name
-- or address; after the one with these figures ($7 to $10) and id ($11); at most $12; where $13 is not null, only of less than $13. Each row has the sums of all debts;
-- where there is no row to show, there is one of sums alone.
WITH debt AS (
    SELECT instrument.book_id, instrument.instrument_id, instrument.sender_party_id, account.balance_micros,
           instrument.pending_micros,
           bought.since_30, bought.since_60, bought.since_90
      FROM account
      JOIN instrument ON instrument.book_id = account.book_id AND instrument.instrument_id = account.subject
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(amount_micros) FILTER (WHERE transaction_id >= $2), 0) AS since_30,
                  coalesce(sum(amount_micros) FILTER (WHERE transaction_id >= $3), 0) AS since_60,
                  coalesce(sum(amount_micros), 0) AS since_90
             FROM (SELECT transaction_id, amount_micros FROM transaction
                    WHERE transaction.book_id = instrument.book_id
                      AND hashtextextended(transaction.instrument_id, 0) = hashtextextended(instrument.instrument_id, 0)
                      AND transaction.instrument_id = instrument.instrument_id
                      AND left(transaction_id, 6) >= left($4, 6) AND transaction_id >= $4
                      AND operation = 'Pay' AND transaction.status = 'Success'
                    UNION ALL
                   SELECT transaction_id, amount_micros FROM transaction
                    WHERE transaction.book_id = instrument.book_id AND own_debit_account = instrument.account_id
                      AND /* part: names_account_only */
                      AND left(transaction_id, 6) >= left($4, 6) AND transaction_id >= $4) AS payment) AS bought
     WHERE account.book_id = ANY($1) AND account.kind = 'receivable' AND account.balance_micros > 0
), part AS (
    SELECT debt.*, least(balance_micros, since_30) AS within_30, least(balance_micros, since_60) AS within_60,
           least(balance_micros, since_90) AS within_90
      FROM debt
), aged AS (
    SELECT instrument_id, sender_party_id, balance_micros, pending_micros, within_30::bigint AS fresh_micros,
           (within_60 - within_30)::bigint AS over_30_micros, (within_90 - within_60)::bigint AS over_60_micros,
           (balance_micros - within_90)::bigint AS over_90_micros
      FROM part
), total AS (
    SELECT count(*) AS debts, coalesce(sum(balance_micros), 0)::bigint AS all_balance_micros,
           coalesce(sum(pending_micros), 0)::bigint AS all_pending_micros,
           coalesce(sum(fresh_micros), 0)::bigint AS all_fresh_micros,
           coalesce(sum(over_30_micros), 0)::bigint AS all_over_30_micros,
           coalesce(sum(over_60_micros), 0)::bigint AS all_over_60_micros,
           coalesce(sum(over_90_micros), 0)::bigint AS all_over_90_micros
      FROM aged
), shown AS (
    SELECT aged.*, buyer.name AS buyer_name, buyer.email AS buyer_email
      FROM aged
      JOIN party AS buyer ON buyer.party_id = aged.sender_party_id
     WHERE CASE $5::integer WHEN 1 THEN over_30_micros + over_60_micros + over_90_micros > 0
                            WHEN 2 THEN over_60_micros + over_90_micros > 0
                            WHEN 3 THEN over_90_micros > 0 ELSE true END
       AND ($6::text IS NULL OR buyer.name ILIKE $6 OR buyer.email ILIKE $6 OR aged.instrument_id ILIKE $6)
       AND ($13::bigint IS NULL OR balance_micros < $13)
       AND ($11::text IS NULL
            OR (over_90_micros, over_60_micros, over_30_micros, balance_micros, instrument_id)
             < ($7::bigint, $8::bigint, $9::bigint, $10::bigint, $11 COLLATE "C"))
     ORDER BY over_90_micros DESC, over_60_micros DESC, over_30_micros DESC, balance_micros DESC, instrument_id DESC
     LIMIT $12
)
SELECT * FROM total LEFT JOIN shown ON true
 ORDER BY over_90_micros DESC, over_60_micros DESC, over_30_micros DESC, balance_micros DESC, instrument_id DESC

-- name: named
-- Some credit instruments ($2) with the tokens that settle them, also those on which nothing is owed.
SELECT instrument.instrument_id, account.balance_micros, instrument.pending_micros,
       settling.token_id AS settlement_token_id, settling.payment_method, buyer.name AS buyer_name,
       buyer.email AS buyer_email
  FROM instrument
  JOIN account ON account.book_id = instrument.book_id AND account.account_id = instrument.account_id
  JOIN token AS settling ON settling.book_id = instrument.book_id AND settling.instrument_id = instrument.instrument_id
                        AND settling.purpose = 'settlement'
  JOIN party AS buyer ON buyer.party_id = instrument.sender_party_id
 WHERE instrument.book_id = ANY($1) AND instrument.kind = 'credit' AND instrument.instrument_id = ANY($2::text[])
 ORDER BY account.balance_micros DESC, instrument.instrument_id

-- name: begin_run
-- Settling ('settle') or writing off ('write_off') several debts of a book ($1) at once; the same run ($2) begins once. A
-- run over several books has a row in each.
INSERT INTO debt_run (book_id, run_id, deed, started_by, started_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING run_id

-- name: add_lines
INSERT INTO debt_run_line (book_id, run_id, instrument_id, amount_micros)
SELECT $1, $2, line.* FROM unnest($3::text[], $4::bigint[]) AS line

-- name: answer_lines
-- What the lines of a run came to: a transaction, or a refusal with its words.
UPDATE debt_run_line
   SET transaction_id = answer.transaction_id, refusal = answer.refusal, message = answer.message
  FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS answer (instrument_id, transaction_id, refusal, message)
 WHERE book_id = $1 AND run_id = $2 AND debt_run_line.instrument_id = answer.instrument_id

-- name: run
SELECT debt_run.deed, debt_run.started_at, person.name AS started_by
  FROM debt_run
  JOIN party AS person ON person.party_id = debt_run.started_by
 WHERE book_id = ANY($1) AND run_id = $2
 LIMIT 1

-- name: run_lines
-- The lines of a run as they stand now.
SELECT line.instrument_id, line.amount_micros, line.transaction_id, line.refusal, line.message,
       settling.token_id AS settlement_token_id, buyer.name AS buyer_name, buyer.email AS buyer_email,
       transaction.status, transaction.status_code, transaction.fee_micros, transaction.amount_micros AS moved_micros
  FROM debt_run_line AS line
  JOIN instrument ON instrument.book_id = line.book_id AND instrument.instrument_id = line.instrument_id
  JOIN token AS settling ON settling.book_id = line.book_id AND settling.instrument_id = line.instrument_id
                        AND settling.purpose = 'settlement'
  JOIN party AS buyer ON buyer.party_id = instrument.sender_party_id
  LEFT JOIN transaction ON transaction.book_id = line.book_id AND transaction.transaction_id = line.transaction_id
 WHERE line.book_id = ANY($1) AND line.run_id = $2
 ORDER BY line.amount_micros DESC, line.instrument_id
