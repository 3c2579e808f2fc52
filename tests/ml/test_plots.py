import pytest

from ml.drawing import STYLES, styled
from ml.plots import (
    PLOTS,
    backtest_plot,
    gain_plot,
    importance_plot,
    learning_curve_plot,
    lift_plot,
    reliability_plot,
    score_distribution_plot,
    write_plots,
)
from tests.ml.report_frames import CHAMPION, EARLIER_DAY, TEST_DAY, report_tables


@pytest.fixture(scope="module")
def tables():
    return report_tables()


def legend_of(figure):
    legend = figure.axes[0].get_legend() or figure.legends[0]
    return [text.get_text() for text in legend.get_texts()]


def test_every_table_becomes_pictures(tables, tmp_path):
    written = write_plots(tables, CHAMPION, tmp_path / "plots")
    assert set(written) == set(PLOTS) == {
        "gain", "lift", "reliability", "score_distribution", "importance", "backtest", "learning_curve",
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written.values())
    assert max(path.stat().st_size for path in written.values()) < 60_000


def test_the_same_tables_give_the_same_bytes(tables, tmp_path):
    once = write_plots({"model_curves": tables["model_curves"]}, CHAMPION, tmp_path / "once")
    again = write_plots({"model_curves": tables["model_curves"]}, CHAMPION, tmp_path / "again")
    assert [path.read_bytes() for path in once.values()] == [path.read_bytes() for path in again.values()]
    assert b"Matplotlib" not in once["gain"].read_bytes()


def test_a_table_without_rows_has_no_picture(tables, tmp_path):
    few = {"model_curves": tables["model_curves"], "model_backtest": tables["model_backtest"].iloc[:0]}
    assert set(write_plots(few, CHAMPION, tmp_path)) == {"gain", "lift", "reliability", "score_distribution"}


@pytest.mark.parametrize("name", PLOTS)
def test_every_picture_has_a_title_and_axes_with_units(tables, name):
    table, draw = PLOTS[name]
    figure = draw(tables[table], CHAMPION)
    assert figure.get_suptitle()
    assert figure.canvas.manager is None
    units = ("%", "lift", "auc", "error", "snapshot", "rows")
    for axes in figure.axes:
        labels = [axes.get_xlabel()] + ([] if name == "importance" else [axes.get_ylabel()])
        assert all(any(unit in label.lower() for unit in units) for label in labels)


def test_the_model_is_drawn_beside_the_rules_and_what_is_possible(tables):
    for draw in (gain_plot, lift_plot):
        figure = draw(tables["model_curves"], CHAMPION)
        assert legend_of(figure) == [
            "boosted trees", "recency rule", "RFM logistic", "best possible", "by chance",
        ]  # fmt: skip
        lines = figure.axes[0].get_lines()[:3]
        assert len({line.get_color() for line in lines}) == len({line.get_linestyle() for line in lines}) == 3


def test_the_best_possible_gain_is_reached_at_the_churn_rate(tables):
    best = gain_plot(tables["model_curves"], CHAMPION).axes[0].get_lines()[3]
    report = tables["model_report"].set_index(["candidate", "metric"])["value"]
    ceiling = 1 / best.get_xdata()[1]
    assert report[CHAMPION, "lift_at_5"] <= ceiling < 2.2


def test_reliability_is_drawn_before_and_after_calibration_where_both_are_known(tables):
    figure = reliability_plot(tables["model_curves"], CHAMPION)
    assert legend_of(figure) == ["score = share that churned", "before calibration", "after calibration"]
    known = reliability_plot(tables["model_curves"], "recency_rule")
    assert legend_of(known) == ["score = share that churned", "after calibration"]


def test_the_spread_of_the_rule_alone_is_drawn_once(tables):
    labels = legend_of(score_distribution_plot(tables["model_curves"], "recency_rule"))
    assert labels.count("recency rule") == 1


def test_importance_is_drawn_for_themes_and_for_inputs(tables):
    figure = importance_plot(tables["model_importance"], CHAMPION)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "All inputs of a theme shuffled", "One input shuffled",
    ]  # fmt: skip
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names == ["paid orders 90d", "country"]
    alone = tables["model_importance"].iloc[1:]
    assert len(importance_plot(alone, CHAMPION).axes) == 1


def test_a_backtest_of_one_snapshot_shows_intervals(tables):
    both = tables["model_backtest"]
    one = both[both["as_of_date"] == TEST_DAY]
    figure = backtest_plot(one, CHAMPION)
    assert len(figure.axes[0].containers) == one["candidate"].nunique() == 3
    assert len(backtest_plot(tables["model_backtest"], CHAMPION).axes[0].containers) == 0


def test_a_few_test_snapshots_are_named_on_the_axis_and_no_other_day_is(tables):
    figure = backtest_plot(tables["model_backtest"], CHAMPION)
    figure.canvas.draw()
    named = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert named == [str(EARLIER_DAY), str(TEST_DAY)]


def test_the_learning_curve_splits_history_from_rows(tables):
    by_history, by_rows = learning_curve_plot(tables["model_learning_curve"], CHAMPION).axes
    assert list(by_history.get_lines()[0].get_xdata()) == [1, 2, 3]
    assert list(by_history.get_lines()[0].get_ydata()) == pytest.approx([0.71, 0.72, 0.73])
    assert list(by_rows.get_lines()[0].get_xdata()) == [750, 1500, 3000]


def test_the_model_keeps_its_style_whoever_it_is():
    assert styled(["rfm_logistic", "boosted_trees", "recency_rule"], "boosted_trees") == [
        ("boosted_trees", STYLES[0]), ("recency_rule", STYLES[1]), ("rfm_logistic", STYLES[2]),
    ]  # fmt: skip
    assert styled(["rfm_logistic", "recency_rule"], "recency_rule")[0] == ("recency_rule", STYLES[0])
