"""Why a row can be quarantined: every code, what it means, and what to do about it."""

from dataclasses import dataclass

RAW_TEXT_LIMIT = 10_000


@dataclass(frozen=True)
class Reason:
    """What is wrong with the row, and the remedy."""

    sentence: str
    remedy: str


REASONS: dict[str, Reason] = {
    "wrong_field_count": Reason(
        "the line has another number of fields than the header", "quote fields that hold the delimiter"
    ),
    "unclosed_quote": Reason(
        "a quote is opened and never closed in this line",
        "close it, or declare the column in text_columns_with_newlines if it may hold line breaks",
    ),
    "stray_quote": Reason(
        "a quote stands where none may stand", "quote the whole field and double the quotes inside it"
    ),
    "not_utf8": Reason(
        "the line is not in the declared encoding", "write UTF-8, or declare `encoding` for the table"
    ),
    "nul_byte": Reason("the line holds a NUL byte", "remove it where the file is written"),
    "not_json": Reason("the line is not one JSON object", "write one JSON object per line"),
    "missing_value": Reason("a required value is empty", "deliver the value, or declare it not required"),
    "unsafe_id": Reason(
        "the id holds a control, format or invisible character",
        "clean the id where it is made: two ids that look the same must be the same",
    ),
    "too_long": Reason("the text is longer than declared", "shorten it, or raise `maximum_length`"),
    "not_an_integer": Reason("this is not a whole number", "write digits only"),
    "not_a_number": Reason(
        "this is not a plain number",
        "write digits with at most one decimal point; declare thousands_separator if there is one",
    ),
    "too_many_decimals": Reason(
        "the number has more decimals than declared", "raise `scale`, or declare `round: true`"
    ),
    "number_out_of_range": Reason("the number is too large to store", "check the unit"),
    "below_minimum": Reason("the number is below the declared minimum", "check the value or the declaration"),
    "above_maximum": Reason("the number is above the declared maximum", "check the value or the declaration"),
    "not_a_time": Reason(
        "this is not a time in the declared format", "write it so, or declare the format that is meant"
    ),
    "not_a_date": Reason(
        "this is not a day in the declared format", "write it so, or declare the format that is meant"
    ),
    "local_time_does_not_exist": Reason(
        "the clocks skipped this local time", "deliver times with their offset, or in UTC"
    ),
    "too_early": Reason("the time lies before the earliest declared", "check the unit and the clock"),
    "future_dated": Reason(
        "the time lies more than a day after the delivery", "check the unit, the zone and the clock"
    ),
    "too_late": Reason(
        "the row arrived more days after its event than late_days_allowed",
        "deliver sooner, or raise late_days_allowed; land an export of years with --history",
    ),
    "not_a_boolean": Reason("this is neither true nor false", "declare true_values and false_values"),
    "orphan": Reason(
        "the row refers to a row that was never delivered",
        "deliver the parent row first, then this row again",
    ),
}


def explain(code: str, where: str, column: str | None, value: str | None) -> str:
    """Return the sentence that stands in quarantine: where, which value, what is wrong, what to do."""
    reason = REASONS[code]
    found = "" if value is None else f" {shorten(value, 200)!r}"
    subject = f"{column}{found}: " if column else ""
    return f"{where}: {subject}{reason.sentence}. To do: {reason.remedy}"


def shorten(text: str, limit: int = RAW_TEXT_LIMIT) -> str:
    """Return the text, cut at the limit with a note of what was cut."""
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit:,} more characters)"


def visible(raw: bytes) -> str:
    """Return bytes as text without losing any; what is not UTF-8, and NUL, in hexadecimal."""
    return raw.decode("utf-8", errors="backslashreplace").replace("\0", "\\x00")
