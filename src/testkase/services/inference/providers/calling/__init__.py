"""One request to a provider, whatever it speaks: connection, cut streams, failures, and what the call came to."""

from testkase.services.inference.providers.calling.call import ChatCall
from testkase.services.inference.providers.calling.client import Endpoint
from testkase.services.inference.providers.calling.dialect import Dialect, Interpreter, Outgoing
from testkase.services.inference.providers.calling.heard import Heard

__all__ = ["ChatCall", "Dialect", "Endpoint", "Heard", "Interpreter", "Outgoing"]
