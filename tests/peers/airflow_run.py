"""Runs the DAG of the folder given as `dag.test()` does; prints the states of its tasks as the last line."""

import json
import sys

from airflow.dag_processing.dagbag import DagBag

bag = DagBag(sys.argv[1])
if bag.import_errors:
    sys.exit(str(bag.import_errors))
(dag,) = bag.dags.values()
run = dag.test()
print(json.dumps({task.task_id: task.state for task in run.get_task_instances()}))  # noqa: T201 - its answer
