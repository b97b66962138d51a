"""The service: a catalogue asked, filled and corrected over HTTP.

Needs the extra ``serve``. Nothing is imported here, so that the command starts fast.
"""

from __future__ import annotations

__all__: list[str] = []
