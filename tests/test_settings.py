import base64
import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING
from ipaddress import ip_network
from pathlib import Path

import pytest
from tests.support.paths import ROOT

from tallystick.settings import (
    PARSERS,
    Settings,
    SettingsError,
    from_environment,
    load_master_key,
    setting_fields,
    variable_name,
)

TABLE = ROOT / "docs" / "settings.md"
KEY = base64.b64encode(bytes(range(32))).decode()


def documented_settings() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", TABLE.read_text("utf-8"), re.MULTILINE)
    return {variable: (default.strip("`"), meaning) for variable, default, meaning in rows}


def test_every_setting_is_documented_with_its_default() -> None:
    documented = documented_settings()

    assert list(documented) == [variable_name(setting.name) for setting in setting_fields()]
    for setting in setting_fields():
        default, meaning = documented[variable_name(setting.name)]
        assert len(meaning.split()) >= 3
        if setting.default is MISSING:
            assert default == "the user data directory"
        elif setting.name == "public_url":
            assert default == "http://127.0.0.1:<port>"
        elif isinstance(setting.default, bool):
            assert default == str(setting.default).lower()
        else:
            assert default == ("none" if setting.default is None else str(setting.default))


def test_every_setting_is_explained_in_the_class() -> None:
    assert Settings.__doc__ is not None
    explained = re.findall(r"^ {4}(\w+): ", inspect.cleandoc(Settings.__doc__), re.MULTILINE)
    assert explained == [*(setting.name for setting in setting_fields()), "origins"]


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = from_environment({"HOME": "/home/someone", "TALLYSTICK_PORT": ""})

    assert settings == Settings()
    assert settings.public_url == "http://127.0.0.1:8400"
    assert not settings.secure_cookies


@pytest.mark.parametrize(
    "text",
    [
        "example.com/terms",
        "javascript:alert(1)",
        "https://",
        "https://me@example.com/",
        "https://example.com/a b",
        "https://[::1",
    ],
)
def test_a_page_of_the_operator_has_a_whole_address(text: str) -> None:
    with pytest.raises(SettingsError, match="TALLYSTICK_TERMS_URL: must be the http or https address of a page"):
        from_environment({"TALLYSTICK_TERMS_URL": text})


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    schedule = tmp_path / "fees.toml"
    schedule.touch()
    given = {
        "data_directory": (str(tmp_path), tmp_path),
        "database_url": ("postgresql://me:secret@db/tally", "postgresql://me:secret@db/tally"),
        "owner_database_url": ("postgresql://owner:secret@db/tally", "postgresql://owner:secret@db/tally"),
        "host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - only parsed
        "port": ("9000", 9000),
        "public_url": ("https://pay.example.com/", "https://pay.example.com"),
        "allowed_hosts": ("pay.example.com, Fps.Example.com", ("pay.example.com", "fps.example.com")),
        "hsts": ("max-age=63072000; includeSubDomains; preload", "max-age=63072000; includeSubDomains; preload"),
        "staff_url": ("https://staff.example.com/", "https://staff.example.com"),
        "staff_networks": ("10.1.0.0/16, fd00::/8", (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))),
        "security_contact": ("mailto:security@example.com", ("mailto:security@example.com",)),
        "operator_name": ("Example  Payments Ltd", "Example Payments Ltd"),
        "imprint_url": ("https://example.com/imprint", "https://example.com/imprint"),
        "terms_url": ("https://example.com/terms?of=pages", "https://example.com/terms?of=pages"),
        "privacy_url": ("https://example.com/privacy#buyers", "https://example.com/privacy#buyers"),
        "master_key": (KEY, bytes(range(32))),
        "master_key_command": ("kms decrypt 'the key'", ("kms", "decrypt", "the key")),
        "master_key_file": (str(schedule), schedule),
        "further_master_keys": (f"{KEY},{KEY}", (bytes(range(32)), bytes(range(32)))),
        "timestamp_skew_seconds": ("60", 60),
        "clock_tolerance_seconds": ("60", 60),
        "rail_delay_ms": ("0", 0),
        "sandbox_card_rail": ("Stripe", "stripe"),
        "sandbox_bank_rail": ("none", "none"),
        "live_card_rail": ("stripe", "stripe"),
        "live_bank_rail": ("stripe", "stripe"),
        "sandbox_faults": ("off", False),
        "stripe_secret_key": ("sk_live_51Abcdefg", "sk_live_51Abcdefg"),
        "stripe_webhook_secret": ("whsec_0123456789", "whsec_0123456789"),
        "stripe_test_secret_key": ("rk_test_51Abcdefg", "rk_test_51Abcdefg"),
        "stripe_test_webhook_secret": ("whsec_9876543210", "whsec_9876543210"),
        "stripe_api_base": ("http://127.0.0.1:8420/", "http://127.0.0.1:8420"),
        "otlp_endpoint": ("http://127.0.0.1:4318/", "http://127.0.0.1:4318"),
        "stripe_bank_debit": ("us_bank_account", "us_bank_account"),
        "worker_interval_ms": ("50", 50),
        "notification_timeout_ms": ("500", 500),
        "notification_lifetime_hours": ("2", 2),
        "keep_notifications_days": ("30", 30),
        "reference_reuse": ("after-seven-days", "after-seven-days"),
        "keep_requests_days": ("0", 0),
        "allow_private_notification_targets": ("yes", True),
        "allow_unsigned_cobranded": ("true", True),
        "allow_weak_soap_signatures": ("on", True),
        "verify_signature_for_anyone": ("on", True),
        "allow_signature_v1": ("true", True),
        "allow_signature_v0": ("true", True),
        "require_verified_email": ("true", True),
        "require_verified_accounts": ("true", True),
        "smallest_charge": ("0.000001", 1),
        "unverified_spending_limit": ("250.00", 250_000_000),
        "unverified_receiving_limit": ("0.5", 500_000),
        "tolerate_unknown_parameters": ("1", True),
        "log_format": ("JSON", "json"),
        "log_level": ("debug", "debug"),
        "log_requests": ("true", True),
        "fee_schedule_file": (str(schedule), schedule),
        "smtp_url": ("smtps://me:s%40cret@mail.example:465", "smtps://me:s%40cret@mail.example:465"),
        "mail_from": ("Example Payments <pay@example.com>", "Example Payments <pay@example.com>"),
        "confirm_within_minutes": ("5", 5),
        "step_up_minutes": ("5", 5),
        "mailed_codes": ("Buyers", "buyers"),
        "require_second_factor": ("Both", "both"),
        "reverse_proxies": ("1", 1),
        "drain_seconds": ("10", 10),
        "calls_per_second": ("50", 50),
        "requests_per_second_per_address": ("20", 20),
        "requests_per_minute_by_route": ("api=600, sign-in=20", (("api", 600), ("sign-in", 20))),
        "max_connections": ("1000", 1_000),
        "max_connections_per_address": ("0", 0),
        "direct_http": ("false", False),
        "verify_every_hours": ("24", 24),
        "remembered_balances": ("0", 0),
        "running_proof_seconds": ("0", 0),
        "payout_rail": ("file", "file"),
        "sandbox_payout_rail": ("recorded", "recorded"),
        "payout_sender_name": ("Example  Payments", "Example Payments"),
        "payout_sender_iban": ("de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        "redeem_balances_below": ("10.00", 10_000_000),
        "metrics_token": ("0123456789abcdef", "0123456789abcdef"),
    }
    assert given.keys() == PARSERS.keys()

    sources = ("master_key", "master_key_command", "master_key_file")
    for source in sources:  # one at a time
        read = {name: each for name, each in given.items() if name == source or name not in sources}
        settings = from_environment({variable_name(name): text for name, (text, _) in read.items()})
        assert {name: getattr(settings, name) for name in read} == {name: value for name, (_, value) in read.items()}
        assert settings.secure_cookies
    with pytest.raises(SettingsError, match=r"TALLYSTICK_MASTER_KEY and TALLYSTICK_MASTER_KEY_COMMAND and .* give one"):
        from_environment({variable_name(name): text for name, (text, _) in given.items()})


def test_a_secret_can_be_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "stripe"
    secret.write_text("sk_live_51Abcdefg\n")

    assert from_environment({"TALLYSTICK_STRIPE_SECRET_KEY_FILE": str(secret)}).stripe_secret_key == "sk_live_51Abcdefg"
    with pytest.raises(SettingsError, match="two sources of one secret"):
        from_environment(
            {"TALLYSTICK_STRIPE_SECRET_KEY_FILE": str(secret), "TALLYSTICK_STRIPE_SECRET_KEY": "sk_live_51Abcdefg"}
        )
    secret.write_text("nonsense")
    with pytest.raises(SettingsError, match=r"^TALLYSTICK_STRIPE_SECRET_KEY_FILE: must be a secret key"):
        from_environment({"TALLYSTICK_STRIPE_SECRET_KEY_FILE": str(secret)})


def test_the_public_url_follows_the_port() -> None:
    assert from_environment({"TALLYSTICK_PORT": "9001"}).public_url == "http://127.0.0.1:9001"


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("REQUESTS_PER_MINUTE_BY_ROUTE", "api=600,pages=3", "must be such as sign-in=20, for any of api, batch"),
        ("REQUESTS_PER_MINUTE_BY_ROUTE", "api=0", "must be such as sign-in=20"),
        ("STRIPE_SECRET_KEY", "pk_live_51Abcdefg", "must be a secret key of Stripe's"),
        ("STRIPE_SECRET_KEY_FILE", "/no/such/file", "there is no file /no/such/file"),
        ("STRIPE_TEST_SECRET_KEY", "sk_live_51Abcdefg", "must be a key of Stripe's test mode"),
        ("STRIPE_BANK_DEBIT", "sepa_debit", "sepa_debit is made in EUR alone, and the books count in USD"),
        ("STRIPE_BANK_DEBIT", "bacs_debit", "must be one of none, us_bank_account"),
        ("PORT", "eighty", "must be a whole number from 1 to 65535, not 'eighty'"),
        ("PORT", "0", "must be a whole number from 1 to 65535, not '0'"),
        ("PORT", "65536", "must be a whole number from 1 to 65535, not '65536'"),
        ("TIMESTAMP_SKEW_SECONDS", "-1", "must be a whole number"),
        ("RAIL_DELAY_MS", "1.5", "must be a whole number"),
        ("RAIL_DELAY_MS", "\u0663", "must be a whole number"),
        ("SANDBOX_FAULTS", "maybe", "must be true or false, not 'maybe'"),
        ("SANDBOX_CARD_RAIL", "paper", "must be one of none, simulated, stripe, not 'paper'"),
        ("LIVE_CARD_RAIL", "simulated", "live books never use the simulated rail"),
        ("LIVE_BANK_RAIL", "Simulated", "live books never use the simulated rail"),
        ("LOG_FORMAT", "xml", "must be one of console, json, not 'xml'"),
        ("LOG_LEVEL", "loud", "must be one of debug, info, warning, error, not 'loud'"),
        ("DATA_DIRECTORY", "data", "must be an absolute path, not 'data'"),
        ("DATA_DIRECTORY", "~nobody-of-that-name/x", "names a home directory that does not exist"),
        ("FEE_SCHEDULE_FILE", "/no/such/file", "there is no file /no/such/file"),
        ("PUBLIC_URL", "pay.example.com", "must be an http or https address"),
        ("PUBLIC_URL", "https://pay.example.com/?a=b", "without a path or a query"),
        ("PUBLIC_URL", "https://example.com/pay", "without a path or a query"),
        ("MASTER_KEY", "AAAA", "must be 32 bytes in base64"),
        ("MASTER_KEY", "not base64!", "must be 32 bytes in base64"),
        ("SMTP_URL", "mail.example", "must be smtp:// or smtps:// with a host"),
        ("SMTP_URL", "smtp://mail.example:none", "must be smtp:// or smtps:// with a host"),
        ("MAIL_FROM", "payments", "must be an address such as payments@example.com, not 'payments'"),
    ],
)
def test_a_bad_value_is_refused_by_name(variable: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^TALLYSTICK_{variable}: .*{re.escape(message)}"):
        from_environment({f"TALLYSTICK_{variable}": text})


def test_a_secret_of_events_needs_the_key_of_their_account() -> None:
    for which in ("", "TEST_"):
        with pytest.raises(SettingsError, match=f"^TALLYSTICK_STRIPE_{which}WEBHOOK_SECRET needs .*{which}SECRET_KEY$"):
            from_environment({f"TALLYSTICK_STRIPE_{which}WEBHOOK_SECRET": "whsec_0123456789"})


def test_mail_needs_a_sender() -> None:
    with pytest.raises(SettingsError, match=r"^TALLYSTICK_SMTP_URL needs TALLYSTICK_MAIL_FROM$"):
        from_environment({"TALLYSTICK_SMTP_URL": "smtp://mail.example"})


def test_secrets_stay_out_of_messages_and_representations() -> None:
    with pytest.raises(SettingsError) as refused:
        from_environment({"TALLYSTICK_DATABASE_URL": "mysql://me:hunter2@db/tally"})
    assert "hunter2" not in str(refused.value)

    settings = from_environment({"TALLYSTICK_DATABASE_URL": "postgresql://:hunter2@db/x", "TALLYSTICK_MASTER_KEY": KEY})
    assert "hunter2" not in repr(settings)
    assert "master_key=" not in repr(settings)
    assert str(bytes(range(32))) not in repr(settings)


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^unknown setting TALLYSTICK_COLOUR; known are .*TALLYSTICK_PORT"):
        from_environment({"TALLYSTICK_COLOUR": "red", "TALLYSTICK_TEST_DATABASE_URL": "for the tests"})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("TALLYSTICK_PROT", "TALLYSTICK_PORT"),
        ("TALLYSTICK_DB_URL", "TALLYSTICK_DATABASE_URL"),
        ("TALLYSTICK_PUBLICURL", "TALLYSTICK_PUBLIC_URL"),
        ("TALLYSTICK_STRIPE_SECRET_FILE", "TALLYSTICK_STRIPE_SECRET_KEY_FILE"),
    ],
)
def test_a_setting_that_is_nearly_right_is_told_which_one_it_is(given: str, meant: str) -> None:
    with pytest.raises(SettingsError) as refused:
        from_environment({given: "hunter2"})
    assert str(refused.value) == f"unknown setting {given} (did you mean {meant}?)"


def test_of_two_misspelt_settings_each_is_told() -> None:
    with pytest.raises(SettingsError) as refused:
        from_environment({"TALLYSTICK_PROT": "1", "TALLYSTICK_COLOUR": "red"})
    told = str(refused.value)
    assert told.startswith(
        "unknown setting TALLYSTICK_COLOUR, TALLYSTICK_PROT (did you mean TALLYSTICK_PORT?); known are TALLYSTICK_"
    )


def test_what_developers_set_is_not_misspelt() -> None:
    assert from_environment({"TALLYSTICK_COMPILE": "never", "TALLYSTICK_LONG_TESTS": "1"}) == from_environment({})


def test_a_master_key_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"master key .*file/here/master.key can be neither read nor made"):
        load_master_key(Settings(data_directory=tmp_path / "file" / "here"))


def test_the_master_key_is_made_once_and_kept(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path / "data")
    with ThreadPoolExecutor(8) as several:
        keys = set(several.map(load_master_key, [settings] * 16))

    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert [path.name for path in settings.data_directory.iterdir()] == ["master.key"]
    assert settings.key_file.stat().st_mode & 0o777 == 0o600
    assert settings.data_directory.stat().st_mode & 0o777 == 0o700


def test_the_master_key_of_the_environment_needs_no_file(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path, master_key=bytes(range(32)))
    assert load_master_key(settings) == bytes(range(32))
    assert not settings.key_file.exists()


def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    settings.key_file.write_text(KEY)
    settings.key_file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_master_key(settings)


def test_a_damaged_master_key_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    settings.key_file.write_text("half")
    settings.key_file.chmod(0o600)
    with pytest.raises(SettingsError, match="damaged"):
        load_master_key(settings)
