-- With what a payment was made stays known too: a refund goes there, whatever the authorization is paid from by then.
-- Null: asked for by an earlier version.
ALTER TABLE rail_operation ADD COLUMN payment_method_id bigint;
