"""Addresses of pages, for readers who may be at work in another organization when they follow one."""


def page_of(org_id: int, public_url: str, page: str) -> str:
    """The address of an organization's page. `page`: its path, perhaps with a query, and a place on it behind a #."""
    path, mark, place = page.partition("#")
    return f"{public_url}{path}{'&' if '?' in path else '?'}organization={org_id}{mark}{place}"
