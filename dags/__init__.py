"""When and in which order: the Airflow DAGs."""
