"""Accept a release in a consumer's repository: profiles, plans, writes and receipts."""
