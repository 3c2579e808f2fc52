"""The gates: Great Expectations suites at the borders of the warehouse."""
