from __future__ import annotations

import grpc
import pytest
from grpc_status.rpc_status import to_status

from domain.errors import InsufficientStock, RequestInProgress, Saturated, Unavailable
from gateway.http.problems import CONTENT_TYPE, problem_answer
from gateway.rpc.errors import status_of
from tests.chaos.witness import End, Try, Witness, judged, judged_rpc


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (InsufficientStock([]), End.FINAL),
        (Saturated(), End.PASSING),
        (Unavailable(), End.PASSING),
        (RequestInProgress(), End.PASSING),
    ],
)
def test_our_errors_are_typed_at_both_doors(error: InsufficientStock, end: End) -> None:
    answer = problem_answer(error, "/")
    assert judged(answer.status, CONTENT_TYPE, answer.body) == (end, f"{answer.status} {error.code}")
    ending = to_status(status_of(error))
    told = judged_rpc(ending.code, ending.trailing_metadata, ending.details)
    assert told == (end, f"{ending.code.name} {error.code}")


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (500, CONTENT_TYPE, b'{"code": "internal"}'),
        (503, "text/plain", b'{"code": "unavailable"}'),
        (404, CONTENT_TYPE, b"{}"),
        (502, CONTENT_TYPE, b"Bad Gateway"),
        (409, CONTENT_TYPE, b"[]"),
    ],
)
def test_what_has_no_code_or_another_shape_is_untyped(status: int, content_type: str, body: bytes) -> None:
    assert judged(status, content_type, body)[0] is End.UNTYPED


def test_what_grpc_says_by_itself_is_a_loss_or_untyped() -> None:
    assert judged_rpc(grpc.StatusCode.UNAVAILABLE, (), "Socket closed") == (End.LOST, "UNAVAILABLE")
    assert judged_rpc(grpc.StatusCode.UNKNOWN, (), "Unexpected <class 'KeyError'>")[0] is End.UNTYPED


def test_a_request_is_hurt_by_what_happened_in_that_time_and_lasts_until_its_last_try() -> None:
    witness = Witness()
    for begun, ended, end in [(1.0, 2.0, End.LOST), (3.0, 4.0, End.PASSING), (5.0, 6.0, End.FINAL)]:
        witness.saw(Try("rest", "a", begun, ended, end, str(end)))
    witness.saw(Try("rest", "b", 1.0, 1.5, End.FINAL, "200"))
    assert [witness.hurt(*times) for times in [(0.0, 1.0), (0.0, 1.5), (3.5, 9.0), (4.5, 9.0)]] == [0, 1, 1, 0]
    assert witness.slowest_seconds(0.0, 2.0) == 5.0
    assert [one.end for one in witness.first_tries()] == [End.LOST, End.FINAL]
    assert [one.end for one in witness.last_tries()] == [End.FINAL, End.FINAL]
