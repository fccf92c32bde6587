"""The reference on the command line: what it prints, and one paragraph for what can go wrong."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from hrssm.cli.formulas import register


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")
    app = typer.Typer(pretty_exceptions_enable=False)
    register(app)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_formulas_lists_and_filters(run) -> None:
    everything = run("formulas")
    assert everything.exit_code == 0
    assert "hg-kl" in everything.output
    drift = run("formulas", "drift")
    assert "hg-kl-drift" in drift.output
    assert "geo-metric" not in drift.output
    chapter = run("formulas", "--chapter", "coupled-family")
    assert "hgk-kl" in chapter.output
    assert "hg-mgf" not in chapter.output


def test_show_has_all_its_parts(run) -> None:
    shown = run("show", "hg-kl", "--plain")
    assert shown.exit_code == 0
    for part in (
        "level S, verdict true",
        "digest ",
        "KL(q || p) = log(sigma_p/sigma_q) + ",
        "mu_q  real",
        "|beta_q - beta_p|  non-negative: distance of the fibre locations beta_q and beta_p (in code delta)",
        "Proof",
        "exact points",
        "mutants fell",
        "code proved equal",
    ):
        assert part in shown.output, part


def test_show_draws_unless_told_to_be_plain(run) -> None:
    drawn = run("show", "hg-kl-drift", "--no-steps").output
    assert "KL_drift(q ‖ p) = ──────────── e" in drawn
    assert "μ_q  real: height location of q (in code mu_q)" not in drawn
    assert run("show", "hg-kl-drift", "--no-steps", "--plain").output.isascii()


def test_a_drawing_keeps_its_lines_in_a_narrow_terminal(run, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = run("show", "hg-kl", "--no-steps").output.splitlines()
    monkeypatch.setenv("COLUMNS", "40")
    narrow = run("show", "hg-kl", "--no-steps").output.splitlines()
    drawing = [line for line in wide if any(sign in line for sign in "─⎛⎜⎝")]
    assert len(drawing) >= 4
    assert all(line in narrow for line in drawing)


def test_show_opens_the_page_of_a_site_that_was_built(run, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "site" / "hg-kl" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("a page")
    assert run("show", "hg-kl", "--web").exit_code == 0
    assert opened == [page.as_uri()]


@pytest.mark.parametrize("format", ["bibtex", "latex", "typst", "text", "python"])
def test_cite(run, format: str) -> None:
    cited = run("cite", "hg-kl", "--format", format)
    assert cited.exit_code == 0
    assert len(cited.output) > 50


def test_kl_prints_both_roads(run) -> None:
    printed = run("kl", "--q", "mu=0,beta=0.5,sigma=1,s=1", "--p", "mu=0,beta=0,sigma=1,s=1", "--digits", "30")
    assert printed.exit_code == 0
    assert printed.output.count("0.9236320123663312784") >= 2
    assert "the two agree" in printed.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "hg-kul"), "no formula has the id 'hg-kul'; near it: hg-kl"),
        (("cite", "hg-kl", "--format", "word"), "format was given as 'word'; allowed are"),
        (("formulas", "unheard-of"), "no formula has 'unheard-of'"),
        (("formulas", "--chapter", "poetry"), "chapter was given as 'poetry'; allowed are geometry"),
        (("kl", "--q", "mu=0,beta=0,sigma=0,s=1", "--p", "mu=0,beta=0,sigma=1,s=1"), "q: height_scale was given as 0"),
    ],
)
def test_errors_are_sentences(run, words: tuple[str, ...], message: str) -> None:
    """The app turns a ValueError into one paragraph and exit status 2; here it comes through as itself."""
    result = run(*words)
    assert isinstance(result.exception, ValueError)
    assert message in str(result.exception)
