-- Balances of people in the operator's own book. Read by account_balances.py.

-- name: of_person
-- By the number of the account ($2); debits less credits.
SELECT account.balance_micros
  FROM book
  JOIN account USING (book_id)
 WHERE book.party_id IS NULL AND book.environment = $1 AND book.currency = 'USD' AND book.part = 0
   AND account.account_id = $2
