"""The feature contract: what a model reads, and what is checked before it predicts.

Inputs are discovered from the feature table's own schema, never copied by hand. A fitted contract remembers
the inputs, their kinds and categories, which columns were left out and why, and the purchase rhythm that
further inputs are worked out from. The same contract then prepares the rows to score, so that training and
scoring cannot differ.
"""

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.purchase_rhythm import READS, PurchaseRhythm, fit_purchase_rhythm
from warehouse.errors import ContractBreach

NOT_INPUTS = frozenset({"as_of_date", "user_id", "is_eligible", "churned", "known_on", "run_id", "source"})
NUMERIC_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
OTHER = "(other)"
CATEGORIES_AT_MOST = 30
CATEGORY_MIN_ROWS = 20
# Of fewer, a fold of users may hold none, and boosted trees refuse an input that is NULL in every row.
FEWEST_KNOWN_USERS = 20
LEAST_KNOWN_SHARE = 0.002
TOO_RARE = f"known of fewer than {FEWEST_KNOWN_USERS} users, or in less than {LEAST_KNOWN_SHARE:.1%} of rows"
MOSTLY_KNOWN = 0.5
EMPTY_COLUMN_ROWS = 100


@dataclass(frozen=True)
class Feature:
    """One input of the model.

    Attributes
    ----------
    name : str
        Column of the feature table.
    kind : str
        numeric, boolean or categorical.
    categories : tuple of str
        Values of a categorical input that the model knows; anything else is "(other)".
    null_share : float
        Share of NULL in the training rows.
    """

    name: str
    kind: str
    categories: tuple[str, ...] = ()
    null_share: float = 0.0


@dataclass(frozen=True)
class FeatureContract:
    """The inputs of a fitted model, in the order in which it reads them.

    Attributes
    ----------
    features : tuple of Feature
        The columns that are read.
    left_out : dict
        Why a column is not read, by name.
    rhythm : PurchaseRhythm or None
        Appends inputs that are worked out from three of the columns; None where they were not there.
    """

    features: tuple[Feature, ...]
    left_out: dict[str, str]
    rhythm: PurchaseRhythm | None = None

    @property
    def names(self) -> list[str]:
        """Names of the columns that are read, in order."""
        return [feature.name for feature in self.features]

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """What `prepare` makes of the columns, in order: the columns, then what the rhythm appends."""
        return (*self.features, *(Feature(name, "numeric") for name in self.derived_themes))

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, in order."""
        return [feature.name for feature in self.inputs]

    @property
    def derived_themes(self) -> Mapping[str, str]:
        """Theme of each input that is worked out, by name."""
        return self.rhythm.themes if self.rhythm else {}

    @property
    def schema_hash(self) -> str:
        """Sha256 over names and kinds of the inputs in order."""
        text = json.dumps([[feature.name, feature.kind] for feature in self.inputs])
        return hashlib.sha256(text.encode()).hexdigest()

    def reading(self, features: Sequence[Feature], columns: Collection[str]) -> "FeatureContract":
        """Return the contract of a candidate that reads some columns only, whatever they carry."""
        fitted = {feature.name: feature for feature in self.features}
        kept = tuple(fitted.get(one.name, one) for one in features if one.name in columns)
        return FeatureContract(kept, {}, self.rhythm if set(READS) <= set(columns) else None)

    def to_json(self) -> dict[str, Any]:
        """Return the contract as plain values."""
        return {
            "features": [asdict(feature) for feature in self.features],
            "left_out": self.left_out,
            "rhythm": self.rhythm.to_json() if self.rhythm else None,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "FeatureContract":
        """Read back what `to_json` wrote."""
        features = (
            Feature(item["name"], item["kind"], tuple(item["categories"]), item["null_share"])
            for item in value["features"]
        )
        rhythm = PurchaseRhythm.from_json(value["rhythm"]) if value["rhythm"] else None
        return cls(tuple(features), dict(value["left_out"]), rhythm)


def discover_features(schema: Sequence[tuple[str, str]]) -> tuple[Feature, ...]:
    """Return the columns of a feature table that a model can read.

    Parameters
    ----------
    schema : sequence of (str, str)
        Column names and SQL types, as DuckDB's ``describe`` gives them.

    Examples
    --------
    >>> discover_features([("user_id", "VARCHAR"), ("paid_orders_30d", "BIGINT"), ("seen_at", "TIMESTAMP")])
    (Feature(name='paid_orders_30d', kind='numeric', categories=(), null_share=0.0),)
    """
    kinds = ((name, kind_of(sql_type)) for name, sql_type in schema if name not in NOT_INPUTS)
    return tuple(Feature(name, kind) for name, kind in kinds if kind is not None)


def kind_of(sql_type: str) -> str | None:
    """Return numeric, boolean or categorical for a SQL type; None for a type that no model reads."""
    plain = sql_type.upper().removeprefix("U").split("(")[0]
    if plain in NUMERIC_TYPES:
        return "numeric"
    return {"BOOLEAN": "boolean", "VARCHAR": "categorical"}.get(plain)


def fit_contract(
    frame: pd.DataFrame, features: Sequence[Feature], *, horizon_days: int | None = None
) -> FeatureContract:
    """Learn from training rows, without labels, which columns carry anything and which texts are common.

    Columns that are empty, known of too few users, constant, or text that nearly every user has for itself
    are left out, with the reason. Given a horizon, and the columns it needs, a purchase rhythm is fitted.
    """
    check_frame(frame, features)
    kept, left_out = [], {}
    for feature in features:
        values = frame[feature.name]
        categories: tuple[str, ...] = ()
        if feature.kind == "categorical":
            categories = _common_categories(values)
        present = values.dropna()
        if present.empty:
            left_out[feature.name] = "NULL in every training row"
        elif _is_too_rare(frame, feature.name):
            left_out[feature.name] = TOO_RARE
        elif feature.kind == "categorical" and not categories:
            left_out[feature.name] = f"no value is shared by {CATEGORY_MIN_ROWS} training rows"
        elif len(present) == len(values) and present.nunique() == 1:
            left_out[feature.name] = f"constant in training: {present.iloc[0]!s}"
        else:
            kept.append(Feature(feature.name, feature.kind, categories, float(values.isna().mean())))
    read = frame[[feature.name for feature in kept]]
    rhythm = fit_purchase_rhythm(read, horizon_days) if horizon_days else None
    return FeatureContract(tuple(kept), left_out, rhythm)


def _is_too_rare(frame: pd.DataFrame, name: str) -> bool:
    """Say whether a column that is NULL in some rows is known in too few of them to learn from."""
    known = frame[name].notna()
    if known.all():
        return False
    users = frame.loc[known, "user_id"] if "user_id" in frame.columns else frame.index[known]
    return bool(known.mean() < LEAST_KNOWN_SHARE or users.nunique() < FEWEST_KNOWN_USERS)


def _common_categories(values: pd.Series) -> tuple[str, ...]:
    counts = values.dropna().astype(str).value_counts()
    enough = max(CATEGORY_MIN_ROWS, math.ceil(len(values) * 0.002))
    common = counts[counts >= enough].index[:CATEGORIES_AT_MOST]
    return tuple(sorted(common))


def check_schema(schema: Sequence[tuple[str, str]], contract: FeatureContract) -> None:
    """Refuse a feature table that lacks an input or delivers it in another kind.

    Raises
    ------
    ContractBreach
        Naming every column that is missing or of another kind.
    """
    types = dict(schema)
    wrong = []
    for feature in contract.features:
        if feature.name not in types:
            wrong.append(f"{feature.name} is missing")
        elif kind_of(types[feature.name]) != feature.kind:
            wrong.append(f"{feature.name} is {types[feature.name]}, not {feature.kind}")
    if wrong:
        raise ContractBreach(
            "The feature table does not fit the model",
            "; ".join(wrong),
            "restore the columns, or train again",
        )


def check_frame(frame: pd.DataFrame, features: Sequence[Feature]) -> None:
    """Refuse rows whose columns are missing, of another type, or hold an infinite number.

    NaN stands for NULL and is allowed.

    Raises
    ------
    ContractBreach
        Naming the column and what was found.
    """
    missing = [feature.name for feature in features if feature.name not in frame.columns]
    if missing:
        raise ContractBreach(
            "The rows lack inputs of the model", ", ".join(missing), "restore the columns, or train again"
        )
    for feature in features:
        values = frame[feature.name]
        is_number = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
        if is_number == (feature.kind == "categorical") and not values.isna().all():
            raise ContractBreach(
                f"Column {feature.name} must be {feature.kind}",
                str(values.dtype),
                "restore its type, or train again",
            )
        if is_number and np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan)).any():
            raise ContractBreach(
                f"Column {feature.name} holds an infinite number",
                int(np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan)).sum()),
                "correct the feature's SQL: a division by zero must give NULL",
            )


def check_not_emptied(frame: pd.DataFrame, contract: FeatureContract) -> None:
    """Refuse rows in which an input that was mostly known in training is NULL for everybody.

    Raises
    ------
    ContractBreach
        Naming the columns.
    """
    if len(frame) < EMPTY_COLUMN_ROWS:
        return
    usual = [feature.name for feature in contract.features if feature.null_share < MOSTLY_KNOWN]
    emptied = [name for name in usual if frame[name].isna().all()]
    if emptied:
        raise ContractBreach(
            "Inputs that were mostly known in training are NULL for every user",
            ", ".join(emptied),
            "look for a table that was not delivered; train again if the shop no longer has it",
        )


def prepare(frame: pd.DataFrame, contract: FeatureContract) -> pd.DataFrame:
    """Return the model's inputs: columns by name in the contract's order as float64, then the rhythm's.

    Text becomes a category type with the contract's categories; unknown values become "(other)", NULL stays.

    Raises
    ------
    ContractBreach
        See `check_frame`.
    """
    check_frame(frame, contract.features)
    columns: dict[str, Any] = {}
    for feature in contract.features:
        values = frame[feature.name]
        if feature.kind == "categorical":
            columns[feature.name] = _as_category(values, feature.categories)
        else:
            columns[feature.name] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if contract.rhythm:
        columns |= contract.rhythm.columns(frame)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _as_category(values: pd.Series, categories: tuple[str, ...]) -> pd.Categorical:
    known = [*categories, OTHER]
    codes = pd.Index(known).get_indexer(pd.Index(values.astype(object)))
    codes = np.where(codes < 0, len(categories), codes)
    codes[values.isna().to_numpy()] = -1
    return pd.Categorical.from_codes(codes, categories=pd.Index(known, dtype=object))
