"""Real or cartoon: the stage, and the logistic head it asks."""
