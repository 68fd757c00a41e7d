"""Requests nobody means well with: made from the API's own document and from every form, then bent by hand.

Nothing may be answered 5xx; a refusal is a clear problem and has changed no row; a success is what the document says;
the same id again has no second effect. What a request has changed is read from PostgreSQL's write-ahead log.
"""
