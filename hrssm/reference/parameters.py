"""Parameter sets of the reference, read exactly from decimal strings, floats or distributions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

#: Short names, as the formulas write them, for the names of the distributions.
SHORT = {
    "mu": "height_loc",
    "beta": "fibre_loc",
    "sigma": "height_scale",
    "s": "fibre_scale",
    "kappa": "coupling",
    "d": "dim",
}


@dataclass(frozen=True)
class Horospherical:
    """A horospherical Gaussian with a coupling (1 is HG itself): exact rationals, m = d - 1 fibre coordinates.

    Source: `hg-normaliser`, `hgk-density`.
    """

    height_loc: Fraction
    fibre_loc: tuple[Fraction, ...]
    height_scale: Fraction
    fibre_scale: tuple[Fraction, ...]
    coupling: Fraction = Fraction(1)

    @property
    def dim(self) -> int:
        """The dimension d of hyperbolic space."""
        return 1 + len(self.fibre_loc)


@dataclass(frozen=True)
class RiemannianNormal:
    """The Riemannian normal RN(o, sigma) on H^d, centred at height `height_loc` and fibre point `fibre_loc`.

    Source: `rn-normaliser`.
    """

    scale: Fraction
    height_loc: Fraction
    fibre_loc: tuple[Fraction, ...]

    @property
    def dim(self) -> int:
        """The dimension d of hyperbolic space."""
        return 1 + len(self.fibre_loc)


def exact(value: Any, name: str) -> Fraction:
    """The exact rational that a decimal string ("0.3"), a fraction ("3/10"), an int or a float stands for.

    A float stands for the binary number it holds, which for 0.3 is not 3/10; write "0.3" for three tenths. Raises
    ValueError for what is not a finite number.
    """
    try:
        if isinstance(value, str):
            text = value.strip()
            return Fraction(text) if "/" in text else Fraction(Decimal(text))
        if hasattr(value, "item"):
            value = value.item()
        return Fraction(value)
    except (ValueError, InvalidOperation, OverflowError, TypeError, ZeroDivisionError) as error:
        raise ValueError(
            f'{name} was given as {value!r}; allowed is a finite number such as 0.3, "0.3" or "3/10"'
        ) from error


def _vector(value: Any, name: str) -> tuple[Fraction, ...]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str):
        value = [part for part in value.strip("[]() ").split(",") if part.strip()]
    if not isinstance(value, Sequence):
        value = [value]
    return tuple(exact(entry, f"{name}[{i}]") for i, entry in enumerate(value))


def _positive(value: Fraction, name: str) -> Fraction:
    if value <= 0:
        raise ValueError(f"{name} was given as {float(value):g}; allowed is a number > 0")
    return value


def _mapping(text: str) -> dict[str, Any]:
    """Reads `mu=0.3, beta=[0.1,-0.2], sigma=0.5, s=0.8`; commas inside brackets belong to the vector."""
    found = re.findall(r"([A-Za-z_]+)\s*=\s*(\[[^\]]*\]|[^,\s;]+)", text)
    left = re.sub(r"([A-Za-z_]+)\s*=\s*(\[[^\]]*\]|[^,\s;]+)", "", text).strip(" ,;")
    if not found or left:
        raise ValueError(
            f"the parameter set was given as {text!r}; allowed is name=value, separated by commas, such as "
            '"mu=0.3, beta=[0.1,-0.2], sigma=0.5, s=0.8" or, for the Riemannian normal, "family=rn, sigma=0.3, d=3"'
        )
    names = [name for name, _ in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"the parameter {sorted(twice)[0]!r} was given twice in {text!r}; allowed is once")
    return dict(found)


def read(parameters: Any, side: str) -> Horospherical | RiemannianNormal:
    """The parameter set that a mapping, a text or a distribution of `hrssm.distributions` stands for.

    A mapping holds `height_loc, fibre_loc, height_scale, fibre_scale` and optionally `coupling` (or `mu, beta, sigma,
    s, kappa`) for the horospherical Gaussian, and `family="rn"`, `sigma` and either `d` or the centre
    `height_loc, fibre_loc` for the Riemannian normal. `side` names the set in errors. Raises ValueError for a
    parameter that is unknown, missing or out of its domain, and TypeError for anything else.
    """
    if isinstance(parameters, Horospherical | RiemannianNormal):
        return parameters
    if isinstance(parameters, str):
        parameters = _mapping(parameters)
    elif not isinstance(parameters, Mapping):
        parameters = _from_distribution(parameters, side)
    given: dict[str, Any] = {SHORT.get(str(name), str(name)): value for name, value in parameters.items()}
    if len(given) != len(parameters):
        raise ValueError(
            f"{side} gives a parameter under both its names: {', '.join(sorted(parameters))}; allowed is one of them"
        )
    family = str(given.pop("family", "hg")).lower()
    if family in ("rn", "riemannian_normal"):
        return _riemannian_normal(given, side)
    if family not in ("hg", "hgk", "horospherical"):
        raise ValueError(f"{side}: family was given as {family!r}; allowed are hg (with any coupling) and rn")
    _names(given, side, {"height_loc", "fibre_loc", "height_scale", "fibre_scale"}, {"coupling", "dim"})
    fibre_loc = _vector(given["fibre_loc"], f"{side}: fibre_loc")
    fibre_scale = _vector(given["fibre_scale"], f"{side}: fibre_scale")
    if "dim" in given:
        fibre_loc = _filled(fibre_loc, given["dim"], side)
    if not fibre_loc:
        raise ValueError(f"{side}: fibre_loc has no entry; allowed are d - 1 >= 1 entries")
    if len(fibre_scale) not in (1, len(fibre_loc)):
        raise ValueError(
            f"{side}: fibre_scale has {len(fibre_scale)} entries; allowed are 1 or {len(fibre_loc)}, "
            "as many as fibre_loc"
        )
    for i, scale in enumerate(fibre_scale):
        _positive(scale, f"{side}: fibre_scale[{i}]" if len(fibre_scale) > 1 else f"{side}: fibre_scale")
    return Horospherical(
        exact(given["height_loc"], f"{side}: height_loc"),
        fibre_loc,
        _positive(exact(given["height_scale"], f"{side}: height_scale"), f"{side}: height_scale"),
        fibre_scale * (len(fibre_loc) if len(fibre_scale) == 1 else 1),
        exact(given.get("coupling", 1), f"{side}: coupling"),
    )


def _names(given: Mapping[str, Any], side: str, needed: set[str], optional: set[str]) -> None:
    unknown = sorted(set(given) - needed - optional)
    if unknown:
        raise ValueError(
            f"{side}: unknown parameter {unknown[0]!r}; allowed are {', '.join(sorted(needed | optional))}"
        )
    missing = sorted(needed - set(given))
    if missing:
        raise ValueError(f"{side}: {missing[0]} is missing; given were {', '.join(sorted(given)) or 'none'}")


def _filled(fibre: tuple[Fraction, ...], dim: Any, side: str) -> tuple[Fraction, ...]:
    d = exact(dim, f"{side}: d")
    if d.denominator != 1 or d < 2:
        raise ValueError(f"{side}: d was given as {dim}; allowed is an integer >= 2")
    if len(fibre) == 1:
        return fibre * (int(d) - 1)
    if len(fibre) != d - 1:
        raise ValueError(f"{side}: fibre_loc has {len(fibre)} entries and d is {d}; allowed are 1 or d - 1 entries")
    return fibre


def _riemannian_normal(given: dict[str, Any], side: str) -> RiemannianNormal:
    given = {("scale" if name == "height_scale" else name): value for name, value in given.items()}
    _names(given, side, {"scale"}, {"height_loc", "fibre_loc", "dim"})
    if "fibre_loc" not in given and "dim" not in given:
        raise ValueError(f"{side}: neither d nor fibre_loc is given; allowed is either, for the dimension")
    fibre = _vector(given.get("fibre_loc", "0"), f"{side}: fibre_loc")
    if "dim" in given:
        fibre = _filled(fibre, given["dim"], side)
    return RiemannianNormal(
        _positive(exact(given["scale"], f"{side}: sigma"), f"{side}: sigma"),
        exact(given.get("height_loc", 0), f"{side}: height_loc"),
        fibre,
    )


def _from_distribution(law: Any, side: str) -> dict[str, Any]:
    from hrssm.distributions import HorosphericalGaussian, RiemannianNormal

    if isinstance(law, HorosphericalGaussian | RiemannianNormal) and tuple(law.batch_shape):
        raise ValueError(
            f"{side} has batch shape {tuple(law.batch_shape)}; allowed is one distribution, batch shape ()"
        )
    if isinstance(law, HorosphericalGaussian):
        names = ("height_loc", "fibre_loc", "height_scale", "fibre_scale", "coupling")
        return {name: getattr(law, name) for name in names}
    if isinstance(law, RiemannianNormal):
        return {"family": "rn", "scale": law.scale, "height_loc": law.loc[0], "fibre_loc": law.loc[1:]}
    raise TypeError(
        f"{side} was given as {type(law).__name__}; allowed are a mapping of parameters, a text such as "
        '"mu=0.3, beta=[0.1], sigma=0.5, s=0.8", a HorosphericalGaussian or a RiemannianNormal'
    )
