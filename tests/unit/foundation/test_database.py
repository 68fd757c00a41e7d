"""How long the product waits for a database that is away."""

from testkase.config.databases import django_database
from testkase.foundation.database import Database, with_patience

URL = "postgresql://testkase_app@one.example,two.example/testkase"


def test_a_pool_begins_anew_before_its_pauses_outlast_those_who_wait() -> None:
    """They double from a second on. A caller who waits as long as one chain of tries lasts always meets the next."""
    pool = Database(URL).pool
    pages = django_database(URL, pool=True)["OPTIONS"]["pool"]
    assert pool.reconnect_timeout <= pool.timeout <= 10
    assert pages["reconnect_timeout"] <= pages["timeout"] <= 10


def test_a_machine_that_refuses_nothing_and_answers_nothing_is_given_up() -> None:
    assert Database(URL).pool.kwargs == {"connect_timeout": 8, "tcp_user_timeout": 10_000}
    options = django_database(URL, pool=False)["OPTIONS"]
    assert options == {"connect_timeout": 8, "tcp_user_timeout": 10_000}

    said = f"{URL}?connect_timeout=2"  # by whoever runs it
    assert with_patience(said) == {"tcp_user_timeout": 10_000}
    assert django_database(said, pool=True)["OPTIONS"]["connect_timeout"] == "2"
