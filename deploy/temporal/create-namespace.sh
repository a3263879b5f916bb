#!/bin/sh
# Makes the namespace and the search attributes by which people find a workflow. Safe to run again.
# The command line reads TEMPORAL_ADDRESS; some of its commands do not read TEMPORAL_NAMESPACE.
set -eu

ATTEMPTS_MAX=60

namespace() {
    temporal operator namespace "$@" --namespace "$TEMPORAL_NAMESPACE"
}

search_attribute() {
    temporal operator search-attribute "$@" --namespace "$TEMPORAL_NAMESPACE"
}

# The server reads its list of namespaces every few seconds: a new one is not found at once.
wait_until_found() {
    attempt=1
    until search_attribute list >/dev/null 2>&1; do
        [ "$attempt" -lt "$ATTEMPTS_MAX" ] || { echo "namespace $TEMPORAL_NAMESPACE is not found" >&2; exit 1; }
        attempt=$((attempt + 1))
        sleep 1
    done
}

namespace describe >/dev/null 2>&1 || namespace create --retention 24h
wait_until_found
# One by one: of several in one command, those after one that exists would be left out.
search_attribute create --name OrderId --type Keyword
search_attribute create --name Skus --type KeywordList
search_attribute create --name Region --type Keyword
search_attribute create --name ExpiresAt --type Datetime
search_attribute create --name OperationStatus --type Keyword
search_attribute create --name IsLate --type Bool
