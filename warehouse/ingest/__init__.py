"""From landed files to accepted, quarantined and duplicate rows."""
