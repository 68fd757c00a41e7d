"""Use beyond the balance: allowed up to a cap, billed when its month has ended, collected."""
