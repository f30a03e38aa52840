"""Start the twin: python -m local.twin --port 5439 --pg "host=... user=..." --s3-endpoint http://127.0.0.1:4566."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

import psycopg

from local.twin.errors import TwinError
from local.twin.isolation import LEVELS
from local.twin.server import LOOPBACK, Config, Twin


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.twin", description="A Redshift twin, for tests only."
    )
    parser.add_argument("--port", type=int, default=5439, help="where to listen on 127.0.0.1")
    parser.add_argument("--pg", required=True, help="libpq connection string of a PostgreSQL superuser")
    parser.add_argument("--s3-endpoint", required=True, help="URL of the S3 server that COPY reads from")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--user", default=os.environ.get("TWIN_USER", "awsuser"))
    parser.add_argument("--password", default=os.environ.get("TWIN_PASSWORD", ""), help="or TWIN_PASSWORD")
    parser.add_argument("--tls-dir", type=Path, help="offer TLS, with a ca.crt put here for the clients")
    parser.add_argument(
        "--control-port", type=int, help="where tests arm faults; none are possible without it"
    )
    parser.add_argument(
        "--isolation", choices=LEVELS, help="the database's level from now on; at first snapshot"
    )
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    given = _arguments()
    if not given.password:
        print("local.twin: set TWIN_PASSWORD to the password that clients must give", file=sys.stderr)
        return 2
    config = Config(
        given.port, given.pg, given.s3_endpoint, given.region, given.user, given.password,
        tls_dir=given.tls_dir, control_port=given.control_port, isolation=given.isolation,
    )  # fmt: skip
    try:
        twin = Twin(config)
    except (OSError, TwinError, psycopg.Error) as error:
        print(f"local.twin: can't start: {error}", file=sys.stderr)
        return 1
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    threading.Thread(target=twin.serve, daemon=True).start()
    print(f"Redshift twin ready on {LOOPBACK}:{twin.port}", flush=True)
    done.wait()
    twin.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
