"""The reference of the command line, written from the commands themselves: docs/cli.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from typer.core import TyperGroup
from typer.testing import CliRunner

from tallystick.cli.app import app, whole_program
from tallystick.cli.console import tell

_WIDTH: Final = 100
_HEAD: Final = """\
# The command line

<!-- Written by tallystick.cli.reference from the commands; a test keeps it current. -->

In a clone `./run COMMAND …` is `tallystick COMMAND …`. Settings come from the environment and from a
configuration file, which every command takes as `--config FILE`, before its name or after it: [settings](settings.md).
Commands work on the same database as a `tallystick serve` beside them, also on the embedded one; on another one than
the service's, or on one that they would make, only with `--new` ([why](settings.md#commands-beside-a-service)).

Shells complete commands and options after `source <(tallystick completion bash)`, the same with `zsh`, or
`tallystick completion fish | source`.

| exit status | meaning |
|---|---|
| 0 | done |
| 1 | the answer is no: the books, the archive or the chains are off, migrations or what real money needs are lacking, \
the settings are wrong (`config check`), the pages refused the buyer, the books refused the payment |
| 2 | bad input, or surroundings that do not serve (a taken port, no database, …); one line says what |
| 130 | interrupted; `serve`, `worker` and `demo` run until they are interrupted and end with 0 |

Answers go to standard output, everything else to standard error. Secrets and passwords are never arguments: they are
read from standard input (one line) or from an environment variable that is named.

With `--json` the answer is one line. Fields are only ever added. Moments are UTC in ISO 8601; a field without a value
is `null`.

| command | JSON |
|---|---|
| `account create`, `account set-password`, `account standing` | \
`account_id`, `kind`, `email`, `name`, `status`, `created_at`; of `account create` also \
`password`, where it made one up |
| `account list` | an array of those |
| `account second-factor reset` | the same, and `reset`: whether there was anything to take |
| `account charges` | `environment`, `smallest_charge` (text with six decimals), `dust` (`keep`, `write_off`, \
`round`), `low_balance` (text with six decimals) |
| `account split` | `parts`: how many books there are |
| `operator split` | `environment`, `parts`: how many books the operator has there |
| `account set-logo` | `logo`: what the picture is found by |
| `keys create`, `keys make`, `keys rotate` | `account_id`, `access_key_id`, `secret`, `environment`, `created_at`, \
`expires_at`, `scopes`, `networks`, `calls_per_second` |
| `keys list` | an array of `account_id`, `access_key_id`, `environment`, `status` (`usable`, `expired`, `revoked`), \
`created_at`, `expires_at`, `revoked_at`, `name`, `scopes`, `networks`, `calls_per_second`, `maker_id`, `used_at` |
| `keys bearer` | `access_key_id`, `bearer_secret` |
| `keys change`, `keys end-bearer`, `keys revoke` | one of those, without `used_at` |
| `keys register-certificate`, `keys revoke-certificate` | `account_id`, `fingerprint`, `environment`, `subject`, \
`status` (`usable`, `expired`, `revoked`), `created_at`, `expires_at`, `revoked_at` |
| `keys list-certificates` | an array of those |
| `keys rotate-signing` | `name`, `certificate_url` |
| `hosts claim` | `account_id`, `host`, `token`, `begun_at`, `claimed_at`, `proved_by` (`file`, `operator`), `guests` |
| `hosts list` | an array of those |
| `hosts release`, `hosts allow`, `hosts disallow` | `released`, `allowed`, `disallowed`: the host |
| `keys list-signing` | an array of `name`, `status` (`signs`, `retired`, `revoked`), `certificate_url`, `created_at`, \
`retired_at`, `revoked_at`, `private_half` |
| `keys revoke-signing`, `keys destroy-signing` | `revoked`: the name; `destroyed`: an array of names |
| `staff add` | `account_id`, `person_id`, `email`, `name`, `role`, `added_at` |
| `staff list` | an array of those |
| `staff remove`, `operators remove` | `removed`; of `staff remove` also `revoked_keys`, `kept_keys`: ids of keys that \
the person had made |
| `operators add` | `operator` |
| `operators list` | an array of `account_id`, `email`, `name` |
| `ipn list` | an array of `event_id`, `kind`, `subject_id`, `status`, `state`, `destination`, `occurred_at`, \
`due_at`, `attempts`, `delivered_at`, `last_error` |
| `ipn replay` | `replayed` |
| `ipn set-url` | `notification_url`, `immediate`, `write_offs`, `signature_method` |
| `ipn listen` | a line for each message: `url`, `genuine`, `problem`, `parameters` |
| `live status` | `open`, `missing`: an array of names |
| `live open` | `opened`: the number of the book |
| `pay`, `fund`, `settle`, `refund` | `transaction_id`, `status`, `status_code`, `amount`, `reference`, `balance`: \
what is then left on the balance or owed on the tab (texts with six decimals) |
| `balance` | `cash`, `balances`: an array of `instrument`, `buyer`, `kind` (`prepaid`, `postpaid`), `balance`, \
`pending`, `limit` (texts with six decimals), `expires_at`, `cancelled_at`; `complete`: whether those are all |
| `balance refund` | `amount`, `left` (texts with six decimals), `refunds`: ids of transactions |
| `balance redemption` | `environment`, `redemption` (`never`, `up_to`, `always`), `up_to` (text with six decimals) |
| `month-close` | `month`, `environment`, `over`, `adds_up`, `kinds`: an array of `kind`, `number`, `gross`, \
`refunded`, `fees`, `net`; `balances`: an array of `balance`, `start`, `moved` (an array of `kind`, `amount`), `end`; \
texts with six decimals |
| `payout make`, `payout sent`, `payout failed`, `payout returned` | `payout`, `account_id`, `environment`, `amount` \
(text with six decimals), `rail`, `state` (`under way`, `sent`, `not sent`, `came back`), `opened_at`, `ended_at`, \
`bank_reference`, `message_id`, `last_error` |
| `payout list` | an array of those |
| `payout file` | `message_id`, `payouts`, `total` (text with six decimals) |
| `rails list` | an array of `transaction_id`, `operation`, `rail`, `environment`, `account_id`, `amount` \
(text with six decimals), `opened_at`, `due_at`, `attempts`, `last_error` |
| `rails end` | `transaction_id`, `operation` |
| `reconcile` | an array, one for each day: `day`, `movements`, `moved`, `fees`, `bank`, `unexplained` \
(texts with six decimals), \
`findings`: an array of `finding`, `name`, `reference`, `there`, `here` |
| `reconcile --statement` | an array, one for each statement: `statement`, `account`, `from`, `to`, `entries`, \
`arrived`, `returned`, `fees`, `unexplained` (texts with six decimals), \
`findings`: an array of `finding`, `name`, `day`, `there`, `here`, `entry` (of a fee: what `--another-fee` wants) |
| `clock show`, `clock forward` | `now`, `ahead_seconds` |
| `backup` | `name`, `started_at`, `finished_at`, `bytes` |
| `backup list` | an array of those |
| `backup check` | `ok`, `problems` |
| `restore` | `ok`, `data_directory`, `base`: the base backup, `reached`: the last commit from the log, `problems` |
| `upgrade` | `ok`, `from`, `to`: major versions, `before`: where the data of before are, `problems` |
| `init` | `file`: where it is now |
| `config check` | `ok`, `file`: which one is read, `problems`, `warnings`: arrays of texts |
| `config show` | an array of `name`, `value` (a text, secrets hidden), `source` (`environment`, `file`, \
`command line`, `default`), `given_as` (the variable, or the name in the file) |
| `doctor` | an array of `item`, `standing` (`good`, `missing`, `for people`), `text` |
| `archive` | `directory`, `batches`, `transactions`, `held_back`: an array of `book`, `from` |
| `archive check` | `ok`, `batches`, `transactions`, `transfers`, `problems` |
| `audit verify` | `ok`, `chains`, `records`, `erased`, `anchors`, `waiting`, `oldest_waiting`, `late`, `problems` |
| `audit export` | a line for each record: `content`, `digest`, `erasable` |
| `db distribute` | `done`, with `--dry-run` `planned`: an array of `purpose`, `statement` |
| `db rebalance` | `begun` |
| `db roles` | `service`, `owner`: `name`, `is_superuser`, `owns_tables`, `reaches_system`, `excess` (array of texts) |
| `master-key status` | an array of `name`, `state` (`seals`, `announced`, `old`, `new`), `values`, `known`, `needed` |
| `master-key rotate` | `name`, `broken`: an array of texts |
| `master-key forget` | `forgotten`: an array of names |
| `sandbox authorize` | `return_url` |
| `sandbox dispute` | `dispute` (its id), `status`, `disputed`, `frozen`, `lost`, `fee`, `due` (texts, six decimals) |
| `disputes list` | an array of `dispute`, `environment`, `status`, `charge`, `asked`, `disputed`, `fee`, `due`, \
`evidence_due_at`, `opened_at`, `closed_at` |
| `disputes settlements` | `environment`, `settlements` (`debt`, `loss`) |
| `sandbox deposit` | `added`, `balance` (text with six decimals), `currency` |
| `sandbox sign` | `url` |
| `sandbox fault order`, `sandbox fault remove`, `sandbox fault release` | `fault`, `removed`, `released`: its id |
| `sandbox fault list` | an array of `fault`, `meets`, `outcome`, `state` (`waits`, `holds`, `met`), `transaction_id`, \
`ordered_at` |
| `sandbox button` | `html` |
| `listen` | at first `listening_after`, `secret`; then each event, with `forwarded`: the status, or a problem |
| `webhooks list` | an array of `id`, `environment`, `url`, `types` (empty: all but charges answered at once), \
`description`, `enabled`, `disabled_because`, `previous_secret_until`, `failing_since`, `last_delivered_at` |
| `webhooks add`, `webhooks rotate` | the same of one endpoint, with its `secret` |
| `webhooks enable`, `webhooks remove` | the same of one endpoint |
| `webhooks test` | `arrived`, `http_status`, `problem` |
| `webhooks replay` | `events`: how many |
| `webhooks log` | an array of `number`, `event`, `state`, `tries`, `status`, `delivered_at`, `problem` |
| `webhooks check` | an array of `book`, `first`, `last`, `kept`; empty: no number is missing |
| `migrate` | `applied`; with `--check` `lacking`: arrays of migration numbers; with `--finish` `finished` |
| `verify` | `ok`, `checks` (array of `name`, `problems`), `books`, `accounts`, `transactions`, `transfers`, \
`pending`, `liability_micros`, `debt_micros`, `cash_micros`; where tables cannot be read \
`ok`, `damaged` (array of texts); with `--since-last` `ok`, `proven_at`, `transactions`, \
`unexplained_micros`, `problems` |
"""


def reference() -> str:
    """The whole document, Markdown."""
    return "\n".join([_HEAD, *(_section(names) for names in _commands(whole_program()))])


def _commands(group: TyperGroup) -> Iterator[list[str]]:
    """The words of each command, groups in between left out."""
    for name, one in group.commands.items():
        if isinstance(one, TyperGroup):
            if one.invoke_without_command:
                yield [name]
            yield from ([name, *names] for names in _commands(one))
        else:
            yield [name]


def _section(names: list[str]) -> str:
    asked = CliRunner().invoke(app, [*names, "--help"], prog_name="tallystick", terminal_width=_WIDTH)
    text = "\n".join(line.rstrip() for line in asked.stdout.strip().splitlines())
    return f"## {' '.join(names)}\n\n```\n{text}\n```\n"


if __name__ == "__main__":  # python -m tallystick.cli.reference > docs/cli.md
    tell(reference().rstrip("\n"))
