"""The project's own stack: `python -m local.launch up` and `down`, and what `make demo` shares with them."""

import contextlib
import fcntl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from local import airflow_services, postgres
from local.environment import LOOPBACK, REGION, ROOT, StackError, forget_foreign_variables
from local.ports import Ports
from local.stack import RAW_BUCKET, STAGING_BUCKET, Stack

STATE_DIR = ROOT / ".local" / "stack"
RAW_PREFIX = "raw/%Y/%m/%d/%H/"
SCHEMA = "marketplace"


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
    """Return the project's own stack, as `make demo` and `make up` use it.

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
    with exclusive(STATE_DIR):
        began = time.monotonic()
        stack = local_stack(Ports.from_environment())
        stack.up()
        print(f"The stack is up ({time.monotonic() - began:.0f} s). `make down` stops it.")
        print(describe(stack))


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


_COMMANDS = {"up": _up, "down": _down}

if __name__ == "__main__":
    if sys.argv[1:] not in [[name] for name in _COMMANDS]:
        sys.exit(f"usage: python -m local.launch {'|'.join(_COMMANDS)}")
    run_command(_COMMANDS[sys.argv[1]])
