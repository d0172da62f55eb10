-- Orders that a rail does not have: since when, by this server's clock. Null: nobody has looked in vain.
ALTER TABLE rail_request ADD COLUMN missing_since timestamptz;
