"""The ledger of claims, each with its verdict and a link to its formula or its experiment; and the experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from web import markup
from web.markup import STATUSES, entry_link, link, text
from web.reference import Reference


def ledger(reference: Reference) -> str:
    """What proofs decide, from the registry; what runs decide, from the ledger of a scale that was run here."""
    here, found = "ledger/", reference.ledger
    scale = (
        f"<p>Verdicts on runs of the scale <code>{text(found['scale'])}</code>, each by the rule that its experiment's "
        "file fixed beforehand.</p>"
        if found
        else "<p>No experiment was run where this site was built, so the claims stand without a verdict; "
        "<code>make paper</code> runs them, and <code>make site</code> then shows what came out.</p>"
    )
    return markup.page(
        "Ledger",
        "## Decided by proof",
        markup.table(("formula", "statement", "verdict", "level"), _proved(reference, here), "wide"),
        "## Decided by experiment",
        scale,
        markup.table(("claim", "statement", "verdict", "difference"), _run(reference, here), "wide"),
        wide=True,
    )


def _proved(reference: Reference, here: str) -> list[tuple[str, ...]]:
    rows = []
    for id, entry in reference.entries.items():
        if entry["status"] == "new":
            continue
        places = ", ".join(f"{s['key']} {s['place']}".strip() for s in entry["sources"])
        verdict = f'<span class="verdict {entry["status"]}">{text(STATUSES[entry["status"]])} {text(places)}</span>'
        rows.append((entry_link(id, here), text(entry["title"]), verdict, text(entry["level"])))
    return rows


def _run(reference: Reference, here: str) -> list[tuple[str, ...]]:
    decided = {(c["experiment"], c["id"]): c for c in (reference.ledger or {}).get("claims", ())}
    rows = []
    for key, (_, content) in reference.experiments.items():
        for claim in content.get("claims", ()):
            found = decided.get((content["id"], claim["id"]))
            to = link(f"experiments/{key}/#{claim['id']}", f"<code>{text(claim['id'])}</code>", here)
            rows.append((to, text(claim["statement"]), _verdict(found), _difference(found)))
    return rows


def _verdict(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return '<span class="verdict none">not run</span>'
    why = f" ({text(found['why'])})" if found.get("why") else ""
    return f'<span class="verdict {markup.attribute(found["verdict"])}">{text(found["verdict"])}</span>{why}'


def _difference(found: Mapping[str, Any] | None) -> str:
    value = (found or {}).get("difference") or {}
    if value.get("mean") is None:
        return ""
    interval = f" [{value['low']:.3g}, {value['high']:.3g}]" if value.get("low") is not None else ""
    return text(
        f"{value['mean']:.3g}{interval}, {value['n']} seeds" if "n" in value else f"{value['mean']:.3g}{interval}"
    )


def experiment(key: str, reference: Reference) -> str:
    """An experiment: what it asks, what it claims, and its file."""
    path, content = reference.experiments[key]
    here, known = f"experiments/{key}/", reference.entries
    decided = {c["id"]: c for c in (reference.ledger or {}).get("claims", ()) if c["experiment"] == content["id"]}
    items = (
        f'<span id="{markup.attribute(c["id"])}"></span><code>{text(c["id"])}</code> {text(c["statement"])} '
        f"{_verdict(decided.get(c['id']))} <small>{markup.prose(str(c.get('source', '')), known, here)}</small>"
        for c in content.get("claims", ())
    )
    question = content.get("question", "")
    claims = markup.listing(items)
    return markup.page(
        content.get("title", key),
        f"<p>{text(str(question))}</p>" if question else "",
        f"<p>{text(str(content['setup']))}</p>" if content.get("setup") else "",
        f"## Claims\n\n{claims}" if claims else "",
        f"## {text(path.relative_to(reference.root).as_posix())}",
        markup.fenced(path.read_text(encoding="utf-8"), "yaml"),
    )


def experiments(reference: Reference) -> str:
    """All experiments, by their folder."""
    folders: dict[str, list[str]] = {}
    for key, (path, _) in reference.experiments.items():
        folders.setdefault(path.parent.name, []).append(key)
    parts = []
    for folder, keys in folders.items():
        rows = (
            f"{link(f'{key}/', f'<code>{text(key)}</code>')} {text(reference.experiments[key][1].get('title', ''))}"
            for key in keys
        )
        parts += [f"## {text(folder)}", markup.listing(rows)]
    return markup.page("Experiments", *parts)
