"""The project's own stack: `python -m local.launch up`, `shell` and `down`, and what `make demo` shares."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from local import airflow_services, notices, postgres, s3
from local.environment import (
    CONFIG_VARIABLE,
    LOOPBACK,
    REGION,
    ROOT,
    StackError,
    aws_environment,
    forget_foreign_variables,
)
from local.ports import Ports
from local.stack import RAW_BUCKET, RAW_FOLDER, STAGING_BUCKET, Stack

STATE_DIR = ROOT / ".local" / "stack"
RAW_PREFIX = f"{RAW_FOLDER}%Y/%m/%d/%H/"
SCHEMA = "marketplace"
# what a shell needs of the terminal it runs in
_TERMINAL = ("TERM", "COLORTERM", "COLUMNS", "LINES")


@contextlib.contextmanager
def exclusive(state_dir: Path) -> Iterator[None]:
    """Keep other commands from the stack in `state_dir` for the length of the block."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"another command is at work on the stack in {state_dir}: wait until it is done"
            ) from None
        yield


def run_command(command: Callable[[], None]) -> None:
    """Run a command of the stack and exit: its errors as one line, no traceback."""
    forget_foreign_variables()
    try:
        command()
    except StackError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: `make down` stops what is still up")


def local_stack(ports: Ports) -> Stack:
    """Return the project's own stack, with the marketplace: that of `make demo`, and of `make up` by default.

    The buckets and the schema are named here, so that a settings.yaml that was edited for a real
    cluster does not change what the demo reads.
    """
    settings = {
        "LOG_ROUTER_RAW_BUCKET": RAW_BUCKET,
        "LOG_ROUTER_RAW_PREFIX": RAW_PREFIX,
        "LOG_ROUTER_STAGING_BUCKET": STAGING_BUCKET,
        "LOG_ROUTER_SCHEMA": SCHEMA,
    }
    return Stack(STATE_DIR, ports, environment=settings)


def _up() -> None:
    config = os.environ.get(CONFIG_VARIABLE)
    with exclusive(STATE_DIR):
        began = time.monotonic()
        ports = Ports.from_environment()
        if config:
            stack = _start_catalog(ROOT / config, ports)
        else:
            stack = local_stack(ports)
            stack.up()
        print(f"The stack is up ({time.monotonic() - began:.0f} s). `make down` stops it.")
        print(describe(stack))


def _start_catalog(config_dir: Path, ports: Ports) -> Stack:
    """Start the stack with a catalog in place of include/ and its buckets; the raw one of them sends notices."""
    buckets = buckets_of(config_dir)
    stack = Stack(STATE_DIR, ports, config_dir=config_dir, read_only=buckets[:1])
    stack.start_storage()
    for bucket in buckets:
        s3.make_bucket(stack.s3(), bucket)
    notices.connect(stack.s3(), stack.sqs(), buckets[0])
    stack.start_airflow()
    return stack


def buckets_of(config_dir: Path) -> list[str]:
    """Return the raw and the staging bucket that a folder's settings.yaml names."""
    path = config_dir / "settings.yaml"
    try:
        settings = yaml.safe_load(path.read_bytes())
        return [str(settings[key]) for key in ("raw_bucket", "staging_bucket")]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        raise StackError(
            f"{CONFIG_VARIABLE}: {path} can't be read, or lacks raw_bucket or staging_bucket"
        ) from None


def shell_environment(stack: Stack) -> dict[str, str]:
    """Return the environment of a person's shell: `airflow`, `aws`, boto3 and `psql` reach the stack in it."""
    found = stack.env() | aws_environment(stack.s3_endpoint)
    warehouse = stack.warehouse
    path = (str(ROOT / ".venv" / "bin"), found["PATH"], str(stack.postgres_binaries))
    return {
        **found,
        **{name: os.environ[name] for name in _TERMINAL if name in os.environ},
        "PATH": os.pathsep.join(path),
        "PGHOST": warehouse["host"],
        "PGPORT": str(warehouse["port"]),
        "PGDATABASE": warehouse["database"],
        "PGUSER": warehouse["user"],
        "PGPASSWORD": warehouse["password"],
        "PGSSLMODE": "disable",
    }


def _shell() -> None:
    """Open a shell at the running stack; commands may also come by standard input."""
    stack = Stack.running_in(STATE_DIR)
    if stack is None:
        raise StackError("the stack is not up: run `make up` first")
    by_hand = sys.stdin.isatty()
    if by_hand:
        print("`airflow`, `aws`, boto3 and `psql` reach the stack from here. `exit` leaves it.", flush=True)
    done = subprocess.run(
        [os.environ.get("SHELL") or "bash"], env=shell_environment(stack), cwd=ROOT, check=False
    )
    # the status of the last thing typed is no failure of `make shell`
    if not by_hand and done.returncode:
        sys.exit(done.returncode)


def _down() -> None:
    if not STATE_DIR.exists():
        print("Nothing was running.")
        return
    with exclusive(STATE_DIR):
        stopped = Stack(STATE_DIR, Ports()).down()
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


def describe(stack: Stack) -> str:
    """Return where the stack's servers are and how to sign in, as lines for a person."""
    lines = {
        "Airflow": f"{stack.api.url}  user {airflow_services.ADMIN}, "
        f"password {stack.credentials.airflow_admin}",
        "Warehouse": f"{LOOPBACK}:{stack.ports.warehouse}  database {postgres.WAREHOUSE_DATABASE}, "
        f"user {postgres.WAREHOUSE_DATABASE}, password {stack.credentials.warehouse}",
        "S3 and SQS": f"{stack.s3_endpoint}  keys test/test, region {REGION}",
        "Logs": str(stack.state_dir / "logs"),
    }
    return "\n".join(f"  {name:<11}{text}" for name, text in lines.items())


_COMMANDS = {"up": _up, "shell": _shell, "down": _down}

if __name__ == "__main__":
    if sys.argv[1:] not in [[name] for name in _COMMANDS]:
        sys.exit(f"usage: python -m local.launch {'|'.join(_COMMANDS)}")
    run_command(_COMMANDS[sys.argv[1]])
