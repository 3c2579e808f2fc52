"""G1: names that a spreadsheet would run, through the API: neutral in CSV, untouched in everything else."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.serving.api.asking import CSV, NDJSON, PARQUET, WHOLE, action, published
from tests.serving.published_shop import DAY, listed, scored

NAMES = (
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|'/c calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    'quote"comma,newline\n=1',
    '=DDE("cmd";"/c calc";"x")',
)
STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@pytest.mark.parametrize("path", ["/v1/at-risk", "/v1/audiences/win_back_coupon"])
def test_no_text_starts_a_formula_and_no_number_changes(tmp_path: Path, path: str) -> None:
    users = [{**scored(2, DAY, "r"), "user_id": name, "country": name} for name in NAMES]
    at_risk = [
        {
            **listed(2, rank, "r"),
            "user_id": name,
            "country": name,
            "tier_sentence_en": name,
            "expected_gain": -1.5,
        }
        for rank, name in enumerate(NAMES, start=1)
    ]
    actions = [action(2, user_id=name, offer_id=name, trigger_code=name) for name in NAMES]
    tables = {"user_risk_tiers_history": users, "at_risk_users": at_risk, "campaign_actions": actions}
    with published(tmp_path, **tables) as api:
        tool = api.tool("risk:read", "audience:*", fields=WHOLE)
        text = tool.get(path, CSV).content.decode()
        cells = list(csv.DictReader(io.StringIO(text, newline="")))
        lossless = [json.loads(line) for line in tool.get(path, NDJSON).text.splitlines()]
        table = pq.read_table(io.BytesIO(tool.get(path, PARQUET).content)).to_pylist()
    assert {row["user_id"] for row in lossless} == set(NAMES)
    assert [row["user_id"] for row in table] == [row["user_id"] for row in lossless]
    assert len(cells) == len(NAMES)
    for cell, row in zip(cells, lossless, strict=True):
        for name, value in row.items():
            if isinstance(value, str) and value.startswith(STARTS):
                assert cell[name] == "'" + value
            elif isinstance(value, str):
                assert cell[name] == value
            elif isinstance(value, float):
                assert float(cell[name]) == value
    if path == "/v1/at-risk":
        assert {cell["expected_gain"] for cell in cells} == {"-1.5"}
