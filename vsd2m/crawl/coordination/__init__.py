"""State shared by the workers of a crawl: turns at hosts, and the answers of addresses."""
