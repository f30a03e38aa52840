"""A machine with an Airflow of its own: its database, Connections and Variables; nothing of it runs."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from local.airflow_services import _aws_connection, _redshift_connection
from local.stack import Stack
from tests.adapters.hours import key, run
from tests.adapters.place import EVENTS, VIEW, Place, order, place_at
from tests.dags.shell import COMMANDS, call, environment


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an Airflow home whose metadata database is up to date, on SQLite."""
    folder = tmp_path_factory.mktemp("airflow")
    prepared = call(folder, sys.executable, "-c", COMMANDS, "db migrate")
    assert prepared.returncode == 0, prepared.stderr
    return folder


@pytest.fixture(scope="module")
def place(storage: Stack) -> Place:
    """Give a site with an hour that is loaded."""
    made = place_at(storage, EVENTS)
    made.upload(key("a"), order(1) + VIEW + b"bad\n")
    run(made, "first")
    return made


@pytest.fixture(scope="module")
def surroundings(home: Path, storage: Stack, place: Place) -> dict[str, str]:
    """Give the variables of a machine whose Airflow has the site in a Variable and its Connections."""
    config = home / "config"
    (config / "events").mkdir(parents=True)
    for event in EVENTS:
        document = event.model_dump(mode="json", exclude={"name"})
        (config / "events" / f"{event.name}.yaml").write_text(json.dumps(document))
    chosen = {
        name: getattr(place.settings, name) for name in ("raw_bucket", "staging_bucket", "ledger_schema")
    }
    (config / "settings.yaml").write_text(
        json.dumps(
            chosen
            | {
                "raw_bucket": "another",
                "raw_prefix": place.settings.raw_prefix,
                "event_key": "event",
                "schema": place.settings.table_schema,
            }
        )
    )
    connections = home / "connections.json"
    redshift = json.loads(_redshift_connection(storage.ports, storage.credentials))
    connections.write_text(json.dumps({"redshift_default": redshift}))
    variable = json.dumps({"raw_bucket": place.settings.raw_bucket})
    prepared = call(
        home,
        *(sys.executable, "-c", COMMANDS),
        shlex.join(("variables", "set", "log_router_settings", variable)),
        shlex.join(("connections", "import", str(connections))),
    )
    assert prepared.returncode == 0, prepared.stderr
    return {
        **environment(home),
        "LOG_ROUTER_CONFIG": str(config),
        # One Connection from the environment, one from the database.
        "AIRFLOW_CONN_AWS_DEFAULT": _aws_connection(storage.ports),
    }
