"""Tables of foreign rows without files."""

from feallm.tables.foreign import ForeignRow, ForeignTable


def table(*rows, form="pyfeat"):
    return ForeignTable(form, tuple(rows), "")


def face(picture="a.png", x=0.0, *, frame=None, size=100.0, **more):
    """A face with a box of `size` pixels at x."""
    return ForeignRow(picture, frame, box=(x, 0.0, size, size), **more)


def boxless(picture="a.png", frame=None, **more):
    return ForeignRow(picture, frame, **more)
