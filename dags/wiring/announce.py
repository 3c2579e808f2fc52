"""Tell the DAGs that wait: an asset event that says which days changed."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Asset, get_current_context
from airflow.sdk.exceptions import AirflowSkipException


def announce(asset: Asset, as_of_dates: Sequence[str], **more: Any) -> None:
    """Say in the asset's event which days changed.

    Raises
    ------
    AirflowSkipException
        If there is nothing to say, or the run was asked to be silent (a replay): then no event goes out.
    """
    context = get_current_context()
    if not as_of_dates:
        raise AirflowSkipException(f"no day to announce on {asset.name}")
    if not context["params"].get("announce", True):
        raise AirflowSkipException(f"asked not to announce {', '.join(as_of_dates)} on {asset.name}")
    context["outlet_events"][asset].extra = {"as_of_dates": list(as_of_dates), **more}
