"""Assets, defaults and task factories that the DAGs share."""
