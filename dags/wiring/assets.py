"""The assets that chain the DAGs: what landed, what was accepted, what was built from it."""

from airflow.sdk import Asset, AssetWatcher

from dags.wiring.landing_trigger import LandedDeliveries

LANDED_DELIVERIES = Asset(
    "landed_deliveries",
    uri="holdfast://landing",
    watchers=[AssetWatcher(name="landing_folder", trigger=LandedDeliveries())],
)
RAW_DELIVERIES = Asset("raw_deliveries", uri="holdfast://warehouse/raw")
USER_FEATURES = Asset("user_features", uri="holdfast://warehouse/user_features")
RETRAINING_WANTED = Asset("retraining_wanted", uri="holdfast://models/retraining_wanted")
CHURN_MODEL = Asset("churn_model", uri="holdfast://models/churn")
RISK_TIERS = Asset("risk_tiers", uri="holdfast://published/risk_tiers")
RISK_ALERTS = Asset("risk_alerts", uri="holdfast://published/risk_alerts")
CAMPAIGN_MESSAGES = Asset("campaign_messages", uri="holdfast://campaigns/messages")
