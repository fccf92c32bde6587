"""The verified reference: every formula proved, certified and traced to the code. One chapter per module."""

#: chapters in reading order; a module that is named here is imported and its entries collected
CHAPTERS = (
    "geometry",
    "horospherical_gaussian",
    "coupled_family",
    "riemannian_normal",
    "environment",
    "objective",
)
