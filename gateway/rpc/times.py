"""Points in time as protos carry them."""

from __future__ import annotations

from datetime import datetime
from typing import overload

from google.protobuf.timestamp_pb2 import Timestamp


@overload
def timestamp(moment: datetime) -> Timestamp: ...
@overload
def timestamp(moment: datetime | None) -> Timestamp | None: ...
def timestamp(moment: datetime | None) -> Timestamp | None:
    """A moment with its time zone as a Timestamp, to the microsecond; what has not happened stays absent."""
    if moment is None:
        return None
    made = Timestamp()
    made.FromDatetime(moment)
    return made
