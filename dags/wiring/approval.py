"""Ask a person, and know afterwards who said no: the result of a task that skips others is not kept."""

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

ANSWERED_BY = "answered_by"


class Approval(ApprovalOperator):
    """An approval that also keeps who answered; nobody, if the deadline did."""

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Keep the name, then go on or skip."""
        name = (event.get("responded_by_user") or {}).get("name")
        context["ti"].xcom_push(key=ANSWERED_BY, value=name)
        return super().execute_complete(context, event)


def who_answered(context: Any, task_id: str) -> str | None:
    """Return the name of whoever answered an approval; None if nobody did, or nobody was asked."""
    found = context["ti"].xcom_pull(task_ids=task_id, key=ANSWERED_BY)
    return str(found) if found else None
