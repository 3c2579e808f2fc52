"""Rows of trainings, campaigns and deliveries, few and plain, for the pages that go into depth."""

from datetime import timedelta
from typing import Any

from tests.serving.published_shop import BEFORE, DAY, MODEL, Row, user_id

DEFINITION = "paid_order_90d"
TRAINED = DAY - timedelta(days=2)
ENTITY = "<b>hostile</b>"


def of_training(**values: Any) -> Row:
    """Return a row of a table that tells of the champion's training."""
    return {"model_version": MODEL, "trained_as_of": TRAINED, "definition_id": DEFINITION, **values}


def report(candidate: str, metric: str, value: float | None, half: float | None = 0.02) -> Row:
    """Return one figure of a candidate."""
    has_interval = value is not None and half is not None
    return of_training(
        test_as_of_date=TRAINED - timedelta(days=90),
        horizon_days=90,
        candidate=candidate,
        metric=metric,
        value=value,
        lower=value - half if has_interval else None,  # type: ignore[operator]
        upper=value + half if has_interval else None,  # type: ignore[operator]
        note="Compared on a later snapshot.",
    )


def slice_row(name: str, value: str, users: int, churned: int, *, is_small: bool = False) -> list[Row]:
    """Return the figures of a part of the users."""
    return [
        of_training(
            candidate="boosted_trees",
            slice_name=name,
            slice_value=value,
            users=users,
            churned=churned,
            is_small=is_small,
            metric=metric,
            value=None if is_small else figure,
            lower=None if is_small else figure - 0.01,
            upper=None if is_small else figure + 0.01,
        )
        for metric, figure in (("roc_auc", 0.7), ("roc_auc_over_recency", 0.1))
    ]


def model_tables(chosen: str = "boosted_trees") -> dict[str, list[Row]]:
    """Return a training with two candidates, watched once."""
    curve = [0.0, 0.1, 0.5, 1.0]
    return {
        "model_report": [
            *(report("recency_rule", metric, 0.6) for metric in ("roc_auc", "ece")),
            report("boosted_trees", "roc_auc", 0.75),
            report("boosted_trees", "roc_auc_over_recency", 0.15),
            report("boosted_trees", "lift_at_10", 1.5),
            report("boosted_trees", "ece", 0.03, None),
            report(chosen, "is_chosen", 1.0, None),
        ],
        "model_decisions": [
            {
                "decision_number": 1,
                "decided_for": TRAINED,
                "definition_id": DEFINITION,
                "challenger": MODEL,
                "verdict": "promoted",
                "reason": f"Better than the recency rule. {ENTITY}",
                "decided_by": "training",
            }
        ],
        "model_curves": [
            of_training(candidate=candidate, curve=name, point=point, x=x, y=x * lift, users=100)
            for candidate, lift in (("boosted_trees", 1.0), ("recency_rule", 0.8))
            for name in ("gain", "lift", "reliability_before", "reliability_after", "score_distribution")
            for point, x in enumerate(curve, start=1)
        ],
        "model_backtest": [
            of_training(
                candidate=candidate, as_of_date=DAY - timedelta(days=days), users=200, churn_rate=0.5,
                training_rows=100, metric="roc_auc", value=value, lower=value - 0.03, upper=value + 0.03,
            )
            for candidate, value in (("boosted_trees", 0.75), ("recency_rule", 0.6))
            for days in (120, 150)
        ],
        "model_slices": [
            *slice_row("everybody", "everybody", 300, 150),
            *slice_row("country", "CN", 220, 100),
            *slice_row("country", "SG", 76, 50),
            *slice_row("country", "MY", 4, 4, is_small=True),
        ],
        "model_importance": [
            of_training(candidate="boosted_trees", feature=feature, theme="sessions", importance=0.1,
                        lower=0.05, upper=0.15, importance_rank=rank)
            for rank, feature in enumerate(("(whole theme)", "sessions_90d", ENTITY), start=1)
        ],
        "model_learning_curve": [
            of_training(candidate="boosted_trees", snapshots=snapshots, history_days=90, training_rows=rows,
                        metric="roc_auc", value=0.7, lower=0.68, upper=0.72)
            for snapshots, rows in ((1, 100), (2, 150), (2, 300))
        ],
        "model_health": [
            {"as_of_date": day, "model_version": MODEL, "definition_id": DEFINITION, "check_kind": kind,
             "subject": "sessions_90d", "statistic": 0.25, "threshold": 0.2, "is_alarm": is_alarm,
             "sample_size": 40, "message": "Stability index 0.25.", "run_id": "r"}
            for day, kind, is_alarm in ((BEFORE, "feature_drift", False), (DAY, "feature_drift", True),
                                        (DAY, "model_age", False))
        ],
        "churn_scores_by_definition": [
            {"as_of_date": DAY, "user_id": user_id(number), "definition_id": definition,
             "churn_probability": 0.5, "horizon_days": 90, "model_version": version, "run_id": "r"}
            for definition, version in ((DEFINITION, MODEL), ("any_activity_30d", "churn-other"))
            for number in range(12)
        ],
    }  # fmt: skip


def effect(
    campaign: str, outcome: str, difference: float | None, half: float, verdict: str, **more: Any
) -> Row:
    """Return what a campaign changed for an outcome."""
    return {
        "as_of_date": DAY,
        "experiment_id": f"{campaign}_1",
        "campaign_id": campaign,
        "action": "coupon",
        "slice_name": "all",
        "slice_value": "all",
        "outcome": outcome,
        "is_guardrail": False,
        "users_treated": 400,
        "users_held_out": 200,
        "users_pending": 30,
        "mean_treated": 0.5,
        "mean_held_out": 0.6,
        "adjusted_difference": difference,
        "adjusted_difference_low": None if difference is None else difference - half,
        "adjusted_difference_high": None if difference is None else difference + half,
        "reading": "final",
        "verdict": verdict,
        **more,
    }


def contacts(channel: str, sent: int, ordered: int, users: int | None = None) -> Row:
    """Return what became of a channel's contacts."""
    return {
        "as_of_date": DAY, "campaign_id": "win_back_coupon", "experiment_id": "win_back_coupon_1",
        "action": "coupon", "channel": channel, "sent": sent,
        "users_contacted": sent if users is None else users,
        "opened": sent // 2, "clicked": sent // 4, "coupons_sent": sent, "redeemed": ordered,
        "ordered": ordered, "attributed_orders": ordered, "attributed_revenue": 50.0 * ordered,
        "contact_cost": 0.1 * sent, "coupon_redeemed_value": 20.0 * ordered,
    }  # fmt: skip


def campaign_tables() -> dict[str, list[Row]]:
    """Return one campaign that was measured, and one that is too small."""
    run = {"as_of_date": DAY, "run_id": "r"}
    reasons = [None] * 60 + ["no_consent"] * 25 + ["global_control"] * 12 + ["no_trigger"] * 3
    return {
        "campaign_design": [
            {**run, "campaign_id": "win_back_coupon", "experiment_id": "win_back_coupon_1",
             "users_in_audience": 60, "users_free": 60, "minimum_audience": 20, "holdout_share": 0.3,
             "control_rate": 0.8, "least_effect": 0.05, "least_detectable_effect": 0.08, "users_needed": 900,
             "status": "too_small", "reason": "an effect as small as that stays inconclusive"},
        ],
        "campaign_eligibility": [
            {**run, "user_id": f"u{number:04}", "campaign_id": "win_back_coupon",
             "is_eligible": reason is None, "suppression_reason": reason}
            for number, reason in enumerate(reasons)
        ],
        "campaign_actions": [
            {**run, "user_id": user_id(number), "campaign_id": "win_back_coupon",
             "experiment_id": "win_back_coupon_1", "arm": "holdout" if number % 3 == 0 else "treatment",
             "cost": 2.0, "expected_net_value": 5.0}
            for number in range(40)
        ],
        "campaign_assignments": [
            {"experiment_id": "win_back_coupon_1", "campaign_id": "win_back_coupon",
             "user_id": user_id(number), "assigned_on": DAY, "is_recorded": False, "run_id": "r",
             "arm": "holdout" if number % 3 == 0 else "treatment"}
            for number in range(40)
        ],
        "campaign_effects": [
            effect("win_back_coupon", "churned", -0.08, 0.05, "better"),
            effect("win_back_coupon", "net_margin", 1.5, 4.0, "inconclusive"),
            effect("service_call", "churned", None, 0.0, "too_small", users_treated=6, users_held_out=3,
                   mean_treated=0.1234, mean_held_out=0.4321),
            effect("win_back_coupon", "churned", -0.1, 0.09, "better", slice_name="risk_tier",
                   slice_value="high"),
        ],
        "campaign_attribution": [contacts("email", 200, 30), contacts("sms", 8, 2)],
        "campaign_contamination": [
            {**run, "experiment_id": "win_back_coupon_1", "campaign_id": "win_back_coupon",
             "users_protected": 40, "users_reached": 3, "contacts": 4},
        ],
        "campaign_sample_ratio": [
            {**run, "experiment_id": "win_back_coupon_1", "campaign_id": "win_back_coupon",
             "users_treated": 27, "users_held_out": 13, "expected_held_out": 12.0, "p_value": 0.0001,
             "is_read_out_stopped": True},
        ],
        "coupon_abuse": [
            {**run, "user_id": user_id(number), "sign": sign, "codes": 4, "orders": 4, "other_users": 0,
             "discount_amount": 77.0}
            for sign, numbers in (("serial_redeemer", range(12)), ("code_used_again", range(3)))
            for number in numbers
        ],
        "offer_parity": [
            {**run, "attribute": "gender", "group_value": group, "kind": "sensitive", "users": users,
             "is_small": users < 10, "users_chosen": None if users < 10 else 20,
             "users_offered": None if users < 10 else 10, "offered_share": None if users < 10 else 0.2,
             "offered_share_ratio": ratio}
            for group, users, ratio in (("female", 60, 1.1), ("male", 50, 0.9), ("diverse", 4, None))
        ],
        "uplift_report": [
            {"trained_as_of": TRAINED, "campaign_id": "win_back_coupon", "learner": "constant_effect",
             "outcome": "retained", "metric": "average_effect", "estimate": 0.05, "low": 0.01, "high": 0.09,
             "rows": 600, "is_in_force": True, "note": "better than chance"},
        ],
    }  # fmt: skip


def data_rows() -> list[Row]:
    """Return deliveries, a reason, gates of two days, one broken rule, and a sum that does not come out."""
    return [
        *(
            {"report_kind": "delivery", "as_of_date": day, "is_good": status == "accepted",
             "delivery_id": f"d{day}",
             "delivery_date": day, "known_on": day, "status": status, "rows_received": 1000,
             "rows_accepted": 990, "rows_quarantined": 7, "rows_duplicate": 3,
             "message": None if status == "accepted" else "The header is not the declared one."}
            for day, status in ((DAY, "accepted"), (BEFORE, "refused"))
        ),
        {"report_kind": "quarantine_reason", "as_of_date": DAY, "is_good": False, "delivery_id": f"d{DAY}",
         "delivery_date": DAY, "known_on": DAY, "rows_quarantined": 7, "rule": "not_a_number"},
        *(
            {"report_kind": "gate_rule", "as_of_date": day, "is_good": is_good, "run_id": "r", "gate": gate,
             "table_name": "raw.orders", "rule": "as_many_rows_as_usual", "observed": "3",
             "expected": "100 to 300",
             "message": None if is_good else "Far fewer rows than usual: ask the shop."}
            for day, gate, is_good in ((DAY, "raw", True), (DAY, "risk", True), (BEFORE, "raw", False))
        ),
        {"report_kind": "reconciliation", "as_of_date": DAY, "is_good": False, "run_id": "r",
         "table_name": "orders", "rule": "rows_are_accounted_for", "observed": "10 rows",
         "expected": "11 rows"},
    ]  # fmt: skip


def deep_tables() -> dict[str, list[Row]]:
    """Return everything that the three pages show."""
    return {**model_tables(), **campaign_tables(), "data_quality_report": data_rows()}
