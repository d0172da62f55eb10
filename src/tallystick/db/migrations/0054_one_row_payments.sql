-- A payment from a balance or on a tab is one row: what its only transfer would say stands with the transaction itself.
-- Nothing that is there is rewritten; transfers of before stay where they are.

-- The account of the instrument, where this row is the transfer, too: its amount from there to the seller's sales (account 2),
-- booked when it was received. Null: what it moved is in `transfer`, or it moved nothing. The status message of such a payment is
-- null where it is the usual one.
ALTER TABLE transaction ADD COLUMN own_debit_account bigint;

-- Whether payments of the book are written so. Processes of the release before read `transfer` alone, so that a database that
-- they work on begins with false: `tallystick migrate --finish` says that none is left. A new database begins with true.
ALTER TABLE book ADD COLUMN one_row_payments boolean NOT NULL DEFAULT false;

-- The newest migration that a process knows, by which `tallystick migrate --finish` finds processes of earlier releases; null: of
-- one that did not say so.
ALTER TABLE pulse ADD COLUMN newest_migration text;
