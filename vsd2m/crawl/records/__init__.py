"""What a crawl leaves: outcomes, the ledger of answers, the tar of original bytes."""
