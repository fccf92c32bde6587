"""`cite`: how to cite a formula, or whatever in this package computes it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from hrssm import __version__, formulas

__all__ = ["FORMATS", "cite", "formulas_of"]


def cite(obj: Any, format: str = "bibtex") -> str:
    """The citation of a formula, given by its id, or of every formula that an object of this package implements.

    `obj` is an id such as "hg-kl", or a class, function, method or instance of hrssm. `format` is one of bibtex
    (items to cite), latex or typst (the displayed formula), text (a line with statement, level and source) or
    python (a function that evaluates it with mpmath). Items are separated by a blank line.

    Raises KeyError for an id that does not exist, and ValueError for another format, for an object that no formula
    claims, and for a formula without numbers in format python.

    All but python name the version of hrssm and the digest of the formula, which is that of what it states: the same
    digest in `hrssm show`, in a later version too, is the same formula.

    >>> print(cite("hg-kl-height", format="text").splitlines()[0])
    Height term of the KL (hg-kl-height, level S).
    """
    if format not in FORMATS:
        raise ValueError(f"format was given as {format!r}; allowed are {', '.join(FORMATS)}")
    if isinstance(obj, str):
        return FORMATS[format](obj, formulas.entry(obj))
    found = formulas_of(obj)
    if not found:
        name = getattr(obj, "__qualname__", None) or type(obj).__qualname__
        raise ValueError(
            f"no formula claims {name}; allowed are the ids and functions that `hrssm formulas` lists, such as "
            "hrssm.distributions.HorosphericalGaussian"
        )
    cited = []
    for id in found:
        try:
            cited.append(FORMATS[format](id, formulas.entry(id)))
        except ValueError:  # no Python for this one; the others have it
            continue
    return "\n\n".join(text.rstrip("\n") for text in cited)


def formulas_of(obj: Any) -> list[str]:
    """The ids of the formulas that a class (with its methods), function or instance of this package implements."""
    targets = [obj] if isinstance(obj, type) or (callable(obj) and hasattr(obj, "__qualname__")) else [type(obj)]
    target = getattr(targets[0], "__func__", targets[0])
    return [id for id, found in formulas.entries().items() if any(_is(name, target) for name in found["implements"])]


def _is(name: str, target: Any) -> bool:
    """Whether a dotted name means `target`, or a method of the class `target`."""
    path = resolve(name)
    return any(step is target or getattr(step, "fget", None) is target for step in path)


def resolve(name: str) -> list[Any]:
    """The class or function that a dotted name means, and its method if it names one; [] when not imported.

    Only modules that are imported already are looked at: an object in hand has its module loaded.
    """
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:cut]))
        if module is None:
            continue
        found: list[Any] = []
        here: Any = module
        for part in parts[cut:]:
            if isinstance(here, type):
                here = next((vars(c)[part] for c in here.__mro__ if part in vars(c)), None)
            else:
                here = getattr(here, part, None)
            if here is None:
                return found  # a registered KL is named Class.kl: it is the class's own, without being an attribute
            found.append(here)
        return found
    return []


def _bibtex(id: str, found: Mapping[str, Any]) -> str:
    items = formulas.read("formulas.bib").split("@misc{")
    return next("@misc{" + item.rstrip() for item in items if item.startswith(f"{id},"))


def _latex(id: str, found: Mapping[str, Any]) -> str:
    return f"% {_heading(id, found)}\n\\[\n{found['statement']['latex']}\n\\]"


def _typst(id: str, found: Mapping[str, Any]) -> str:
    return f"// {_heading(id, found)}\n$ {found['statement']['typst']} $"


def _heading(id: str, found: Mapping[str, Any]) -> str:
    return f"{id}: {found['title']} (hrssm {__version__}, digest {found['digest']})"


def _text(id: str, found: Mapping[str, Any]) -> str:
    lines = [f"{found['title']} ({id}, level {formulas.mark(found)}).", found["statement"]["text"]]
    lines += [f"Not checked: {u['words']} ({u['theorem']}: {u['source']}, {u['place']})." for u in found["unchecked"]]
    sources = "; ".join(f"{s['key']}, {s['place']}" if s["place"] else s["key"] for s in found["sources"])
    relation = {"refutes": "Refutes", "corrects": "Corrects", "proves": "Stated in"}.get(found["status"], "See")
    if sources:
        lines.append(f"{relation} {sources}.")
    lines.append(f"hrssm {__version__}: the verified reference for hyperbolic latent world models, 2026.")
    lines.append(f"Digest of the formula: {found['digest']}.")
    return "\n".join(lines)


def _python(id: str, found: Mapping[str, Any]) -> str:
    code = found["statement"]["python"]
    if code is None:
        raise ValueError(f"{id} has no numbers to evaluate; allowed formats for it are bibtex, latex, typst and text")
    return code


#: What each format gives for an id and its entry.
FORMATS: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    "bibtex": _bibtex,
    "latex": _latex,
    "typst": _typst,
    "text": _text,
    "python": _python,
}
