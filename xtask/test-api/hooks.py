"""Drops some of the requests that Schemathesis generates."""

import os

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    """Returns whether a request is sent."""
    # The token that authenticates the requests of workers must not be revoked.
    if (case.path_parameters or {}).get("id") == os.environ["WORKER_TOKEN_ID"]:
        return False
    # The response ends with the job, and no worker runs the jobs of this server.
    if str((case.query or {}).get("follow")).lower() == "true":
        return False
    # Servers ignore unknown headers (RFC 9110, 5.1), so such a request is not invalid.
    return "x-schemathesis-unknown-property" not in (case.headers or {})
