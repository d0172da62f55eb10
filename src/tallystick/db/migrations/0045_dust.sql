-- What becomes of debts of less than a cent, which no rail can bring in.

ALTER TABLE book ADD COLUMN dust_rule text NOT NULL DEFAULT 'keep'
    CONSTRAINT book_dust_rule CHECK (dust_rule IN ('keep', 'write_off', 'round'));
ALTER TABLE book ADD COLUMN dust_due_at timestamptz; -- when the worker looks for them; null: it does not
CREATE INDEX book_dust_due ON book (dust_due_at) WHERE dust_due_at IS NOT NULL;
