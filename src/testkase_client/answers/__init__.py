"""What the API answers, as frozen values: amounts are Decimal, times datetime in UTC. Unknown fields are ignored."""
