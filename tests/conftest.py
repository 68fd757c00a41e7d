"""What holds for every test of the product."""

pytest_plugins = ["tests.support.fixtures"]
