"""The browser viewer: results in space and time. Needs the extra "view"."""
