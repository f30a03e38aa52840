"""This installation: where its files are, and the clients its Airflow connections give.

The one module that joins settings, Airflow's connections and Variables, and the rest.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from log_router.core.catalog import Catalog, load_catalog, load_settings
from log_router.core.errors import ConfigError, WillPass
from log_router.core.masks import needs_secret
from log_router.core.settings import SHAPE, Settings, environment_overrides
from log_router.core.sql import Statements

if TYPE_CHECKING:
    from redshift_connector.core import Connection

    from log_router.queue import Queue
    from log_router.store import Store
    from log_router.warehouse import Warehouse

# The repository: plugins/log_router/site.py stands two folders below it.
HOME = Path(__file__).resolve().parents[2]
# Of event files, for editors.
SCHEMA = HOME / "include" / "schemas" / "event.json"
CONFIG_VARIABLE = "LOG_ROUTER_CONFIG"
SETTINGS_VARIABLE = "log_router_settings"


def config_folder() -> Path:
    """Return the folder of settings.yaml and events/: `LOG_ROUTER_CONFIG`, else include/."""
    return HOME / os.environ.get(CONFIG_VARIABLE, "include")


def leave_tasks() -> None:
    """Have Airflow resolve Connections and Variables of this process as its server does, from its database too.

    For processes that are no tasks: a task asks the server that runs it.
    """
    # What airflow.sdk goes by (airflow/sdk/execution_time/supervisor.py, ensure_secrets_backend_loaded).
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"


class Site:
    """What a task needs, each made when it is first asked for; `settings` are those of a batch, if it has one."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._frozen = settings

    @cached_property
    def settings(self) -> Settings:
        """The settings of the batch, else of the site.

        The site's are the file's, overridden by the Airflow Variable `log_router_settings` (a JSON object of
        keys), overridden by `LOG_ROUTER_*` environment variables.

        Raises:
            ConfigError: with every problem.
            WillPass: Airflow has the Variable but can't read it now.
        """
        if self._frozen is not None:
            return self._frozen
        return load_settings(config_folder(), {**_variable_overrides(), **environment_overrides(os.environ)})

    @cached_property
    def catalog(self) -> Catalog:
        """The configured events.

        Raises:
            ConfigError: with every problem.
        """
        return load_catalog(config_folder(), self.settings)

    def mask_secret(self, catalog: Catalog) -> bytes:
        """Return the key of the hashes in masked columns: the password of an Airflow connection; empty if none is.

        Raises:
            ConfigError: a column is hashed and there is no such connection, or it has no password.
        """
        if not needs_secret(catalog):
            return b""
        from airflow.sdk import Connection  # noqa: PLC0415 - half a second of CPU
        from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415 - the same

        name = self.settings.mask_conn_id
        try:
            password = Connection.get(name).password
        except AirflowNotFoundException:
            password = None
        if not password:
            remedy = (
                "`mask: hash` needs a password in it, the secret of its hashes; add it, and never change it"
            )
            raise ConfigError([f"Airflow Connection {name}: {remedy}"])
        return str(password).encode()

    @cached_property
    def statements(self) -> Statements:
        """The statements of include/sql."""
        return Statements(HOME / "include" / "sql")

    @cached_property
    def store(self) -> "Store":
        """S3 through the Airflow connection of the settings."""
        from log_router.hooks import QuickS3Hook  # noqa: PLC0415 - half a second of CPU
        from log_router.store import Store  # noqa: PLC0415 - the same

        hook = QuickS3Hook(aws_conn_id=self.settings.aws_conn_id, region_name=self.settings.region)
        return Store(hook.get_conn(), self.settings)

    @cached_property
    def queue(self) -> "Queue":
        """The queue of S3's notices through the Airflow connection of the settings.

        Raises:
            ConfigError: the settings name none.
        """
        from airflow.providers.amazon.aws.hooks.sqs import SqsHook  # noqa: PLC0415 - half a second of CPU

        from log_router.queue import Queue, region_of  # noqa: PLC0415 - the same

        url = self.settings.queue_url
        if url is None:
            remedy = "the stream needs it; set it to the URL of the SQS queue that the raw bucket notifies"
            raise ConfigError([f"settings: queue_url: there is none; {remedy}"])
        region = region_of(url, self.settings.region)
        return Queue(SqsHook(aws_conn_id=self.settings.aws_conn_id, region_name=region).get_conn(), url)

    @cached_property
    def warehouse(self) -> "Warehouse":
        """Redshift through the Airflow connection of the settings."""
        from airflow.providers.amazon.aws.hooks.redshift_sql import (  # noqa: PLC0415 - half a second of CPU
            RedshiftSQLHook,
        )
        from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415 - the same

        from log_router.warehouse import Warehouse  # noqa: PLC0415 - the same

        hook = RedshiftSQLHook(
            redshift_conn_id=self.settings.redshift_conn_id, aws_conn_id=self.settings.aws_conn_id
        )
        timeout = self.settings.statement_timeout_seconds * 1000
        opening = (
            self.statements.render("set_query_group"),
            self.statements.render("set_statement_timeout", milliseconds=timeout),
        )

        def connect() -> "Connection":
            try:
                return hook.get_conn()
            except AirflowNotFoundException as error:
                name = self.settings.redshift_conn_id
                remedy = "there is none; add it, or name another as redshift_conn_id"
                raise ConfigError([f"Airflow Connection {name}: {remedy}"]) from error

        return Warehouse(connect, opening)


def _in_a_task() -> bool:
    """Tell it as airflow.sdk does. The environment does not tell: tasks inherit the scheduler's."""
    from airflow.sdk.execution_time import task_runner  # noqa: PLC0415 - half a second of CPU

    return getattr(task_runner, "SUPERVISOR_COMMS", None) is not None


def _names_in_database() -> list[str]:
    from airflow.models.variable import Variable  # noqa: PLC0415 - half a second of CPU
    from airflow.utils.session import create_session  # noqa: PLC0415 - the same
    from sqlalchemy import select  # noqa: PLC0415 - the same
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - the same

    try:
        with create_session() as session:
            return list(session.scalars(select(Variable.key)))
    except SQLAlchemyError as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise WillPass(f"Airflow's metadata database can't be asked for Variables: {reason}") from error


def _variable_overrides() -> dict[str, Any]:
    from airflow.sdk import Variable  # noqa: PLC0415 - half a second of CPU

    # Decoded here: asked for JSON, Airflow takes what it can't decode for a Variable that is not there.
    text = Variable.get(SETTINGS_VARIABLE, default=None)
    if text is None:
        # So it does with one that it failed to fetch or to decrypt; the list of names fails when it can't be had.
        if SETTINGS_VARIABLE in (
            Variable.keys(prefix=SETTINGS_VARIABLE) if _in_a_task() else _names_in_database()
        ):
            raise WillPass(
                f"Airflow Variable {SETTINGS_VARIABLE}: it is there, but Airflow can't read it: see the log"
            )
        return {}
    try:
        overrides = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigError([f"Airflow Variable {SETTINGS_VARIABLE}: it is not JSON: {error}"]) from error
    if not isinstance(overrides, dict):
        remedy = 'it must hold a JSON object of settings, such as {"grace_seconds": 600}'
        raise ConfigError([f"Airflow Variable {SETTINGS_VARIABLE}: {remedy}"])
    shape = sorted(SHAPE & overrides.keys())
    if shape:
        raise ConfigError(
            [
                f"Airflow Variable {SETTINGS_VARIABLE}: {key}: belongs to the DAG's shape, which Variables can't "
                f"change; set it in settings.yaml or as LOG_ROUTER_{key.upper()}"
                for key in shape
            ]
        )
    return overrides
