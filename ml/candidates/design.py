"""The design matrix that the linear candidates share."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from ml.features import FeatureContract

TRUSTED_TYPES = ("ml.candidates.design.signed_log", "numpy.dtype")


def signed_log(values: pd.DataFrame) -> pd.DataFrame:
    """Return sign(x) · log(1 + |x|): tames long tails, keeps order, sign and NULL."""
    numbers = values.to_numpy(dtype=np.float64)
    return pd.DataFrame(np.sign(numbers) * np.log1p(np.abs(numbers)), columns=values.columns)


def scaled_design(contract: FeatureContract) -> list[tuple[str, object]]:
    """Return the steps `design` and `scale`: logarithms, imputing, categories, then mean 0 and variance 1.

    Everything is scaled to mean 0 after imputing, so a contribution is the distance from the average user.
    """
    numeric = [feature.name for feature in contract.inputs if feature.kind != "categorical"]
    categorical = [feature.name for feature in contract.inputs if feature.kind == "categorical"]
    numbers = Pipeline(
        [
            ("log", FunctionTransformer(signed_log)),
            ("impute", SimpleImputer(strategy="median", add_indicator=True)),
        ]
    )
    design = ColumnTransformer(
        [
            ("numbers", numbers, numeric),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categorical),
        ]
    )
    return [("design", design), ("scale", StandardScaler())]
