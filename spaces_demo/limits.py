"""What one visitor may send, and how much of everybody's the page holds at once: the numbers, and the words for them."""

from __future__ import annotations

MAX_FILES = 50  # in one request
FILE_BYTES = 32 * 2**20  # of one file
UPLOAD_BYTES = 256 * 2**20  # of one request's files together
FOLDER_BYTES = 2 * 2**30  # of all uploads that lie on the server at one time
JSON_BYTES = 1_000_000  # of a request that carries no files
ADDRESS_BYTES = 4_096  # of a request's path and query
UPLOADS_AT_ONCE = 200  # under way, of all visitors together
OPEN_REQUESTS = 1000  # under way, of every kind: an open page holds one
SILENT_SECONDS = 60  # without a byte of a request that is still coming in
WAITING = 200  # requests that wait for their turn, of all visitors together
SESSIONS = 200  # visitors whose state is kept; the one who came back longest ago goes first
LOOK_SECONDS, KEPT_SECONDS = 300, 3000  # every so often, uploads older than this are deleted: within the hour in all

BUSY = f"This page is busy: {WAITING} requests are waiting. Try again in a minute."
FULL = f"This page is busy: the uploads of the last hour fill its {FOLDER_BYTES // 2**30} GB. Try again later."
TOO_MANY_UPLOADS = f"This page is busy: {UPLOADS_AT_ONCE} uploads are under way. Try again in a minute."
TOO_MANY_REQUESTS = f"This page is busy: {OPEN_REQUESTS:,} requests are open. Try again in a minute."
TOO_MANY_FILES = f"Too many files: at most {MAX_FILES} in one request. Send them in several."
TOO_MANY_BYTES = (
    f"The files of one request exceed the maximum allowed size of {UPLOAD_BYTES // 2**20} MB. Send fewer at a time."
)
JSON_TOO_LARGE = f"The request is larger than {JSON_BYTES:,} bytes. Images and files go through /gradio_api/upload."


def limits_text() -> tuple[str, ...]:
    """The limits as sentences, for the page and the docs.

    Returns
    -------
    tuple of str
        One sentence each, without markup.

    Examples
    --------
    >>> limits_text()[0]
    'At most 50 files in one request, of at most 32 MB each and 256 MB together.'
    """
    from ..images.image_header import PixelLimit

    pixels = PixelLimit()
    return (
        f"At most {MAX_FILES} files in one request, of at most {FILE_BYTES // 2**20} MB each and {UPLOAD_BYTES // 2**20} MB together.",
        f"An image has at most {pixels.pixels:,} pixels, {pixels.shortest_side} or more on its shorter side, and is no longer than "
        f"{pixels.elongation:g} to 1.",
        f"A request that carries no files has at most {JSON_BYTES:,} bytes.",
        f"At most {WAITING} requests wait; the next one is told that the page is busy. One model call runs at a time.",
        f"Uploads are deleted within the hour; at most {FOLDER_BYTES // 2**30} GB of them are held.",
        f"At most {UPLOADS_AT_ONCE} uploads and {OPEN_REQUESTS:,} requests of every kind are under way; one of which nothing comes in for {SILENT_SECONDS} seconds "
        "is given up.",
    )
