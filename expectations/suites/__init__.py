"""One module per gate's suites."""
