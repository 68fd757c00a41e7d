"""Staff's page that replays a period against a draft price book (B11)."""
