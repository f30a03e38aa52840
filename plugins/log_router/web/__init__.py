"""The pages that Log Router adds to Airflow's UI."""
