"""The hourly DAG, each of whose tasks notes what it cost. It is Airflow's to read, which looks for these words."""

from benchmarks.inside import measured

measured("log_router_hourly")
