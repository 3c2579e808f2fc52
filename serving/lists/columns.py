"""Which columns of a list a key sees: an allow-list per set of fields, so a new one is nobody's."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from serving.problems import Problem

RISK, PROFILE = "risk", "profile"


@dataclass(frozen=True)
class Fields:
    """The columns of one list.

    Attributes
    ----------
    risk : tuple of str
        What every key sees that may see the list.
    profile : tuple of str
        What only keys with the field set ``profile`` see besides.
    """

    risk: tuple[str, ...]
    profile: tuple[str, ...] = ()

    def seen_by(self, field_sets: Collection[str] | None, published: Sequence[str]) -> tuple[str, ...]:
        """Return what a key sees of the columns that are published, in their order."""
        allowed = {*self.risk, *(self.profile if PROFILE in (field_sets or ()) else ())}
        return tuple(column for column in published if column in allowed)

    def check(self, field_sets: Collection[str] | None, column: str) -> None:
        """Refuse to filter or sort by a column that a key does not see: the answer would tell it.

        Raises
        ------
        Problem
            403.
        """
        if column in self.profile and PROFILE not in (field_sets or ()):
            raise Problem(
                403,
                "field_not_allowed",
                "This key does not see the column that the request names.",
                f"It lacks the field set {PROFILE}, which {column} belongs to.",
                "leave the column out of the request, or ask for a key with `--fields profile`",
            )


def _reason(place: int) -> tuple[str, ...]:
    names = ("code", "value", "contribution", "sentence_en", "sentence_zh")
    return tuple(f"reason_{place}_{name}" for name in names)


AT_RISK = Fields(
    risk=(
        *("as_of_date", "user_id", "risk_rank"),
        *("churn_probability", "churn_percentile", "churn_decile"),
        *("risk_tier", "tier_reason", "tier_sentence_en", "tier_sentence_zh"),
        *("previous_risk_tier", "tier_since", "value_tier", "lifecycle_status"),
        *("predicted_value", "expected_gain", "net_amount_365d", "days_since_last_paid_order"),
        *_reason(1),
        *_reason(2),
        *_reason(3),
        *("may_be_contacted", "horizon_days", "model_version", "run_id"),
    ),
    profile=("country",),
)

# What is done for whom, never the experiment behind it: no arm, no share held out, no expected value.
CAMPAIGN_AUDIENCE = Fields(
    risk=(
        *("as_of_date", "user_id", "campaign_id", "action", "offer_id", "trigger_code"),
        *("risk_tier", "value_tier"),
        *(f"reason_{place}_sentence_{language}" for place in (1, 2, 3) for language in ("en", "zh")),
        "run_id",
    ),
    profile=("channel", "language", "time_zone", "preferred_hour"),
)
TIER_AUDIENCE = Fields(
    tuple(column for column in AT_RISK.risk if column not in ("risk_rank", "may_be_contacted")),
    AT_RISK.profile,
)
