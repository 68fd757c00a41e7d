"""What the payment provider reports, what is looked at without being told to, and the daily match of both sides."""
