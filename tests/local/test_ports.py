"""Ports: chosen by environment, refused with a remedy when they can't be used."""

import socket

import pytest

from local.environment import StackError, foreign_variables, forget_foreign_variables
from local.ports import Ports


def test_a_variable_moves_one_port_and_leaves_the_others() -> None:
    """Each port has its own variable."""
    ports = Ports.from_environment({"LOG_ROUTER_PORT_AIRFLOW": "18080"})
    assert ports == Ports(airflow=18080)


@pytest.mark.parametrize("text", ["", "http", "0", "65536", "-1", "80.5"])
def test_a_variable_that_is_no_port_is_refused_by_name(text: str) -> None:
    """The error names the variable and its value."""
    with pytest.raises(StackError, match=f"LOG_ROUTER_PORT_S3='{text}' is not a port"):
        Ports.from_environment({"LOG_ROUTER_PORT_S3": text})


def test_the_same_port_twice_is_refused_by_both_names() -> None:
    """Two servers can't share a port."""
    with pytest.raises(StackError, match="LOG_ROUTER_PORT_POSTGRES, LOG_ROUTER_PORT_S3"):
        Ports.from_environment({"LOG_ROUTER_PORT_S3": "5433"})


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - a server of somebody else
def test_a_taken_port_is_named_with_a_free_one_to_use_instead(host: str) -> None:
    """The error is one line that can be acted on."""
    with socket.create_server((host, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError) as caught:
            Ports(s3=port).refuse_taken("s3")
    text = str(caught.value)
    assert f"{port} (s3)" in text
    assert "LOG_ROUTER_PORT_S3=" in text
    assert "\n" not in text


def test_all_taken_ports_are_named_at_once_each_with_its_variable() -> None:
    """One command line is enough, however many ports are taken."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = Ports(s3=one.getsockname()[1], logs=other.getsockname()[1])
        with pytest.raises(StackError, match=r"`LOG_ROUTER_PORT_S3=\d+ LOG_ROUTER_PORT_LOGS=\d+ make demo`"):
            ports.refuse_taken("s3", "logs")


def test_free_ports_are_free_and_differ() -> None:
    """A test's stack can run beside a demo's."""
    ports = Ports.free()
    ports.refuse_doubles()
    ports.refuse_taken("airflow", "warehouse", "postgres", "s3", "logs")


def test_a_persons_own_settings_are_forgotten_but_ports_and_catalog_are_kept() -> None:
    """Airflow's, AWS's and Python's variables of a shell never reach the stack."""
    environment = {
        "AIRFLOW__CORE__EXECUTOR": "x",
        "AWS_PROFILE": "x",
        "LOG_ROUTER_RAW_BUCKET": "x",
        "PYTHONPATH": "x",
        "PGHOST": "x",
        "https_proxy": "x",
        "LOG_ROUTER_PORT_S3": "4567",
        "LOG_ROUTER_CONFIG": "examples/github",
        "PATH": "/bin",
    }
    assert len(foreign_variables(environment)) == 6
    forget_foreign_variables(environment)
    assert set(environment) == {"LOG_ROUTER_PORT_S3", "LOG_ROUTER_CONFIG", "PATH"}
