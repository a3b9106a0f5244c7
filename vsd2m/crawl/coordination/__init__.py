"""What the workers of a crawl share: whose turn it is at a host, and what addresses have answered."""
