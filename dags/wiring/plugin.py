"""What Airflow must know before it reads the DAGs; found through the package's entry point."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from dags.wiring.deadline import NextPull


class HoldfastPlugin(AirflowPlugin):
    """Makes the deadline of the at-risk list known to the scheduler."""

    name = "holdfast"
    deadline_references: ClassVar[list[Any]] = [NextPull]
