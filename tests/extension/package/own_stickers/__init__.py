"""A package of somebody else's: one component of each kind, none of which vsd2m knows of."""
