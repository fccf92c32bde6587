"""The reference: KL divergences to any number of digits, as balls, by closed form and by integral.

Needs python-flint: `pip install 'hrssm[paper,proofs]'`.
"""

from __future__ import annotations

from hrssm.reference.enclosure import Enclosure, Term, kl
from hrssm.reference.parameters import Horospherical, RiemannianNormal

__all__ = ["Enclosure", "Horospherical", "RiemannianNormal", "Term", "kl"]
