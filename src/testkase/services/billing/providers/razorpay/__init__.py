"""Razorpay, through its official SDK, which nothing else imports."""
