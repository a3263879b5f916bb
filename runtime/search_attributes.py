"""What people look workflows up by in Temporal UI, and what else they read there at a glance.

Starts nothing. Nothing personal is in them.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from domain.contracts import names
from domain.contracts.names import IS_LATE, OPERATION_STATUS
from runtime.logs import get_logger
from runtime.temporal import RPC_TIMEOUT

ORDER_ID = SearchAttributeKey.for_keyword("OrderId")
SKUS = SearchAttributeKey.for_keyword_list(names.SKUS)
REGION = SearchAttributeKey.for_keyword("Region")
EXPIRES_AT = SearchAttributeKey.for_datetime("ExpiresAt")
STATUS = SearchAttributeKey.for_keyword(OPERATION_STATUS)
LATE = SearchAttributeKey.for_bool(IS_LATE)

SEARCH_ATTRIBUTES = {
    ORDER_ID.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SKUS.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    REGION.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    EXPIRES_AT.name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    STATUS.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    LATE.name: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
}
"""What people look by: name and kind."""

SEARCH_ATTRIBUTE_NAMES = tuple(SEARCH_ATTRIBUTES)

SKUS_SHOWN_MAX = 20
SUMMARY_CHARACTERS_MAX = 200

_KNOWN_SECONDS_MAX = 60.0

_log = get_logger(__name__)


def _is_unknown(error: BaseException) -> bool:
    return isinstance(error, RPCError) and error.status is RPCStatusCode.INVALID_ARGUMENT


async def ensure_search_attributes(client: Client) -> None:
    """Have the search attributes known in the namespace: add what it lacks, wait until the server looks them up anew.

    Safe to call from every process at once.
    """
    operator = client.operator_service
    known = await operator.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), retry=True, timeout=RPC_TIMEOUT
    )
    missing = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in known.custom_attributes}
    if missing:
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        try:
            await operator.add_search_attributes(request, retry=True, timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
        _log.info("search_attributes_added", names=sorted(missing))
    await _count_by_all(client)


@retry(
    retry=retry_if_exception(_is_unknown),
    wait=wait_fixed(0.2),
    stop=stop_after_delay(_KNOWN_SECONDS_MAX),
    reraise=True,
)
async def _count_by_all(client: Client) -> None:
    """What can be asked for can be started with: the server's frontend reads both from one list, now and then."""
    await client.count_workflows(" AND ".join(f"{name} IS NULL" for name in SEARCH_ATTRIBUTES))


def one_line(text: str) -> str:
    """A text cut to what a workflow's summary may hold."""
    flat = " ".join(text.split())
    return flat if len(flat) <= SUMMARY_CHARACTERS_MAX else f"{flat[: SUMMARY_CHARACTERS_MAX - 1]}…"
