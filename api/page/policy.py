"""What the browser lets the page do: its own files, and pictures of the map that the settings name."""

from urllib.parse import urlsplit


def content_policy(tile_url: str | None) -> str:
    """Return the page's Content-Security-Policy; nothing inline, nothing of others but map tiles."""
    pictures = "'self'"
    if tile_url is not None:
        address = urlsplit(tile_url)
        # {s} stands for one of several hosts. Leaflet puts an empty data: picture where a tile is taken away.
        pictures += f" data: {address.scheme}://{address.netloc.replace('{s}', '*')}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src {pictures}; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
