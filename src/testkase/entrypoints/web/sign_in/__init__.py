"""Ways to sign in beyond the password: a second step, passkeys, and the operator's identity providers."""
