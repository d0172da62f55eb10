-- Payments on tabs are decided from memory, too, and checked while they are written.

-- A tab as it is remembered, and what is charged to it. What payments change of it is not compared but kept within its bounds.
CREATE TYPE remembered_tab AS (instrument_id text, account_id bigint, delta_micros bigint, limit_micros bigint,
                               total_limit_micros bigint, expires_at timestamptz);
