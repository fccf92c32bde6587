"""`hrssm formulas`, `hrssm show`, `hrssm cite`, `hrssm kl`: the reference on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hrssm import formulas as reference
from hrssm.citation import FORMATS, cite

PARAMETERS = "name=value, separated by commas: mu, beta, sigma, s, kappa, d; or family=rn, sigma, d, mu, beta"


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command("formulas")(formulas)
    app.command("show")(show)
    app.command("cite")(citation)
    app.command("kl")(kl)


def formulas(
    word: Annotated[str | None, typer.Argument(help="Only entries with this word in id, title or statement.")] = None,
    chapter: Annotated[str | None, typer.Option(help="Only entries of this chapter.")] = None,
) -> None:
    """List the formulas of the reference: id, title, level of proof, verdict."""
    found = reference.search(word, chapter)
    if not found:
        raise ValueError(f"no formula has {word!r} in its id, title, statement or symbols; `hrssm formulas` lists all")
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "title", "level", "verdict", "status"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for id, entry in found.items():
        table.add_row(id, entry["title"], reference.mark(entry), entry["verdict"], entry["status"])
    console = Console(soft_wrap=False)
    console.print(table)
    levels = ", ".join(
        f"{sum(e['level'] == k for e in found.values())} {k}"
        for k in (*reference.LEVELS, "-")
        if any(e["level"] == k for e in found.values())
    )
    console.print(
        f"{len(found)} formulas: {levels} (S symbolic, B ball enclosure, N numeric, C cited; * where steps, as many as "
        "the number says, are accepted by a cited theorem and not checked).",
        highlight=False,
    )


def show(
    id: Annotated[str, typer.Argument(help="The formula's id, such as hg-kl.")],
    steps: Annotated[bool, typer.Option(help="Print the steps of the proof in full.")] = True,
    plain: Annotated[bool, typer.Option("--plain", help="Formulas in one line of ASCII instead of drawn.")] = False,
    web: Annotated[bool, typer.Option("--web", help="Open its page of the site that `make site` built.")] = False,
) -> None:
    """Show a formula: statement, domain, proof steps, certificate, mutation score, and who implements it."""
    entry = _entry(id)
    if web:
        return _open(id)
    console = Console()
    drawn = not plain and _draws(console)

    def section(heading: str, lines: list[str]) -> None:
        if lines:
            console.print(Text(f"\n{heading}", style="bold"))
            for line in lines:
                console.print(Text(f"  {line}"), no_wrap=heading == "Statement", overflow="ignore", crop=False)

    console.print(Text(f"{id}: {entry['title']}", style="bold"))
    outcome = f"level {reference.mark(entry)}, verdict {entry['verdict']}; {_status(entry)}; digest {entry['digest']}"
    console.print(Text(outcome))
    section("Statement", entry["statement"]["unicode" if drawn else "text"].splitlines())
    section("Symbols", [_symbol(s, drawn) for s in entry["symbols"]])
    section("Assumptions", list(entry["assumptions"]))
    section("Conventions", list(entry["conventions"]))
    if steps:
        section("Proof", [_step(i, step) for i, step in enumerate(entry["steps"], 1)])
    section("Not checked", [f"{u['words']} [{u['theorem']}: {u['source']}, {u['place']}]" for u in entry["unchecked"]])
    section("Certificate", _certificate(entry))
    section("Uses", list(entry["uses"]))
    section("Implemented by", _implementers(entry))


def citation(
    id: Annotated[str, typer.Argument(help="The formula's id, such as hg-kl.")],
    format: Annotated[str, typer.Option(help=f"One of {', '.join(FORMATS)}.")] = "bibtex",
) -> None:
    """Print the citation of a formula."""
    _entry(id)
    typer.echo(cite(id, format).rstrip("\n"))


def kl(
    q: Annotated[str, typer.Option(help=f"Parameters of q: {PARAMETERS}.")],
    p: Annotated[str, typer.Option(help="Parameters of p, in the same way.")],
    digits: Annotated[int, typer.Option(help="Digits that both results are good for.")] = 50,
) -> None:
    """Print KL(q, p) in nats by two roads, in rigorous balls, and whether the two agree.

    Of horospherical Gaussians of any coupling by closed form and by integral; with a Riemannian normal on either side
    by two integrals, as no closed form is known.
    """
    from hrssm.reference import kl as enclose

    try:
        result = enclose(q, p, digits)
    except (ImportError, ArithmeticError) as error:
        raise ValueError(str(error)) from error
    typer.echo(str(result))
    if not result.agree:
        raise typer.Exit(1)


def _entry(id: str) -> Mapping[str, Any]:
    try:
        return reference.entry(id)
    except KeyError as error:
        raise ValueError(error.args[0]) from None


def _open(id: str) -> None:
    """Open a formula's page: of the site in this folder, or in the checkout that this package lies in."""
    import webbrowser

    places = [folder / "site" / id / "index.html" for folder in (Path.cwd(), Path(__file__).parents[2])]
    page = next((place for place in places if place.is_file()), None)
    if page is None:
        raise ValueError(f"there is no page for {id} in {places[0].parents[1]}; `make site` in a checkout builds it")
    typer.echo(page)
    webbrowser.open(page.as_uri())


def _draws(console: Console) -> bool:
    """Whether the terminal's encoding has the characters that formulas are drawn with."""
    try:
        "‖μ⎛─".encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True


def _symbol(symbol: Mapping[str, str], drawn: bool) -> str:
    in_code = f" (in code {symbol['name']})" if symbol["text"] != symbol["name"] else ""
    return f"{symbol['unicode' if drawn else 'text']}  {symbol['domain']}: {symbol['role']}{in_code}"


def _status(entry: Mapping[str, Any]) -> str:
    places = ", ".join(f"{s['key']} {s['place']}".strip() for s in entry["sources"])
    word = {"proves": "as stated in", "refutes": "refutes", "corrects": "corrects", "new": "new"}[entry["status"]]
    return f"{word} {places}" if places and entry["status"] != "new" else word


def _step(number: int, step: Mapping[str, Any]) -> str:
    equation = f"{_short(step['lhs'])} {step['op'].replace('==', '=')} {_short(step['rhs'])}"
    return f"{number}. {step['words'] or equation}\n       {equation}\n       [{step['rewrite']}: {step['verdict']}]"


def _short(text: str, most: int = 240) -> str:
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def _certificate(entry: Mapping[str, Any]) -> list[str]:
    found, mutation = entry["certificate"], entry["mutation"]
    lines = []
    if found:
        lines.append(
            f"{found['verdict']} at {found['points']} exact points; balls of relative width {found['width']:.0e} or "
            f"less; {found['mpmath_digits']} digits shared with mpmath"
        )
    elif entry["uncertified"]:
        lines.append(f"none: {entry['uncertified']}")
    if mutation:
        killed, total = mutation["killed"], mutation["killed"] + len(mutation["surviving"])
        lines.append(f"{killed} of {total} mutants fell")
        lines += [f"equivalent mutant {m['mutant']}: {m['reason']}" for m in mutation["equivalent"]]
    return lines


def _implementers(entry: Mapping[str, Any]) -> list[str]:
    proved: dict[str, list[str]] = {}
    for claim in entry["code"]:
        dimensions = ", ".join(map(str, claim["dimensions"]))
        words = f"{claim.get('variant', '')} [{claim['verdict']}, d = {dimensions}]".strip()
        proved.setdefault(claim["implements"], []).append(words)
    lines = []
    for name in entry["implements"]:
        if name in proved:
            lines += [f"{name}: code proved equal, {words}" for words in proved[name]]
        else:
            lines.append(name)
    return lines
