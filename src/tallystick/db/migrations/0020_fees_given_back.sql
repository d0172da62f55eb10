-- What refunds have given back of a payment's fee, those included that wait for a rail. It does not follow from what was
-- refunded: parts are rounded, and a refund that is declined takes its own part out again.

-- A column with a default is added without writing the table anew, but not one whose type has a check: 0019.
ALTER DOMAIN unsigned_micros DROP CONSTRAINT micros_are_not_negative;
ALTER TABLE transaction ADD COLUMN fee_refunded_micros unsigned_micros NOT NULL DEFAULT 0;
ALTER DOMAIN unsigned_micros ADD CONSTRAINT micros_are_not_negative CHECK (VALUE >= 0);

-- A refund has said all along what it gives back, and leaves the books with its payment or later, never before it.
UPDATE transaction SET fee_refunded_micros = given.micros
  FROM (SELECT book_id, original_id, -sum(fee_micros) AS micros
          FROM transaction
         WHERE original_id IS NOT NULL AND status IN ('Success', 'Pending') AND fee_micros < 0
         GROUP BY book_id, original_id) AS given
 WHERE transaction.book_id = given.book_id AND transaction.transaction_id = given.original_id;
