"""HTML and SVG that cannot be broken by what is put into it: text always comes out as text."""

from __future__ import annotations

from html import escape

#: Elements that hold nothing.
_EMPTY = frozenset({"meta", "link", "img"})
#: Control characters and the halves of characters, which no page may hold.
_UNSHOWN = dict.fromkeys(
    (
        *(code for code in range(32) if code not in (9, 10)),
        *range(0x7F, 0xA0),
        # marks that turn the direction of writing: a name must not disguise the text around it
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    ),
    "\N{REPLACEMENT CHARACTER}",
)


class Html(str):
    """Text that is HTML already; made by `element` and `joined` alone."""

    __slots__ = ()


#: What can be put into an element: HTML as it is, all else as text, None as nothing.
Content = str | int | float | None


def text(value: object) -> Html:
    """Return a value as text in HTML."""
    return Html(escape(str(value).translate(_UNSHOWN), quote=True))


def joined(*parts: Content) -> Html:
    """Return parts one after another."""
    return Html(
        "".join(
            part if isinstance(part, Html) else text(part) for part in parts if part is not None
        )
    )


def element(name: str, /, *parts: Content, **attributes: Content | bool) -> Html:
    """Return an element; attributes are named as in HTML, `class_` for class, `a_b` for a-b.

    Attributes that are None or False are left out, those that are True stand alone.
    """
    told = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        told += f" {word}" if value is True else f' {word}="{text(value)}"'
    if name in _EMPTY:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{joined(*parts)}</{name}>")
