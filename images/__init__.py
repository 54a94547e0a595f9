"""Images from outside: the one place where they are opened, a perceptual hash, contact sheets.

Names are imported when they are first used, so that ``ppaint --help`` need not wait for numpy and Pillow. Two functions
share their file's name and are imported from there: ``from ppaint.images.perceptual_hash import perceptual_hash`` and
``from ppaint.images.contact_sheet import contact_sheet``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.faults import Fault, InputFault
from ..foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from .image_folder import list_images, look_at_folder, open_folder
    from .image_header import FORMATS, ImageHeader, PixelLimit, look_at
    from .image_source import ImageSource
    from .known_images import KnownImages
    from .opening import OpenedImage, open_image
    from .perceptual_hash import hash_distance

_HOME = {
    "FORMATS": "image_header",
    "ImageHeader": "image_header",
    "ImageSource": "image_source",
    "KnownImages": "known_images",
    "OpenedImage": "opening",
    "PixelLimit": "image_header",
    "list_images": "image_folder",
    "look_at": "image_header",
    "look_at_folder": "image_folder",
    "open_folder": "image_folder",
    "open_image": "opening",
    "hash_distance": "perceptual_hash",
}
__all__ = [
    "FORMATS",
    "Fault",
    "ImageHeader",
    "ImageSource",
    "InputFault",
    "KnownImages",
    "OpenedImage",
    "PixelLimit",
    "hash_distance",
    "list_images",
    "look_at",
    "look_at_folder",
    "open_folder",
    "open_image",
]
__getattr__ = lazy_names(__name__, _HOME)
