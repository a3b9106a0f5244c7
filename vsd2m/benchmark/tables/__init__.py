"""Tables, curves and the leaderboard made from results, the paper's published rows beside them."""
