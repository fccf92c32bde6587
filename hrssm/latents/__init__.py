"""How the numbers that a network's head puts out become a law, a sample and KL terms: one file per family.

`hrssm.latents.table` names the families and imports one when it is asked for.
"""
