"""Webhooks that go out: what the Owner and the Admins are told, told to the organization's programs too (ADR 21).

events.py       which kinds of events there are, and the body that carries one
endpoints.py    where an organization wants them sent
secrets.py      what they are signed with
deliveries.py   the queue: claimed, sent outside any transaction, and marked
addresses.py    where they may lead
sending.py      one attempt, signed as Standard Webhooks has it
"""
