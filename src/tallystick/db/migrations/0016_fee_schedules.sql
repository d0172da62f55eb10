-- A seller may have a fee schedule of its own, which the file of schedules names; null: the standard one.
ALTER TABLE party ADD COLUMN fee_schedule text CHECK (fee_schedule ~ '^[a-z][a-z0-9-]{0,39}$');
CREATE INDEX party_by_fee_schedule ON party (fee_schedule) WHERE fee_schedule IS NOT NULL;
