"""The way back to the schemas of earlier releases, for databases that a test has filled by the present one."""

from typing import Final

from tallystick.db.connections import Pool
from tallystick.db.migrate import FILES
from tallystick.db.sql_script import split_script

WAYS_BACK: Final = {
    # A payment names its instrument, and says that it has no fee.
    "0060": """
UPDATE transaction SET instrument_id = account.subject
  FROM account
 WHERE account.book_id = transaction.book_id AND account.account_id = transaction.own_debit_account
   AND transaction.instrument_id IS NULL;
UPDATE transaction
   SET status_code = coalesce(status_code, 'Success'), status_number = coalesce(status_number, 1),
       fee_micros = coalesce(fee_micros, 0), refunded_micros = coalesce(refunded_micros, 0)
 WHERE own_debit_account IS NOT NULL;
ALTER TABLE transaction SET (fillfactor = 95);
ALTER TABLE transaction
    ALTER COLUMN status_code SET NOT NULL,
    ALTER COLUMN status_number SET NOT NULL,
    ALTER COLUMN fee_micros SET NOT NULL,
    ALTER COLUMN refunded_micros SET NOT NULL;
DROP INDEX transaction_of_account;
DROP INDEX transaction_of_token;
CREATE INDEX IF NOT EXISTS transaction_token ON transaction (book_id, sender_token_id) WHERE instrument_id IS NULL;
""",
    # The keys of payments from memory are told in two arrays.
    "0059": """
DROP TYPE remembered_key;
""",
    # A payment says all that there is to it.
    "0058": """
UPDATE transaction SET sender_token_id = token.token_id
  FROM token
 WHERE token.book_id = transaction.book_id AND token.instrument_id = transaction.instrument_id
   AND token.purpose IN ('prepaid_sender', 'credit_sender') AND token.old_token_id IS NULL
   AND transaction.own_debit_account IS NOT NULL AND transaction.sender_token_id IS NULL;
UPDATE transaction SET fee_payer = 'Recipient' WHERE fee_payer IS NULL;
UPDATE transaction
   SET marketplace_fee_micros = coalesce(marketplace_fee_micros, 0),
       marketplace_refunded_micros = coalesce(marketplace_refunded_micros, 0),
       fee_refunded_micros = coalesce(fee_refunded_micros, 0)
 WHERE own_debit_account IS NOT NULL;
UPDATE answered_reference SET status = 'Success'
 WHERE status IS NULL AND fingerprint IS NOT NULL AND transaction_id IS NOT NULL;
DROP INDEX token_of_payments;
ALTER TABLE transaction
    ALTER COLUMN fee_payer SET NOT NULL,
    ALTER COLUMN marketplace_fee_micros SET NOT NULL,
    ALTER COLUMN marketplace_refunded_micros SET NOT NULL,
    ALTER COLUMN fee_refunded_micros SET NOT NULL;
""",
    # No balance is low.
    "0057": """
DROP TABLE low_balance, low_balance_look;
ALTER TABLE book DROP COLUMN low_balance_micros, DROP COLUMN low_balance_since;
""",
    # The operator's book is one.
    "0056": """
ALTER TABLE book DROP COLUMN operator_part;
""",
    # Payments on tabs are read for.
    "0055": """
DROP TYPE remembered_tab;
""",
    # What a payment moved is a row of its own.
    "0054": """
INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)
SELECT book_id, transaction_id, 1, own_debit_account, 2, amount_micros, received_at
  FROM transaction WHERE own_debit_account IS NOT NULL;
ALTER TABLE transaction DROP COLUMN own_debit_account;
ALTER TABLE book DROP COLUMN one_row_payments;
ALTER TABLE pulse DROP COLUMN newest_migration;
""",
    # Calls with a bearer secret have their key read each time.
    "0053": """
DROP TYPE carried_key_terms;
""",
    # Events are delivered nowhere: programs read them.
    "0052": """
DROP TABLE webhook_delivery, webhook_endpoint;
""",
    # Sessions, visits, ways in and uses of keys refer to whose they are.
    "0051": """
ALTER TABLE access_key_use ADD CONSTRAINT access_key_use_access_key_id_fkey
    FOREIGN KEY (access_key_id) REFERENCES access_key;
ALTER TABLE cobranded_visit ADD CONSTRAINT cobranded_visit_caller_party_id_fkey
    FOREIGN KEY (caller_party_id) REFERENCES party;
ALTER TABLE cobranded_visit ADD CONSTRAINT cobranded_visit_sender_party_id_fkey
    FOREIGN KEY (sender_party_id) REFERENCES party;
ALTER TABLE mailed_proof ADD CONSTRAINT mailed_proof_party_id_fkey FOREIGN KEY (party_id) REFERENCES party;
ALTER TABLE passkey ADD CONSTRAINT passkey_party_id_fkey FOREIGN KEY (party_id) REFERENCES party;
ALTER TABLE second_factor ADD CONSTRAINT second_factor_party_id_fkey FOREIGN KEY (party_id) REFERENCES party;
ALTER TABLE web_session ADD CONSTRAINT web_session_party_id_fkey FOREIGN KEY (party_id) REFERENCES party;
""",
    # What another process does because of a call begins a trace of its own.
    "0050": """
DROP TABLE trace_link;
""",
    # Months that are in the archive have no close.
    "0049": """
DROP TABLE archived_movement;
ALTER TABLE archive_batch DROP COLUMN is_summed;
""",
    # What happens is told by notifications alone.
    "0048": """
DROP TABLE event_queue, event, event_head;
DROP TYPE queued_event_values;
ALTER TABLE book DROP COLUMN charge_events, DROP COLUMN events_since;
ALTER TABLE instrument DROP COLUMN expiry_told_at;
ALTER TABLE token DROP COLUMN expiry_told_at;
""",
    # A fee that two statements tell in other words is booked twice.
    "0047": """
DROP TABLE bank_fee;
""",
    # Everybody signs in with a password or a passkey.
    "0046": """
DELETE FROM mailed_proof WHERE purpose = 'enter';
ALTER TABLE mailed_proof DROP CONSTRAINT mailed_proof_purpose_check;
ALTER TABLE mailed_proof ADD CONSTRAINT mailed_proof_purpose_check CHECK (purpose IN ('verify', 'reset', 'open'));
ALTER TABLE authorization_evidence DROP CONSTRAINT authorization_evidence_proved_by_check;
ALTER TABLE authorization_evidence ADD CONSTRAINT authorization_evidence_proved_by_check
    CHECK (proved_by IN ('password', 'passkey', 'code'));
""",
    # Debts of less than a cent stay.
    "0045": """
ALTER TABLE book DROP COLUMN dust_rule, DROP COLUMN dust_due_at;
""",
    # What a rail never got stays pending.
    "0044": """
ALTER TABLE rail_request DROP COLUMN missing_since;
""",
    # Payouts go to bank accounts alone.
    "0043": """
DROP TABLE payout_onboarding;
ALTER TABLE payout DROP COLUMN asked_first;
""",
    # What moved at a rail and belongs to nothing of ours is not marked.
    "0042": """
ALTER TABLE rail_movement DROP COLUMN is_unassigned;
""",
    # Only sellers give balances back.
    "0041": """
DROP TABLE redemption, redemption_policy;
""",
    # Nobody makes notes about customers.
    "0040": """
DROP TABLE customer_note;
""",
    # A refund that went well stays so, and nothing at a rail is in suspense.
    "0039": """
DROP INDEX transaction_reversal;
ALTER TABLE rail_booking DROP CONSTRAINT rail_booking_account_check;
ALTER TABLE rail_booking ADD CONSTRAINT rail_booking_account_check CHECK (account IN ('rail_fees', 'bank'));
ALTER DOMAIN account_kind DROP CONSTRAINT account_kind_is_known;
ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of', 'in_dispute', 'dues', 'dispute_losses',
                     'dispute_fees', 'frozen', 'due_from', 'payouts_under_way', 'paid_out', 'payouts_due', 'rail_fees',
                     'bank'));
ALTER DOMAIN transaction_operation DROP CONSTRAINT transaction_operation_is_known;
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit', 'Dispute',
                     'Payout', 'PayoutReturn', 'RailMovement'));
""",
    # No statement of a bank is read.
    "0038": """
DROP TABLE bank_statement, bank_entry;
DROP INDEX payout_bank_reference;
""",
    # Nothing is reconciled.
    "0037": """
DROP TABLE rail_booking, rail_movement, rail_reconciliation;
ALTER DOMAIN account_kind DROP CONSTRAINT account_kind_is_known;
ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of', 'in_dispute', 'dues', 'dispute_losses',
                     'dispute_fees', 'frozen', 'due_from', 'payouts_under_way', 'paid_out', 'payouts_due'));
ALTER DOMAIN transaction_operation DROP CONSTRAINT transaction_operation_is_known;
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit', 'Dispute',
                     'Payout', 'PayoutReturn'));
ALTER DOMAIN transaction_method DROP CONSTRAINT transaction_method_is_known;
ALTER DOMAIN transaction_method ADD CONSTRAINT transaction_method_is_known
    CHECK (VALUE IN ('ABT', 'CC', 'ACH', 'Debt', 'Prepaid', 'Payout'));
""",
    # A refund goes to what the authorization is paid from.
    "0036": """
ALTER TABLE rail_operation DROP COLUMN payment_method_id;
""",
    # Payments read before they are decided.
    "0035": """
DROP TYPE remembered_token;
DROP TYPE remembered_change;
ALTER TABLE account DROP COLUMN terms_version;
""",
    # No cash leaves.
    "0034": """
DROP TABLE payout, payout_destination, payout_schedule, payout_file, simulated_payout;
DELETE FROM approval WHERE deed = 'payout';
ALTER TABLE approval DROP CONSTRAINT approval_deed;
ALTER TABLE approval
    ADD CONSTRAINT approval_deed CHECK (deed IN ('refund', 'settle', 'write_off', 'refund_balance'));
ALTER DOMAIN account_kind DROP CONSTRAINT account_kind_is_known;
ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of', 'in_dispute', 'dues', 'dispute_losses',
                     'dispute_fees', 'frozen', 'due_from'));
ALTER DOMAIN transaction_operation DROP CONSTRAINT transaction_operation_is_known;
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit', 'Dispute'));
ALTER DOMAIN transaction_method DROP CONSTRAINT transaction_method_is_known;
ALTER DOMAIN transaction_method ADD CONSTRAINT transaction_method_is_known
    CHECK (VALUE IN ('ABT', 'CC', 'ACH', 'Debt', 'Prepaid'));
""",
    # No disputes.
    "0033": """
DROP TABLE dispute;
ALTER TABLE book DROP COLUMN disputed_settlements;
ALTER TABLE instrument DROP COLUMN uncovered_micros;
ALTER TABLE transaction DROP COLUMN disputed_micros;
ALTER DOMAIN transaction_operation DROP CONSTRAINT transaction_operation_is_known;
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit'));
ALTER DOMAIN account_kind DROP CONSTRAINT account_kind_is_known;
ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of'));
""",
    # One rail, the simulated one, which has no references and no pages.
    "0032": """
DROP TABLE rail_operation, rail_event, rail_setup, simulated_setup, simulated_confirmation;
ALTER TABLE rail_request DROP COLUMN asked_at, DROP CONSTRAINT rail_request_operation_check;
ALTER TABLE rail_request ADD CONSTRAINT rail_request_operation_check
    CHECK (operation IN ('charge', 'authorize', 'capture', 'void', 'refund'));
DROP INDEX simulated_charge_reference;
ALTER TABLE simulated_charge DROP COLUMN reference, DROP COLUMN fee_micros,
    DROP CONSTRAINT simulated_charge_operation_check;
ALTER TABLE simulated_charge ADD CONSTRAINT simulated_charge_operation_check
    CHECK (operation IN ('charge', 'authorize', 'capture', 'void', 'refund'));
""",
    # What was not spent stays on its balance.
    "0031": """
DROP INDEX transaction_unspent_refund;
DELETE FROM approval WHERE deed = 'refund_balance';
ALTER TABLE approval DROP CONSTRAINT approval_deed;
ALTER TABLE approval ADD CONSTRAINT approval_deed CHECK (deed IN ('refund', 'settle', 'write_off'));
""",
    # No authorizations that were asked for in JSON.
    "0030": """
DROP TABLE requested_authorization;
""",
    # Keys that sign, and cannot be sent as they are.
    "0029": """
ALTER TABLE access_key DROP COLUMN bearer_digest, DROP COLUMN json_version;
""",
    # No proof goes on.
    "0028": """
DROP TABLE running_proof, proven_balance;
""",
    # No authenticator apps, and nothing that waits for a second person.
    "0027": """
DROP TABLE approval, approval_rule, recovery_code, second_factor;
""",
    # One master key for good.
    "0026": """
DROP TABLE master_key;
ALTER TABLE pulse DROP COLUMN master_keys;
""",
    # The audit log and what was agreed to have no chains; rows can be changed.
    "0025": """
DROP TRIGGER audit_entry_is_kept ON audit_entry;
DROP TRIGGER audit_entry_is_not_emptied ON audit_entry;
DROP FUNCTION keep_audit_entry;
DROP TABLE chain_head;
ALTER TABLE audit_entry DROP COLUMN chain_sequence, DROP COLUMN chained_at, DROP COLUMN previous_digest,
    DROP COLUMN chain_digest, DROP COLUMN subject_salt, DROP COLUMN subject_digest;
ALTER TABLE authorization_evidence DROP COLUMN chain_sequence, DROP COLUMN chained_at, DROP COLUMN previous_digest,
    DROP COLUMN chain_digest, DROP COLUMN device_salt, DROP COLUMN device_digest, DROP COLUMN address_salt,
    DROP COLUMN address_digest;
""",
    # Keys that are for everything, from anywhere.
    "0024": """
ALTER TABLE access_key DROP COLUMN name, DROP COLUMN scopes, DROP COLUMN networks, DROP COLUMN calls_per_second,
    DROP COLUMN planned_end, DROP COLUMN made_by;
DROP TYPE access_key_terms;
""",
    # Hosts that are claimed, and how messages are signed.
    "0023": """
DROP TABLE return_host_guest, return_host;
ALTER TABLE cobranded_visit DROP COLUMN browser_digest;
ALTER TABLE signing_key DROP COLUMN revoked_at;
ALTER TABLE book DROP COLUMN signature_method;
""",
    # Answers alone come back, no refusals: their references are not kept as text.
    "0022": """
ALTER TABLE answered_reference ADD COLUMN caller_reference text COLLATE "C", ADD COLUMN caller_party_id bigint;
UPDATE answered_reference SET caller_reference = transaction.caller_reference, caller_party_id = book.party_id
  FROM transaction JOIN book USING (book_id)
 WHERE transaction.book_id = answered_reference.book_id
   AND transaction.transaction_id = answered_reference.transaction_id;
DELETE FROM answered_reference WHERE caller_reference IS NULL OR fingerprint IS NULL;
ALTER TABLE answered_reference DROP COLUMN reference_digest, DROP COLUMN reuses;
ALTER TABLE answered_reference ADD CONSTRAINT answered_reference_pkey
    PRIMARY KEY (book_id, caller_party_id, caller_reference);
ALTER TABLE answered_reference ALTER COLUMN fingerprint SET NOT NULL;
DROP INDEX answered_reference_refused;
CREATE INDEX answered_reference_age ON answered_reference USING brin (answered_at) WITH (autosummarize = on);
DROP TABLE claimed_payment, believed_time;
ALTER TABLE book DROP COLUMN parts;
ALTER TYPE book_rules DROP ATTRIBUTE parts;
""",
    # Wrong passwords pause an account, whoever typed them; letters lie there in clear.
    "0021": """
DROP INDEX authorization_evidence_address;
ALTER TABLE mail DROP COLUMN sealed;
ALTER TABLE party ADD COLUMN failed_sign_ins integer NOT NULL DEFAULT 0, ADD COLUMN locked_until timestamptz;
DROP TABLE sign_in_pause;
""",
}
"""By the number of a migration, the newest first: what takes it back. The comments say how it was before."""

_SET_VERSION: Final = "UPDATE alembic_version SET version_num = $1"


async def run_script(pool: Pool, script: str) -> None:
    """Send the statements of a script, one by one."""
    for statement in split_script(script):
        await pool.execute(statement)


async def go_back(pool: Pool, migration: str) -> None:
    """Take back this migration and all after it, as the owner of the tables."""
    assert max(WAYS_BACK) == max(FILES), "the newest migration has no way back"
    for number, statements in WAYS_BACK.items():
        if number >= migration:
            await run_script(pool, statements)
    await pool.execute(_SET_VERSION, max(number for number in FILES if number < migration))
