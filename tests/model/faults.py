"""What the service answers when it doesn't do what it was asked."""


class Fault(Exception):
    """A request, or an operation of a transaction, is refused."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
