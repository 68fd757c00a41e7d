"""The demo project's test cases, each with its folder."""

from testkase.services.workspace.demo.catalogue.basics import BASICS
from testkase.services.workspace.demo.catalogue.more import MORE

__all__ = ["BASICS", "MORE"]
