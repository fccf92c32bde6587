"""One more experiment file is one more experiment: loaded, summarised, tabulated, drawn and judged by what stands in
it, and a name in it that its system does not record is refused where it stands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from matplotlib.pyplot import close

from experiments.report import ledger, summary, tables
from experiments.report.figures import make
from experiments.report.figures.style import style
from experiments.report.jobs import jobs
from experiments.report.select import Selection
from hrssm.experiment.experiment import ExperimentError, load, load_all
from tests.report.synthetic import MORE, ROOT, SCALE, SCALES, SHRUNK, copy_experiments, invent_all


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with experiment 3 and a tenth one, which shows a cell of it."""
    system = tmp_path / "experiments" / "rssm"
    system.mkdir(parents=True)
    shutil.copy(ROOT / "experiments" / "rssm" / "e3_seeds.yaml", system)
    (system / "e90_more.yaml").write_text(MORE)
    (tmp_path / "experiments" / "scales.yaml").write_text(SCALES)
    return tmp_path


@pytest.mark.slow
def test_every_experiment_of_every_system_goes_all_the_way(tmp_path: Path) -> None:
    """What its file asks for is recorded by its system: no claim is about nothing, no panel is empty."""
    files, results = copy_experiments(tmp_path / "experiments"), tmp_path / "results"
    plan = {id: experiment.at(SHRUNK) for id, experiment in load_all(files).items()}
    assert {e.path.parent.name for e in plan.values()} >= {"rssm", "updates"}
    invent_all(results / SCALE, plan)
    for script in (summary, tables, ledger, make):
        assert script.main(["--scale", SCALE, "--results", str(results), "--experiments", str(files)]) == 0
    claims = json.loads((results / SCALE / "ledger.json").read_text())["claims"]
    assert [c["id"] for c in claims] == [c.id for e in plan.values() for c in e.claims]
    assert not [c["id"] for c in claims if c["difference"]["n"] not in (5, 10)]
    assert len({c["id"] for c in claims}) == len(claims)
    read = summary.read_summary(results / SCALE)
    names: list[str] = []
    for experiment in plan.values():
        table = json.loads((results / SCALE / "tables" / f"{experiment.id}.json").read_text())
        shown = {
            (row["cell"], group["metric"]) for b in table["blocks"] for group in b["groups"] for row in group["rows"]
        }
        counterparts = experiment.vocabulary.counterparts
        asked = {counterparts.get(metric, metric) for metric in experiment.metrics} | set(experiment.metrics)
        assert {metric for _, metric in shown} <= asked | {p["metric"] for p in printed_in(table)}
        assert {cell for cell, _ in shown} == set(experiment.shown), experiment.id
        for figure in experiment.figures:
            names.append(figure.name)
            with style():
                drawn = make.make_figure(make.Data(figure, Selection(experiment, read), []))
                assert all(axes.has_data() for axes in drawn.axes), f"{figure.name} has an empty panel"
                close(drawn)
    assert len(set(names)) == len(names), "two figures of one name: one would overwrite the other"


def printed_in(table: dict) -> list[dict]:
    return [
        {"metric": group["metric"]}
        for block in table["blocks"]
        for group in block["groups"]
        for row in group["rows"]
        if row["printed"]
    ]


def test_it_goes_all_the_way(folder: Path) -> None:
    files, results = folder / "experiments", folder / "results"
    plan = load_all(files)
    assert [(e.id, e.number) for e in plan.values()] == [("e3_seeds", 3), ("e90_more", 90)]
    assert {name for job in jobs(plan, SHRUNK) if job.experiment.id == "e90_more" for name in job.cells} == {
        "hg", "hg-wide",
    }  # fmt: skip
    invent_all(results / SCALE, plan)
    for script in (summary, tables, ledger, make):
        assert script.main(["--scale", SCALE, "--results", str(results), "--experiments", str(files)]) == 0
    made = results / SCALE
    described = json.loads((made / "summary.json").read_text())
    assert [e["id"] for e in described["experiments"]] == ["e3_seeds", "e90_more"]
    table = json.loads((made / "tables" / "e90_more.json").read_text())
    groups = {g["metric"]: [r["cell"] for r in g["rows"]] for b in table["blocks"] for g in b["groups"]}
    assert groups == {"kl": ["hg", "hg-wide", "shared"], "rho_height": ["hg", "hg-wide", "shared"]}
    assert table["figures"] == [{"name": "e90-dots", "caption": "Dots."}, {"name": "e90-lines", "caption": "Lines."}]
    for name in ("e90-dots", "e90-lines"):
        assert (made / "figures" / f"{name}.svg").read_text().startswith("<?xml")
    (claim,) = [c for c in json.loads((made / "ledger.json").read_text())["claims"] if c["experiment"] == "e90_more"]
    assert claim["id"] == "e90-wider-is-less"
    assert claim["difference"]["n"] == 5
    assert claim["rule"] == "KL (nats) of HG, d = 4 is smaller than KL (nats) of HG, d = 16 (untrained) by more than 5"


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words"),
    [
        (
            "metrics: [kl, rho_height]",
            "metrics: [kl, rho_heigth]",
            6,
            "metrics: metric 'rho_heigth' is unknown; known:",
        ),
        (
            "quantity: {cell: hg, metric: kl}",
            "quantity: {cell: hg, metric: kll}",
            19,
            "metric: metric 'kll' is unknown",
        ),
        (
            "cell: hg, metric: kl}",
            "cell: gh, metric: kl}",
            19,
            "cell: there is no cell 'gh'; the cells are: hg, hg-wide",
        ),
        ("control: untrained", "control: untrian", 21, "control: control 'untrian' is unknown; known: trained, blind-"),
        ("protocol: published", "protocol: publish", 21, "protocol: protocol 'publish' is unknown; known: published,"),
        ("range: in", "range: inside", 21, "range: range 'inside' is unknown; known: in, out"),
        ("controls: [blind-clock]", "controls: [clock]", 27, "controls: control 'clock' is unknown; known: trained,"),
        (
            "metrics: [alignment, kl]",
            "metrics: [alignments, kl]",
            26,
            "metrics: metric 'alignments' is unknown; known:",
        ),
        ("metrics: [alignment, kl]", "metrics: []", 26, "metrics: List should have at least 1 item"),
        ("draw: curves", "draw: curve", 30, "draw: Input should be 'cells', 'dimensions', 'curves', 'ranges' or"),
        ("metrics: [loss]", "metrics: [losses]", 31, "metrics: metric 'losses' is unknown"),
        ("name: e90-dots", "name: ../dots", 24, "name: String should match pattern"),
        ("id: e90-wider-is-less", "id: e90 wider", 16, "id: String should match pattern"),
        ('relation: "<"', 'relation: "<="', 20, "relation: Input should be '>', '<' or '='"),
        ("margin: 5.0", "margin: -5.0", 22, "margin: Input should be greater than or equal to 0"),
    ],
)
def test_a_misspelt_name_is_refused_where_it_stands(
    folder: Path, right: str, wrong: str, line: int, words: str
) -> None:
    file = folder / "experiments" / "rssm" / "e90_more.yaml"
    assert MORE.count(right) == 1
    file.write_text(MORE.replace(right, wrong))
    for read in (lambda: load(file), lambda: load_all(folder / "experiments")):
        with pytest.raises(ExperimentError) as caught:
            read()
        assert any(f"{file}:{line}: {words}" in said for said in str(caught.value).splitlines()), str(caught.value)


def test_a_claim_about_a_shared_cell_is_checked_as_well(folder: Path) -> None:
    file = folder / "experiments" / "rssm" / "e90_more.yaml"
    file.write_text(MORE.replace("e3_seeds/hg-d16", "e3_seeds/hg-d61"))
    with pytest.raises(
        ExperimentError, match=r"e3_seeds/hg-d61, named by cell shared, does not exist; allowed are hg-"
    ):
        load_all(folder / "experiments")


def test_sides_without_a_common_seed_are_refused(folder: Path) -> None:
    """Paired by seed they would be undecided for ever, and nobody would be told why."""
    file = folder / "experiments" / "rssm" / "e90_more.yaml"
    file.write_text(MORE.replace("first_seed: 0", "first_seed: 5"))
    with pytest.raises(
        ExperimentError, match=r"e90_more.yaml:21: against: .* none in common \(seeds from 5 and from 0\)"
    ):
        load_all(folder / "experiments")
    file.write_text(
        MORE.replace("first_seed: 0", "first_seed: 5").replace("control: untrained", "control: blind-clock")
    )
    load_all(folder / "experiments")
    file.write_text(MORE.replace("  latent: {family: hg}", "  data_seed: 7"))
    with pytest.raises(ExperimentError, match=r"none in common \(data seeds \[7\] and \[42\]\)"):
        load_all(folder / "experiments")
