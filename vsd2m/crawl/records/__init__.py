"""What a crawl leaves: outcomes and the ledger of answers."""
