"""How tables lie in files of the store: small, and quick to read."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def encoding(schema: pa.Schema) -> dict[str, Any]:
    """Return how pyarrow is to write tables of a schema.

    Real numbers rarely repeat, but the first bytes of neighbours are much alike: they are put
    beside each other (BYTE_STREAM_SPLIT) before they are compressed. Checksums tell damage.
    """
    real = [column.name for column in schema if pa.types.is_floating(column.type)]
    others = [column.name for column in schema if not pa.types.is_floating(column.type)]
    return {
        "compression": "zstd", "write_page_checksum": True, "use_byte_stream_split": real,
        "use_dictionary": others,
    }  # fmt: skip
