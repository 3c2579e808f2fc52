"""The metrics of dbt's semantic layer as SQL over published tables, read off the manifest that dbt writes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

AGGREGATIONS: Mapping[str, str] = {
    "sum": "sum({})",
    "sum_boolean": "sum(case when {} then 1 else 0 end)",
    "average": "avg({})",
    "count": "count({})",
    "count_distinct": "count(distinct {})",
}


class SemanticLayer:
    """Metrics by name; ratios and derived metrics are put together from simple ones.

    Parameters
    ----------
    manifest : Path
        What ``dbt parse`` wrote.
    """

    def __init__(self, manifest: Path) -> None:
        content = json.loads(manifest.read_text())
        self.metrics: dict[str, dict[str, Any]] = {one["name"]: one for one in content["metrics"].values()}
        self._measures: dict[str, tuple[str, dict[str, Any]]] = {
            measure["name"]: (model["node_relation"]["alias"], measure)
            for model in content["semantic_models"].values()
            for measure in model["measures"]
        }
        self.dimensions: dict[str, list[str]] = {
            model["node_relation"]["alias"]: [one["expr"] or one["name"] for one in model["dimensions"]]
            for model in content["semantic_models"].values()
        }

    def sql(self, name: str) -> str:
        """Return a query of one number: the metric on the last day that its table holds."""
        return f"select {self._expression(name)} as {name}"

    def tables(self) -> set[str]:
        """Return every table that a metric reads."""
        return {table for table, _ in self._measures.values()}

    def _expression(self, name: str) -> str:
        metric = self.metrics[name]
        parameters = metric["type_params"]
        if metric["type"] == "ratio":
            over, under = (
                self._expression(parameters[part]["name"]) for part in ("numerator", "denominator")
            )
            return f"({over} / nullif({under}, 0))"
        if metric["type"] == "derived":
            expression = str(parameters["expr"])
            # the longest names first: one may be part of another
            for part in sorted((one["name"] for one in parameters["metrics"]), key=len, reverse=True):
                expression = expression.replace(part, self._expression(part))
            return f"({expression})"
        table, measure = self._measures[parameters["measure"]["name"]]
        aggregate = AGGREGATIONS[measure["agg"]].format(measure["expr"] or measure["name"])
        on_last_day = ""
        if last := measure["non_additive_dimension"]:
            day = last["name"]
            on_last_day = f" where {day} = (select max({day}) from {table})"
        return f"(select {aggregate} from {table}{on_last_day})"
