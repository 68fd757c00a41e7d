"""A bundle on its way to becoming credits: begun, ordered, paid, granted, and taken back where money went back."""
