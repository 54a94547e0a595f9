"""Agreement of a release: every figure is that of the numerics, what is not available is named, and the card's table is cheap."""

import numpy as np
import pandas as pd
import pytest

from ppaint.dataset_script import read_raw_export
from ppaint.dataset_script.agreement_figures import all_figures, shown_experts
from ppaint.dataset_script.agreement_report import (
    PROFILE,
    AgreementReport,
    agreement_report,
    agreement_table,
    shown_means,
)
from ppaint.dataset_script.equal_cost import equal_cost
from ppaint.dataset_script.facet_agreement import FIGURES, FacetAgreement
from ppaint.dataset_script.facet_tables import facet_tables
from ppaint.dataset_script.truth_table import read_truth
from ppaint.images import InputFault
from ppaint.preference_to_score import (
    Ratings,
    expert_profiles,
    intraclass_correlation,
    kendalls_w,
    preference_ranks,
    retest_ratings,
)

DIMENSIONS = ("brushwork", "overall")


def write_truth(folder, export, **changes):
    folder.mkdir(exist_ok=True)
    ids = [row[:2] for row in export.read("paintings.csv")[1:]]
    table = pd.DataFrame(ids, columns=["painting_id", "category"])
    for dimension in DIMENSIONS:
        table[dimension] = [float(name.rsplit("_", 1)[1]) for name, _ in ids]
    table.assign(**changes).to_csv(folder / "latents.csv", index=False)
    return folder


def test_every_facet_has_the_figures_of_the_numerics(export):
    raw = read_raw_export(export.folder)
    report = agreement_report(raw)
    assert [(f.category, f.dimension) for f in report.facets] == [
        (category, dimension) for category in ("landscape", "figure") for dimension in DIMENSIONS
    ]
    for facet, tables in zip(report.facets, facet_tables(raw), strict=True):
        assert facet.figures["w_ratings"] == kendalls_w(tables.ratings.table())
        assert facet.figures["w_preferences"] == kendalls_w(preference_ranks(tables.comparisons))
        icc = intraclass_correlation(tables.ratings)
        assert facet.figures["icc_mean_high"] == icc.mean_high
        assert facet.profiles.raters == tables.ratings.raters and facet.cost is not None
    known = report.facet_table()[list(FIGURES)].notna().all()
    missing = {"variance_noise", "retest_ratings_identical", "retest_ratings_sd", "retest_preferences_identical"}
    assert set(known[~known].index) == missing  # nothing repeats
    assert report.notes() == []


def test_means_are_over_dimensions_and_then_categories(export):
    report = agreement_report(read_raw_export(export.folder), cost=False)
    table, means = report.facet_table(), report.means()
    own = table[table["category"] == "figure"]["kendalls_u"].mean()
    assert means.at["kendalls_u", "figure"] == pytest.approx(own)
    assert means.at["kendalls_u", "mean"] == pytest.approx((own + means.at["kendalls_u", "landscape"]) / 2)
    assert report.cost_table().empty


def test_the_cards_table_names_every_statistic_that_there_is_and_repeats_to_the_letter(export):
    raw = read_raw_export(export.folder)
    one, other = (agreement_table(agreement_report(raw, cost=False, profiles=False)) for _ in range(2))
    assert one == other and one.startswith("| mean over the dimensions | landscape | figure | mean |")
    for name in ("Kendall's W, ratings", "Kendall's u", "ICC(2,1)", "alpha, ordinal", "split-half", "noise ceiling"):
        assert name in one
    assert "retest" not in one and "nan" not in one


def test_the_number_of_processes_changes_nothing(export):
    for file in ("ratings.csv", "pairs.csv"):
        rows = export.read(file)
        export.write(file, [row for row in rows if "figure" not in row[0]])
    raw = read_raw_export(export.folder)
    one, two = (agreement_report(raw, cost=False, processes=number) for number in (1, 2))
    pd.testing.assert_frame_equal(one.facet_table(), two.facet_table())
    pd.testing.assert_frame_equal(one.expert_table(), two.expert_table())


def test_repeats_are_retested(export):
    export.write_config(repeats="keep")
    for row in export.read("ratings.csv")[1:7]:
        export.add("ratings.csv", *row)
    raw = read_raw_export(export.folder)
    facet = agreement_report(raw, cost=False).facets[0]
    assert facet.figures["retest_ratings_identical"] == 1
    assert retest_ratings(next(facet_tables(raw)).ratings).cells == 6


def test_figures_carry_what_they_rest_on(export):
    export.write_config(repeats="keep")
    rows = export.read("ratings.csv")
    rows = [*rows, *rows[1:4]]  # three of the first expert's ratings again, in the first facet
    rows = [row for row in rows if row[:3] != ["figure_5", "figure_expert_2", "overall"]]
    rows = [row for row in rows if row[0] != "landscape_0" or row[2] != "overall" or row[1][-1] == "0"]
    export.write("ratings.csv", rows)
    pairs = export.read("pairs.csv")
    export.write("pairs.csv", [row for row in pairs if not row[0].startswith("figure") or row[3] != "overall"])
    header, shown = shown_means(agreement_report(read_raw_export(export.folder), cost=False))
    cells = {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in shown}
    assert cells["experts who rated, in one dimension"]["mean"] == "3"
    assert cells["ratings by one expert, in one dimension"] == {
        "landscape": "5 to 9",
        "figure": "5 to 6",
        "mean": "5 to 9",
    }
    assert cells["comparisons by one expert, in one dimension"] == {"landscape": "15", "figure": "15", "mean": "15"}
    retest = cells["retest: same rating again, share (n rated again)"]
    assert retest == {"landscape": "1.000 (n = 3), 1 of 2 facets", "figure": "", "mean": "1.000 (n = 3), 1 of 4 facets"}
    halves = cells["split-half reliability, preferences (n splits of the panel)"]
    assert halves["landscape"].endswith("(n = 3)") and halves["figure"].endswith("(n = 3), 1 of 2 facets")
    assert cells["Kendall's u, preferences"]["mean"].endswith(", 3 of 4 facets")


def test_experts_are_shown_with_their_judgments_and_likeness_with_what_it_rests_on(export):
    export.write("ratings.csv", export.read("ratings.csv")[:-1])
    report = agreement_report(read_raw_export(export.folder), cost=False)
    header, rows = shown_experts(report)
    last = dict(zip(header, rows[-1], strict=True))
    assert (last["expert"], last["ratings"], last["comparisons"]) == ("figure_expert_2", "11", "30")
    assert last["same ratings as"].endswith(" of 11") and last["same answers as"].endswith(" of 30")
    assert all_figures(report)["judgments"][-1]["ratings"] == 11


def test_one_protocol_alone_is_measured_and_the_rest_is_named(export):
    (export.folder / "pairs.csv").unlink()
    report = agreement_report(read_raw_export(export.folder))
    means = report.means()["mean"]
    assert np.isfinite(means["w_ratings"]) and np.isnan(means["w_preferences"]) and report.cost_table().empty
    assert report.notes() == [
        "reliability against cost: it compares the two protocols, and one of them is absent (every facet)"
    ]


def test_a_single_expert_and_empty_facets_are_named(export):
    for file in ("ratings.csv", "pairs.csv"):
        rows = export.read(file)
        who, dimension = rows[0].index("expert_id"), rows[0].index("dimension")
        kept = [row for row in rows[1:] if row[who].endswith("_0") and row[dimension] == "overall"]
        export.write(file, [rows[0], *kept])
    report = agreement_report(read_raw_export(export.folder))
    assert report.facets[0].why_not["every figure"] == "no judgments"
    assert "two raters" in report.facets[1].why_not["ICC"] and report.facets[1].profiles is None
    assert report.expert_table().empty and report.alike_table().empty and "| mean |" in agreement_table(report)


def test_tables_of_experts_have_a_row_for_each_figure(export):
    report = agreement_report(read_raw_export(export.folder), cost=False)
    table = report.expert_table()
    assert len(table) == 4 * 3 * len(PROFILE) and len(report.expert_means()) == 2 * 3 * len(PROFILE)
    alike = report.alike_table()
    assert len(alike) == 4 * 3 * 2 and (alike["expert_id"] != alike["most_alike"]).all()


def test_an_expert_who_stands_out_is_named():
    rng = np.random.default_rng(0)
    value = np.clip(np.rint(5.5 + 2 * rng.normal(size=40) + 0.7 * rng.normal(size=(4, 40))), 1, 10)
    value[1] = 11 - value[1]
    marks = Ratings.from_arrays(np.tile(range(40), 4), np.repeat(["ann", "bob", "cid", "dee"], 40), value.ravel())
    facet = FacetAgreement("figure", "line", {}, {}, expert_profiles(None, marks), None)
    flags = AgreementReport("pilot", False, (facet,), False).flags()
    assert len(flags) == 1 and flags[0].startswith("figure / line: bob runs against the others")


def test_the_truth_is_read_and_every_fault_in_it_told(export, tmp_path):
    raw = read_raw_export(export.folder)
    truth = read_truth(write_truth(tmp_path / "truth", export), raw)
    assert truth["figure", "overall"]["figure_3"] == 3
    table = agreement_report(raw, truth=truth).cost_table()
    assert table["srcc_truth"].notna().all() and (table.groupby("protocol")["srcc_truth"].last() > 0.8).all()
    with pytest.raises(InputFault, match="missing"):
        read_truth(tmp_path / "nowhere", raw)
    write_truth(tmp_path / "truth", export, overall="none")
    with pytest.raises(InputFault) as error:
        read_truth(tmp_path / "truth", raw)
    assert len(error.value.faults) == 12 and "is not a number" in str(error.value.faults[0])
    write_truth(tmp_path / "truth", export, painting_id="landscape_0")
    with pytest.raises(InputFault) as error:
        read_truth(tmp_path / "truth", raw)
    told = " ".join(str(fault) for fault in error.value.faults)
    assert "there twice" in told and "'figure_3'" in told and "has no truth" in told


def test_equal_cost_is_read_off_the_curves():
    rows = [("ratings", 1, 1, 0.6), ("ratings", 3, 3, 0.8), ("preferences", 2, 1, 0.4), ("preferences", 32, 16, 0.7)]
    table = pd.DataFrame(rows, columns=["protocol", "involvements", "judgments", "srcc_truth"])
    found = equal_cost(table, "srcc_truth")
    assert (found.ratings, found.of_ratings, found.of_all, found.all_judgments) == (3, 0.8, 0.7, 16)
    assert np.isnan(found.needed) and "do not get there" in found.sentence()
    assert found.same_judgments == pytest.approx(0.4 + 0.3 * np.log(3) / np.log(16))
    assert found.same_involvements == pytest.approx(0.4 + 0.3 * np.log(1.5) / np.log(16))
    assert equal_cost(table.assign(srcc_held_out=np.nan), "srcc_held_out") is None
