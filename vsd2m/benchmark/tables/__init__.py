"""Tables, curves and the leaderboard, with the paper's published rows."""
