"""The published tables: the one place that says what readers get and where it comes from."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PublishedTable:
    """One table of the published file.

    Attributes
    ----------
    name : str
        What readers call it.
    relation : str
        Where it stands in the build file, as ``schema.name``.
    rows : {"day", "history"}
        ``day``: the rows of the run's as_of_date; ``history``: those up to it.
    order_by : tuple of str
        Columns that fix the order of the rows, most important first; those a table lacks are skipped.
    one_run : bool
        Whether every row of the run's as_of_date must carry the run's own ``run_id``.
    day_column : str
        The column that says to which day a row belongs.
    looked_up_by : str, optional
        A column that single rows are looked up by many times a second: gets an index.
    """

    name: str
    relation: str
    rows: Literal["day", "history"]
    order_by: tuple[str, ...]
    one_run: bool = True
    day_column: str = "as_of_date"
    looked_up_by: str | None = None


AT_RISK_USERS = "at_risk_users"


def _of_trainings(name: str, *order_by: str) -> PublishedTable:
    """Return a table of the schema `reporting` that tells of trainings up to the run's day."""
    return PublishedTable(
        name,
        f"reporting.{name}",
        "history",
        ("trained_as_of", "model_version", "definition_id", "candidate", *order_by),
        one_run=False,
        day_column="trained_as_of",
    )


def _of_campaigns(name: str, *order_by: str) -> PublishedTable:
    """Return a table of the schema `campaigns` that tells of the run's day."""
    return PublishedTable(name, f"campaigns.{name}", "day", order_by)


def _of_effects(name: str, *order_by: str, looked_up_by: str | None = None) -> PublishedTable:
    """Return a table that tells what campaigns changed, measured on the run's day or the newest before it."""
    return PublishedTable(
        name,
        f"campaigns.{name}",
        "history",
        ("as_of_date", *order_by),
        one_run=False,
        looked_up_by=looked_up_by,
    )


PUBLISHED_TABLES = (
    PublishedTable(
        AT_RISK_USERS,
        "reporting.at_risk_users",
        "day",
        ("risk_rank", "user_id"),
        looked_up_by="user_id",
    ),
    PublishedTable(
        "user_risk_tiers_history", "risk.user_risk_tiers_history", "history", ("as_of_date", "user_id")
    ),
    PublishedTable(
        "user_risk_tiers",
        "risk.user_risk_tiers_history",
        "day",
        ("user_id",),
        looked_up_by="user_id",
    ),
    # By user, so that one user's past is found in a moment however many days there are.
    PublishedTable(
        "user_tier_changes",
        "reporting.user_tier_changes",
        "history",
        ("user_id", "as_of_date"),
        looked_up_by="user_id",
    ),
    PublishedTable(
        "tier_consequences", "reporting.tier_consequences", "history", ("as_of_date", "risk_tier")
    ),
    PublishedTable(
        "churn_scores_history", "reporting.churn_scores_history", "history", ("as_of_date", "user_id")
    ),
    PublishedTable(
        "churn_scores_by_definition",
        "reporting.churn_scores_by_definition",
        "history",
        ("as_of_date", "definition_id", "user_id"),
    ),
    # What refreshes raised during the day keeps the run that raised it.
    PublishedTable("risk_alerts", "alerts.risk_alerts", "history", ("as_of_date", "alert_id"), one_run=False),
    # Made by the run that built the features, which is another one than the run that publishes.
    PublishedTable(
        "user_features_latest", "reporting.user_features_latest", "day", ("user_id",), one_run=False
    ),
    # No run_id in it: it is the largest of the day's tables.
    PublishedTable(
        "user_timeline",
        "reporting.user_timeline",
        "day",
        ("user_id", "happened_on", "kind"),
        one_run=False,
    ),
    PublishedTable(
        "data_quality_report",
        "reporting.data_quality_report",
        "history",
        ("as_of_date", "report_kind", "delivery_id", "run_id", "gate", "table_name", "rule"),
        one_run=False,
    ),
    _of_trainings("model_report", "metric"),
    _of_trainings("model_backtest", "as_of_date", "metric"),
    _of_trainings("model_slices", "slice_name", "slice_value", "metric"),
    _of_trainings("model_importance", "importance_rank", "theme", "feature"),
    _of_trainings("model_learning_curve", "snapshots", "training_rows", "metric"),
    _of_trainings("model_curves", "curve", "point"),
    _of_trainings("uplift_report", "campaign_id", "outcome", "learner", "metric"),
    # Where a watch fails, the list goes out with what an earlier run of the day had found.
    PublishedTable(
        "model_health",
        "reporting.model_health",
        "history",
        ("as_of_date", "definition_id", "model_version", "check_kind", "subject"),
        one_run=False,
    ),
    PublishedTable(
        "model_decisions",
        "reporting.model_decisions",
        "history",
        ("decision_number",),
        one_run=False,
        day_column="decided_for",
    ),
    _of_campaigns("campaign_eligibility", "campaign_id", "user_id"),
    PublishedTable(
        "campaign_actions",
        "campaigns.campaign_actions",
        "day",
        ("campaign_id", "choice_rank", "user_id"),
        looked_up_by="user_id",
    ),
    # An arm that was recorded keeps the run that drew it, also when its day is run again.
    PublishedTable(
        "campaign_assignments",
        "campaigns.campaign_assignments",
        "history",
        ("experiment_id", "user_id"),
        one_run=False,
        day_column="assigned_on",
    ),
    _of_campaigns("user_contact_rights", "user_id"),
    _of_campaigns("campaign_design", "campaign_id"),
    _of_campaigns("campaign_contamination", "experiment_id"),
    _of_campaigns("campaign_sample_ratio", "experiment_id"),
    _of_campaigns("offer_parity", "attribute", "group_value"),
    _of_campaigns("coupon_abuse", "user_id", "sign"),
    # Measured by a run of their own as well, which may have come between.
    _of_effects("campaign_effects", "experiment_id", "slice_name", "slice_value", "outcome"),
    _of_effects("campaign_user_outcomes", "experiment_id", "user_id"),
    _of_effects("campaign_attribution", "campaign_id", "experiment_id", "action", "channel"),
    _of_effects(
        "campaign_trail",
        *("user_id", "experiment_id", "handed_over_at", "message_id"),
        looked_up_by="user_id",
    ),
    PublishedTable(
        "user_recommendations",
        "recommendations.user_recommendations",
        "day",
        ("user_id", "recommendation_rank"),
    ),
    PublishedTable(
        "recommendation_report",
        "recommendations.recommendation_report",
        "history",
        ("as_of_date", "metric"),
        one_run=False,
    ),
    PublishedTable("run_info", "reporting.run_info", "day", ("run_id",)),
)
