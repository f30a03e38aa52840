"""Start the front: python -m local.s3_front --port 4567 --server-port 4566 --read-only marketplace-events."""

import argparse
import signal
import sys

from local.control import Control
from local.s3_front.faults import commands
from local.s3_front.proxy import Front


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m local.s3_front", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where to listen on 127.0.0.1")
    parser.add_argument("--server-port", type=int, required=True, help="where the S3 server listens")
    parser.add_argument(
        "--read-only", nargs="*", default=[], help="buckets that may only be read; patterns such as raw-*"
    )
    parser.add_argument(
        "--control-port", type=int, help="where tests arm faults; none are possible without it"
    )
    given = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit())
    with Front(given.port, given.server_port, given.read_only) as front:
        if given.control_port is not None:
            Control(given.control_port, commands(front.armed, front.record))
        front.serve_forever()


if __name__ == "__main__":
    main()
