"""What things cost: the dated price book, the rate card, and the one place where tokens become credits."""
