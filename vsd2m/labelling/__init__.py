"""Human preference: a blind study as a local web page, and what its answers are worth."""
