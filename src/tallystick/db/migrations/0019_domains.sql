-- What a single column may hold is said by its type. PostgreSQL reads the checks of a table from the catalogue anew for each
-- statement that writes to it, which was a quarter of what the database did for a lonely payment; it remembers those of a type.
-- A type without a check is the same as the one below it, so that no table is written anew: it gets its check afterwards.

CREATE DOMAIN account_kind AS text;
CREATE DOMAIN instrument_kind AS text;
CREATE DOMAIN token_purpose AS text;
CREATE DOMAIN token_kind AS text;
CREATE DOMAIN token_method AS text;
CREATE DOMAIN transaction_operation AS text;
CREATE DOMAIN transaction_status AS text;
CREATE DOMAIN transaction_method AS text;
CREATE DOMAIN fee_payer AS text;
CREATE DOMAIN event_kind AS text;
CREATE DOMAIN event_state AS text;
CREATE DOMAIN positive_micros AS bigint;
CREATE DOMAIN unsigned_micros AS bigint;

ALTER TABLE account
    DROP CONSTRAINT account_kind_check,
    ALTER COLUMN kind TYPE account_kind;

ALTER TABLE instrument
    DROP CONSTRAINT instrument_kind_check,
    DROP CONSTRAINT instrument_limit_micros_check,
    DROP CONSTRAINT instrument_total_limit_micros_check,
    DROP CONSTRAINT instrument_charged_micros_check,
    DROP CONSTRAINT instrument_pending_micros_check,
    ALTER COLUMN kind TYPE instrument_kind,
    ALTER COLUMN limit_micros TYPE positive_micros,
    ALTER COLUMN total_limit_micros TYPE positive_micros,
    ALTER COLUMN charged_micros TYPE unsigned_micros,
    ALTER COLUMN pending_micros TYPE unsigned_micros;

ALTER TABLE token
    DROP CONSTRAINT token_purpose_check,
    DROP CONSTRAINT token_token_type_check,
    DROP CONSTRAINT token_payment_method_check,
    ALTER COLUMN purpose TYPE token_purpose,
    ALTER COLUMN token_type TYPE token_kind,
    ALTER COLUMN payment_method TYPE token_method;

ALTER TABLE transaction
    DROP CONSTRAINT transaction_operation_check,
    DROP CONSTRAINT transaction_status_check,
    DROP CONSTRAINT transaction_payment_method_check,
    DROP CONSTRAINT transaction_fee_payer_check,
    DROP CONSTRAINT transaction_amount_micros_check,
    ALTER COLUMN operation TYPE transaction_operation,
    ALTER COLUMN status TYPE transaction_status,
    ALTER COLUMN payment_method TYPE transaction_method,
    ALTER COLUMN fee_payer TYPE fee_payer,
    ALTER COLUMN amount_micros TYPE positive_micros;

ALTER TABLE transfer
    DROP CONSTRAINT transfer_amount_micros_check,
    ALTER COLUMN amount_micros TYPE positive_micros;

ALTER TABLE outbox
    DROP CONSTRAINT outbox_kind_check,
    DROP CONSTRAINT outbox_state_check,
    ALTER COLUMN kind TYPE event_kind,
    ALTER COLUMN state TYPE event_state;

ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of'));
ALTER DOMAIN instrument_kind ADD CONSTRAINT instrument_kind_is_known CHECK (VALUE IN ('prepaid', 'credit'));
ALTER DOMAIN token_purpose ADD CONSTRAINT token_purpose_is_known
    CHECK (VALUE IN ('prepaid_sender', 'funding', 'credit_sender', 'settlement', 'sender', 'recipient', 'installed'));
ALTER DOMAIN token_kind ADD CONSTRAINT token_kind_is_known
    CHECK (VALUE IN ('SingleUse', 'MultiUse', 'Recurring', 'Unrestricted'));
ALTER DOMAIN token_method ADD CONSTRAINT token_method_is_known CHECK (VALUE IN ('ABT', 'CC', 'ACH'));
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit'));
ALTER DOMAIN transaction_status ADD CONSTRAINT transaction_status_is_known
    CHECK (VALUE IN ('Success', 'Pending', 'Failure', 'Reserved', 'Cancelled'));
ALTER DOMAIN transaction_method ADD CONSTRAINT transaction_method_is_known
    CHECK (VALUE IN ('ABT', 'CC', 'ACH', 'Debt', 'Prepaid'));
ALTER DOMAIN fee_payer ADD CONSTRAINT fee_payer_is_known CHECK (VALUE IN ('Recipient', 'Caller'));
ALTER DOMAIN event_kind ADD CONSTRAINT event_kind_is_known CHECK (VALUE IN ('TransactionStatus', 'TokenCancellation'));
ALTER DOMAIN event_state ADD CONSTRAINT event_state_is_known
    CHECK (VALUE IN ('waiting', 'delivered', 'dead', 'unwanted'));
ALTER DOMAIN positive_micros ADD CONSTRAINT micros_are_positive CHECK (VALUE > 0);
ALTER DOMAIN unsigned_micros ADD CONSTRAINT micros_are_not_negative CHECK (VALUE >= 0);
