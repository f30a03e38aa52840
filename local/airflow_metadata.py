"""Bring Airflow's metadata up to date: schema, pools, DAGs.

One process runs Airflow's own commands one after the other, because each start of `airflow` costs
seconds of imports.
"""

import sys
from pathlib import Path

from airflow.cli import cli_parser


def main(pools_file: Path) -> None:
    """Migrate the database, import the pools where there are any, and make all DAGs known."""
    parser = cli_parser.get_parser()
    commands = [["db", "migrate"], ["dags", "reserialize"]]
    if pools_file.exists():
        commands.insert(1, ["pools", "import", str(pools_file)])
    for command in commands:
        arguments = parser.parse_args(command)
        arguments.func(arguments)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
