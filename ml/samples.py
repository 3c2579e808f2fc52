"""Samples of users by their id: the same users on every day, so that days can be compared."""

from ml.dataset import SHARE_STEPS

# So many users bound the cost of a check, and are enough to see whatever matters.
USERS_AT_MOST = 20_000


def sampled(table: str, where: str) -> str:
    """Return a SQL condition that keeps about `USERS_AT_MOST` users of a table's rows, and all if fewer.

    Parameters
    ----------
    table : str
        Has a column user_id.
    where : str
        The condition on the rows that are read; its parameters are used once more.
    """
    return (
        f"md5_number_lower(user_id) % {SHARE_STEPS} "
        f"< (select {SHARE_STEPS} * {USERS_AT_MOST} / count(*) from {table} where {where})"
    )
