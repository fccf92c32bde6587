"""Hidden-state updates: the rules by which a recurrent state is carried on, each integrating moves over a tree."""
