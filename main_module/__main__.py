"""``python -m ppaint``: the command, also where its script is not on the path.

The folder holds no ``__init__.py``: ``ppaint`` stays a namespace, so that a data folder ``./ppaint`` does not hide the rooms.
"""

from ppaint.cli.main import main

if __name__ == "__main__":
    main()
