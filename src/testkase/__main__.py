"""`python -m testkase`: every command of the product."""

from testkase.config.commands import main

if __name__ == "__main__":
    main()
