"""Changes or drops some of the requests that Schemathesis generates."""

import json
import os
import random
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import schemathesis

CLAIM = "POST /api/queue/jobs/claim"
END_SESSION = "DELETE /api/queue/sessions/{id}"

# The operations of a worker on a job that it holds.
OF_HELD_JOBS = {
    f"POST /api/queue/jobs/{{id}}/{route}"
    for route in ("heartbeat", "events", "output", "complete", "fail", "cancel/ack")
}

# The id of each claimed job, with the members that the requests of its worker must contain. The job that was claimed
# last is at the end.
held = []


def begin_session():
    """Logs in as a browser does, and returns the id of the new session. No operation of the API begins sessions."""
    url, token = os.environ["SERVER_URL"], os.environ["TAILWATER_ADMIN_TOKEN"]
    server = HTTPConnection(urlsplit(url).netloc)
    try:
        form = {"Origin": url, "Content-Type": "application/x-www-form-urlencoded"}
        server.request("POST", "/login", urlencode({"token": token}), form)
        login = server.getresponse()
        login.read()
        assert login.status == 303 and "error=" not in login.headers["Location"], login.headers["Location"]
        server.request("GET", "/api/queue/sessions?limit=1", headers={"Authorization": f"Bearer {token}"})
        return json.load(server.getresponse())["items"][0]["id"]
    finally:
        server.close()


@schemathesis.hook
def filter_case(context, case):
    """Returns whether a request is sent."""
    # The token that authenticates the requests of workers must not be revoked.
    if (case.path_parameters or {}).get("id") == os.environ["WORKER_TOKEN_ID"]:
        return False
    # With `follow=true`, a response ends only when the job has finished, but no worker runs the jobs of this server.
    if str((case.query or {}).get("follow")).lower() == "true":
        return False
    # Servers ignore unknown headers (RFC 9110, 5.1), so a request with an unknown header is valid.
    return "x-schemathesis-unknown-property" not in (case.headers or {})


@schemathesis.hook
def before_call(context, case, **kwargs):
    """Makes every second valid request of a worker reach a job, which generated types, ids and epochs rarely do, and
    every second request that ends a session end one."""
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    if not is_valid or random.random() < 0.5:
        return
    if case.operation.label == END_SESSION:
        case.path_parameters["id"] = begin_session()
    elif not isinstance(case.body, dict):
        return
    elif case.operation.label == CLAIM:
        for name in ("allowedTypes", "resume", "claimId"):
            case.body.pop(name, None)
    elif case.operation.label in OF_HELD_JOBS and held:
        job, members = held[-1]
        case.path_parameters["id"] = job
        case.body.update(members)


@schemathesis.hook
def after_call(context, case, response):
    """Remembers claimed jobs, and forgets jobs whose lease has ended."""
    if case.operation.label == CLAIM and response.status_code == 200:
        job = response.json()["job"]
        if job is not None:
            held.append((job["id"], {"workerId": job["claimedBy"], "leaseEpoch": job["leaseEpoch"]}))
    elif case.operation.label in OF_HELD_JOBS and response.status_code == 409:
        lost = (case.path_parameters or {}).get("id")
        held[:] = [entry for entry in held if entry[0] != lost]
