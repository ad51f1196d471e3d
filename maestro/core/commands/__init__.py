"""Everything a user can do, one function each: the only door for pages, REST, CLI and WebSocket.

Each takes the ``Runtime`` first, blocks until the thing is done or safely on its way, and raises a
``MaestroError`` that says what to do instead.
"""
