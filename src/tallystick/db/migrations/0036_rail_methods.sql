-- With what a payment was made stays known too: a refund goes there, whatever the authorization is paid from by then.
ALTER TABLE rail_operation ADD COLUMN payment_method_id bigint; -- null: asked for by an earlier version
