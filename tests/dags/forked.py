"""Command lines of Log Router, each run in a fork of one interpreter: its imports cost seconds of CPU.

Reads one JSON list a line from stdin, arguments and environment; answers each by one of exit status, stdout, stderr.
"""

import contextlib
import io
import json
import os
import sys

import airflow.models
import airflow.providers.amazon.aws.hooks.redshift_sql
import airflow.providers.amazon.aws.hooks.s3
import airflow.providers.amazon.aws.hooks.sqs  # noqa: F401 - what the commands import when they need it

from log_router.cli.main import main


def answer(arguments: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """Return exit status and what was printed."""
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = io.StringIO()
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            status = main(arguments)
        except SystemExit as exit_:
            status = int(exit_.code or 0)
    return status, out.getvalue(), error.getvalue()


def serve() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            with os.fdopen(writer, "w") as pipe:
                json.dump(answer(*json.loads(line)), pipe)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            sys.stdout.write(pipe.read() + "\n")
        os.wait()
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
