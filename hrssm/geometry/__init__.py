"""Hyperbolic space in its coordinates; what is named here is imported from its module when it is used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hrssm.geometry.charts import from_ball as from_ball
    from hrssm.geometry.charts import from_lorentz as from_lorentz
    from hrssm.geometry.charts import to_ball as to_ball
    from hrssm.geometry.charts import to_lorentz as to_lorentz
    from hrssm.geometry.horospherical import busemann as busemann
    from hrssm.geometry.horospherical import distance as distance
    from hrssm.geometry.horospherical import exp as exp
    from hrssm.geometry.horospherical import inverse as inverse
    from hrssm.geometry.horospherical import isometry as isometry
    from hrssm.geometry.horospherical import log as log
    from hrssm.geometry.horospherical import log_volume as log_volume
    from hrssm.geometry.horospherical import origin as origin
    from hrssm.geometry.horospherical import relative as relative
    from hrssm.geometry.horospherical import volume as volume

_WHERE = {
    "busemann": "horospherical",
    "distance": "horospherical",
    "exp": "horospherical",
    "inverse": "horospherical",
    "isometry": "horospherical",
    "log": "horospherical",
    "log_volume": "horospherical",
    "origin": "horospherical",
    "relative": "horospherical",
    "volume": "horospherical",
    "from_ball": "charts",
    "from_lorentz": "charts",
    "to_ball": "charts",
    "to_lorentz": "charts",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(import_module(f"hrssm.geometry.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'hrssm.geometry' has no attribute {name!r}")
