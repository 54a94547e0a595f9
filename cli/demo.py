"""placeholder while this is being written."""


def demo() -> None:
    """..."""
