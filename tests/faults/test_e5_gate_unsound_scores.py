"""E5, behind scoring: scores that are no probabilities, or not one per eligible user, close the gate."""

import pytest

from tests.expectations.clean_shop import DAY, SCORES, Shop, spoiled_gate

ONE_USER = f"where as_of_date = '{DAY}' and user_id = 'u3'"


@pytest.mark.parametrize("number", ["'nan'", "'inf'", "'-inf'", "-0.01", "1.01", "null"])
def test_e5_one_unusable_probability_closes_the_gate(shop: Shop, number: str) -> None:
    message, failed = spoiled_gate(
        shop, "scores", f"update {SCORES} set churn_probability = {number} {ONE_USER}"
    )
    assert ("churn_probability_can_be_used", "churn_probability") in failed
    assert "found 1 scores where it cannot be used on 2011-09-09" in message


@pytest.mark.parametrize(
    ("statement", "rule", "column"),
    [
        (f"delete from {SCORES} {ONE_USER}", "every_eligible_user_is_scored", None),
        (f"insert into {SCORES} from {SCORES} {ONE_USER}", "nobody_is_scored_twice", None),
        (f"update {SCORES} set user_id = 'stranger' {ONE_USER}", "only_eligible_users_are_scored", None),
        (
            f"update {SCORES} set churn_percentile = 101 {ONE_USER}",
            "churn_percentile_can_be_used",
            "churn_percentile",
        ),
        (f"update {SCORES} set churn_decile = 0 {ONE_USER}", "churn_decile_can_be_used", "churn_decile"),
        (f"update {SCORES} set model_version = 'other' {ONE_USER}", "a_day_has_one_model", "model_version"),
        (
            f"update {SCORES} set reason_1_code = null {ONE_USER}",
            "reason_1_code_can_be_used",
            "reason_1_code",
        ),
        (
            f"update {SCORES} set churn_probability = 0.5 where as_of_date = '{DAY}'",
            "scores_tell_users_apart",
            "churn_probability",
        ),
        (
            f"update {SCORES} set churn_probability = (3 + churn_probability) / 4 where as_of_date = '{DAY}'",
            "the_mean_score_is_as_usual",
            "churn_probability",
        ),
    ],
    ids=[
        "missing",
        "twice",
        "stranger",
        "percentile",
        "decile",
        "two models",
        "no reason",
        "all alike",
        "all higher",
    ],
)
def test_e5_an_unsound_batch_closes_the_gate(
    shop: Shop, statement: str, rule: str, column: str | None
) -> None:
    message, failed = spoiled_gate(shop, "scores", statement)
    assert (rule, column) in failed
    assert rule in message
