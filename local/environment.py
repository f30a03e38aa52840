"""What the stack's processes may see of their surroundings: nothing that changes what they do."""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
LOOPBACK = "127.0.0.1"
# the stack's own variables, meant for it
PORT_PREFIX = "LOG_ROUTER_PORT_"
CONFIG_VARIABLE = "LOG_ROUTER_CONFIG"

# A person's own AWS profile, Airflow or proxy must never decide where the stack connects to.
_FOREIGN_PREFIXES = ("AIRFLOW_", "AWS_", "BOTO_", "LOG_ROUTER_", "PG", "TWIN_", "PYTHON")
_FOREIGN_NAMES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "_AIRFLOW__AS_LIBRARY"}


class StackError(Exception):
    """The embedded stack can't go on; the text says what is wrong and what to do."""


def base_environment(state_dir: Path) -> dict[str, str]:
    """Return the environment every process of the stack starts from, built from nothing."""
    home = state_dir / "home"
    temporary = state_dir / "tmp"
    for folder in (home, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "NO_PROXY": "*",
        "PYTHONUNBUFFERED": "1",
    }


def aws_environment(endpoint: str) -> dict[str, str]:
    """Return the variables that send any AWS client to `endpoint` with the stack's keys."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def foreign_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the names in `environment` that would leak a person's own settings into the stack."""
    return sorted(
        name
        for name in environment
        if (name.startswith(_FOREIGN_PREFIXES) and not _is_meant(name)) or name.upper() in _FOREIGN_NAMES
    )


def forget_foreign_variables(environment: MutableMapping[str, str] = os.environ) -> None:
    """Remove from `environment` what would leak a person's own settings into this process."""
    for name in foreign_variables(environment):
        del environment[name]


def _is_meant(name: str) -> bool:
    return name.startswith(PORT_PREFIX) or name == CONFIG_VARIABLE


def loopback() -> str:
    """Return the host name under which Airflow's parts find each other's logs."""
    return LOOPBACK


def make_own_folder(path: Path) -> None:
    """Make a folder unless it is there; raise StackError where another user would own what is in it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except PermissionError as error:
        raise StackError(f"{error.filename} can't be made: run as the owner of the project") from None
    if path.stat().st_uid != os.geteuid():
        raise StackError(f"{path} belongs to another user: work as that user, or remove it as that user")
