"""Systems: what is trained, one folder each. `hrssm.systems.kinds` finds one by its name; none imports another."""
