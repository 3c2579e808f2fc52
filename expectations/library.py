"""Import Great Expectations late and quietly.

It takes seconds to import and uses a module that Python has deprecated; neither is its callers' concern.
"""

import os
import warnings
from typing import Any


def great_expectations() -> Any:
    """Return the package, with analytics off."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations
        import great_expectations.expectations
    return great_expectations
