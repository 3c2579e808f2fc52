"""How far data may stray before a gate closes: every limit, with the reason for it.

The limits were tried day by day on a real shop's year (UCI Online Retail, 305 daily deliveries) and on
the simulated shop: no false alarm there, and every fault in tests/faults is still seen.
"""

# A day is compared with this many delivered days before it: four weeks even out the weekdays.
TRAILING_DAYS = 28

# With fewer earlier days than this a median says little, so only absolute limits are judged.
TRAILING_DAYS_NEEDED = 7

# Days before the newest built day are judged again, so that a bad day cannot slip by one refused run.
JUDGED_AGAIN_DAYS = 7

# Shares, medians and distinct counts of fewer rows than this are noise.
ROWS_NEEDED = 100

# Ingest held each delivery to the source's declared limits against its own weekday. The gate looks at what
# was accepted against all weekdays alike, so it allows twice as much, and only after four weeks of days.
VOLUME_SLACK = 2.0
VOLUME_DAYS_NEEDED = 24

# Volume is left alone where a usual day has fewer rows than this: promotions, products.
USUAL_ROWS_NEEDED = 20

# A table that need not come every day is regular when it came on this many of four weeks' days.
REGULAR_DAYS = 20

# The share of empty cells of one day; the real shop had a day with 87 % guests after 13 %.
EMPTY_SHARE_JUMP_DAY = 0.80
# The same over a week, which evens such days out; the real shop's largest weekly jump was 0.26.
EMPTY_SHARE_JUMP_WEEK = 0.45

# A column that is usually emptier than this (coupon codes) may be wholly empty for a day, or for weeks: it
# comes and goes with the shop's promotions.
SPARSE = 0.75

# A column that never had fewer values than this on a usual day may not freeze for a day.
# The real shop's countries (a handful) do freeze on Sundays; its users and products never do.
USUAL_VALUES_NEEDED = 15

# The day's median against the trailing one. Real prices stayed within 0.4 to 2.6, real quantities within
# 0.25 to 3.3; cents for euros is 100, yuan for pounds 9.1. Euros for pounds (1.2) cannot be seen so.
MEDIAN_RATIO = 8.0

# The share of negative amounts; the real shop's worst day had 10 % of lines negative.
NEGATIVE_SHARE_JUMP = 0.40

# References that must be found, for instance orders' users among the users. Dirty deliveries lose a few.
COVERAGE = 0.95

# Users with features, against the earlier days: a shop may grow by half in a month, not double in a day.
USERS_RATIO = (0.6, 1.8)

# Features are compared with this many earlier days, taken from this many days back.
FEATURE_HISTORY_DAYS = 7
FEATURE_HISTORY_REACH_DAYS = 35

# A feature's empty share may move this far between an earlier day and this one.
FEATURE_EMPTY_SHARE_JUMP = 0.30

# The median of a feature's non-zero values against the earlier days'.
FEATURE_MEDIAN_RATIO = 4.0

# Below this many users distributions are not judged: a newcomer's three-file trial must pass.
USERS_NEEDED = 50

# Distributions of features are taken from about this many users of a day, those of raw columns from about
# this many rows of the judged days; more would cost seconds and change no verdict.
USERS_SAMPLED = 10_000
ROWS_SAMPLED = 2_000_000

# The mean churn probability against the earlier days': a day moves it by a point or two.
SCORE_MEAN_JUMP = 0.20

# The share of users in a tier against the earlier days', in shares of all users.
TIER_SHARE_JUMP = 0.20

# No list is any use when nearly everyone is on it.
LARGEST_TIER_SHARE = 0.98

# Features that differ from user to user; a shop without coupons or returns keeps some at 0.
VARYING_FEATURES = 0.5
