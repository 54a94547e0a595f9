"""The ``ppaint`` command."""
