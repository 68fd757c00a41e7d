"""Single sign-on over OpenID Connect, with the identity providers the operator names.

allauth does the round trip. What it leaves open is closed here: the ID token is always verified with the provider's
keys (signature, issuer, audience, expiry) and tied to the browser that asked (nonce), the code to the same browser
(PKCE), and an address counts only when the provider says that it was verified.
"""
