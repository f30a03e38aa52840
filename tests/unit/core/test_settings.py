"""Settings: one file, overridden key by key, refused where they could not work."""

from pathlib import Path
from typing import Any

import pytest

from log_router.core.catalog import load_settings
from log_router.core.errors import ConfigError
from log_router.core.settings import Settings, environment_overrides

ROOT = Path(__file__).resolve().parents[3]
SMALLEST: dict[str, Any] = {
    "raw_bucket": "events",
    "raw_prefix": "raw/%Y/%m/%d/%H/",
    "event_key": "event",
    "staging_bucket": "staging",
    "schema": "shop",
}
FILE = "".join(f"{key}: {value}\n" for key, value in SMALLEST.items())


def problems(folder: Path, overrides: dict[str, Any], content: str = FILE) -> list[str]:
    """Return what is wrong with a settings file and its overrides."""
    file = folder / "settings.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError) as refusal:
        load_settings(folder, overrides)
    assert all(problem.startswith(f"{file}: ") for problem in refusal.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in refusal.value.problems]


def test_five_keys_are_enough(tmp_path: Path) -> None:
    """All other settings have a default."""
    (tmp_path / "settings.yaml").write_text(FILE)
    settings = load_settings(tmp_path, {})
    assert settings == Settings.model_validate(SMALLEST)
    assert (settings.table_schema, settings.ledger_schema, settings.iam_role) == (
        "shop",
        "log_router",
        "default",
    )


@pytest.mark.parametrize("folder", ["include", "examples/github"])
def test_our_own_settings_load(folder: str) -> None:
    """What the package ships has no mistake."""
    assert load_settings(ROOT / folder, {}).raw_bucket


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (
            {"raw_prefix": "raw/%Y/%m/%d/"},
            "the prefix of 2026-01-01 00:00, `raw/2026/01/01/`, also matches objects of 2026-01-01 01:00;",
        ),
        ({"raw_prefix": "raw/"}, "also matches objects of 2026-01-01 01:00"),
        ({"raw_prefix": "%%Y/%m/%d/%H"}, "also matches objects of 2027-01-01 00:00"),
        ({"raw_prefix": "%Y/%d/%H/"}, "also matches objects of 2026-02-01 00:00"),
        ({"raw_prefix": "%Y/%m/%H/"}, "also matches objects of 2026-01-02 00:00"),
        ({"raw_prefix": "%Y/%m/%d/%I/"}, "also matches objects of 2026-01-01 13:00"),
        ({"raw_prefix": "%Y/%m/%d/%-H"}, "also matches objects of 2026-01-01 10:00"),
        ({"raw_prefix": "%Y%-m%-d/%H/"}, "also matches objects of 2026-11-01 00:00"),
        ({"raw_prefix": "raw/%Y%m%-d%H"}, "also matches objects of 2026-01-10 00:00"),
        ({"raw_prefix": "raw/%Y%-j%H"}, "also matches objects of 2026-01-10 00:00"),
        ({"raw_prefix": "%-s/"}, "%s depends on the machine's time zone"),
        ({"grace_seconds": True}, "grace_seconds: it must be a number"),
        ({"grace_seconds": 10**17}, "grace_seconds: "),
        ({"statement_timeout_seconds": 2_147_484}, "statement_timeout_seconds: "),
        ({"raw_prefix": "%s/"}, "%s depends on the machine's time zone"),
        ({"schema": "lr", "ledger_schema": "lr"}, "give the ledger a schema of its own"),
        ({"raw_bucket": "same", "staging_bucket": "same"}, "give staging a bucket of its own"),
        ({"raw_bucket": "Events"}, "raw_bucket: "),
        ({"raw_bucket": "s3://events"}, "raw_bucket: "),
        ({"staging_bucket": "x"}, "staging_bucket: "),
        (
            {"staging_prefix": "/x/"},
            "staging_prefix: `/x/` must end with / and not start with it; write `x/`",
        ),
        ({"staging_prefix": "x"}, "write `x/`"),
        ({"event_key": "a..b"}, "event_key: `a..b` can't be read at character 2"),
        ({"event_key": ""}, "event_key: "),
        ({"schema": "Shop"}, "schema: `Shop` is not a name Redshift keeps as written"),
        (
            {"iam_role": "arn:aws:iam::12:role/x"},
            "iam_role: `arn:aws:iam::12:role/x` is neither `default` nor a role",
        ),
        ({"iam_role": "default', 'x"}, "iam_role: "),
        ({"region": "Frankfurt"}, "region: "),
        ({"compression": "lzo"}, "compression: Input should be 'gzip' or 'zstd', not `lzo`"),
        ({"part_bytes": 1024}, "part_bytes: "),
        ({"max_chunks": 2000}, "max_chunks: "),
        ({"grace_seconds": "soon"}, "grace_seconds: "),
        ({"raw_buckt": "x"}, "raw_buckt: is not a known key; did you mean `raw_bucket`?"),
        ({"table_schema": "x"}, "table_schema: is not a known key"),
    ],
)
def test_a_setting_that_could_not_work_is_refused(
    tmp_path: Path, override: dict[str, Any], problem: str
) -> None:
    """One problem with file, key, what is wrong and the remedy."""
    (told,) = problems(tmp_path, override)
    assert problem in told


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Every missing and every unknown key is named."""
    assert sorted(problems(tmp_path, {}, "schema: shop\nbucket: x\nraw_prefix: raw/%Y/%m/%d/%H/\n")) == [
        "event_key: is missing; add it",
        "line 2: bucket: is not a known key; did you mean `raw_bucket`?",
        "raw_bucket: is missing; add it",
        "staging_bucket: is missing; add it",
    ]
    assert "can't be read" in problems(tmp_path, {}, "a: \x01")[0]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """The message names the file that should be there."""
    with pytest.raises(ConfigError, match=r"settings\.yaml: can't be read"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    "template",
    [
        "%Y/%m/%d/%H/",
        "gharchive/%Y-%m-%d-%-H.json",
        "dt=%Y-%m-%d/hour=%H/",
        "%y%b%d%H",
        "%F/%H/",
        "%Y/%j/%H/",
        "%Y%m%d%I%p/",
    ],
)
def test_any_template_of_one_hour_is_taken(template: str) -> None:
    """Year, month, day and hour in any spelling of strftime."""
    assert Settings.model_validate({**SMALLEST, "raw_prefix": template}).raw_prefix == template


@pytest.mark.parametrize(
    "role",
    [
        "default",
        "arn:aws:iam::123456789012:role/load",
        "arn:aws-cn:iam::123456789012:role/a/b",
        "arn:aws:iam::123456789012:role/a,arn:aws:iam::210987654321:role/b",
    ],
)
def test_a_role_is_default_or_a_chain_of_arns(role: str) -> None:
    """The form that COPY's IAM_ROLE takes."""
    assert Settings.model_validate({**SMALLEST, "iam_role": role}).iam_role == role


def test_the_environment_overrides_key_by_key(tmp_path: Path) -> None:
    """Every setting has its variable, `schema` included; text becomes the setting's kind."""
    (tmp_path / "settings.yaml").write_text(FILE)
    environment = {
        "LOG_ROUTER_SCHEMA": "other",
        "LOG_ROUTER_RAW_BUCKET": "elsewhere",
        "LOG_ROUTER_GRACE_SECONDS": "0",
        "LOG_ROUTER_CONFIG": "examples/github",
        "LOG_ROUTER_TABLE_SCHEMA": "never read",
        "RAW_PREFIX": "never read",
    }
    overrides = environment_overrides(environment)
    assert overrides == {"schema": "other", "raw_bucket": "elsewhere", "grace_seconds": "0"}
    settings = load_settings(tmp_path, overrides)
    assert (settings.table_schema, settings.raw_bucket, settings.grace_seconds) == ("other", "elsewhere", 0)
    assert settings.event_key == "event"


def test_every_setting_has_an_environment_variable() -> None:
    """No key of the file is left out."""
    keys = [field.alias or name for name, field in Settings.model_fields.items()]
    environment = {f"LOG_ROUTER_{key.upper()}": key for key in keys}
    assert environment_overrides(environment) == {key: key for key in keys}
