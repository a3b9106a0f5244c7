"""Real or cartoon: the stage, and its logistic head."""
