"""The other side of the counter, under /_sim: whatever a customer, a bank, the dashboard or the calendar does."""
