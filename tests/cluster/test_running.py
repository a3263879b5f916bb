"""What is left of a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.stack.errors import StackError
from tests.cluster.engines import Engines
from tests.cluster.running import running_cluster


async def test_nothing_is_left_of_one_that_did_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("tests.cluster.running.ENVIRONMENT", {})

    def declared(_engines: Engines) -> dict[str, object]:
        def no_postgres(*_: object) -> None:
            raise StackError("postgres: not today")

        return {"engines": {"postgres": no_postgres}}

    monkeypatch.setattr("tests.cluster.running.cluster_options", declared)
    with pytest.raises(StackError, match="not today"):
        async with running_cluster(Engines(tmp_path, tmp_path)):
            pass
    assert list(tmp_path.iterdir()) == []
