"""Tencent's SDK for Python, unchanged: leads the scenario through its typed client."""

import json
import os
import re
import time
import warnings

import pytest
from tencentcloud.clb.v20180317 import clb_client, models
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile

PATIENCE_S = 60
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

with open(os.environ["WITNESS_WORK"], encoding="utf-8") as file:
    WORK = json.load(file)


class Lost(Exception):
    """The SDK's model does not say what the API said, or what it was to send."""


def at(answer, path):
    value = answer
    for name in path.split("."):
        if isinstance(value, list):
            value = value[int(name)] if int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def filled(value, known):
    if isinstance(value, str):
        whole = re.fullmatch(r"<(\w+)>", value)
        if whole:
            return known[whole[1]]
        return re.sub(r"<(\w+)>", lambda found: str(known[found[1]]), value)
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    if isinstance(value, dict):
        return {name: filled(member, known) for name, member in value.items()}
    return value


def holds(value, expected):
    if isinstance(expected, dict):
        if "$match" in expected:
            return isinstance(value, str) and re.search(expected["$match"], value) is not None
        return isinstance(value, list) and len(value) == expected["$length"]
    if isinstance(expected, list):
        return (
            isinstance(value, list)
            and len(value) == len(expected)
            and all(holds(one, other) for one, other in zip(value, expected))
        )
    # In Python 1 equals True.
    return type(value) is type(expected) and value == expected


def without_nulls(value):
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return value


class Bodies:
    """What the SDK says in its own log about the bodies that it was answered with."""

    def __init__(self):
        self.last = None

    def __call__(self, record):
        response = getattr(record.args[0], "_resp", None) if record.args else None
        if response is not None:
            self.last = json.loads(response.content)["Response"]
        return False


class Caller:
    """Calls as a program does: with a request object of the action, or by the method for any action."""

    def __init__(self, way, key):
        profile = ClientProfile()
        profile.httpProfile.scheme = way["scheme"]
        profile.httpProfile.endpoint = way["endpoint"]
        profile.httpProfile.reqMethod = way["method"]
        profile.httpProfile.reqTimeout = 30
        if way["scheme"] == "https":
            profile.httpProfile.certification = WORK["caFile"]
        self.client = clb_client.ClbClient(
            credential.Credential(key["secretId"], key["secretKey"], key.get("token")),
            key.get("region", WORK["region"]),
            profile,
        )

    def call(self, action, parameters, raw):
        if raw:
            return self.client.call_json(action, parameters)["Response"]
        request = getattr(models, action + "Request")()
        request.from_json_string(json.dumps(parameters))
        if without_nulls(request._serialize()) != parameters:
            raise Lost("%s would send %s" % (action, request.to_json_string()))
        model = getattr(self.client, action)(request)
        answer = json.loads(model.to_json_string())
        if without_nulls(answer) != without_nulls(BODIES.last):
            raise Lost("%s was read as %s" % (json.dumps(BODIES.last), json.dumps(answer)))
        return answer


BODIES = Bodies()


@pytest.fixture(scope="module", autouse=True)
def strict():
    """Whatever a model does not know is an error; the SDK only warns, and asks not to be heard."""
    import logging

    logger = logging.getLogger("tencentcloud_sdk_common")
    logger.setLevel(logging.DEBUG)
    logger.addFilter(BODIES)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield
    logger.removeFilter(BODIES)


def matches(refusal, wanted):
    return refusal.code == wanted["code"] and re.search(wanted.get("message", ""), refusal.message) is not None


def persist(ask, until, is_wanted=lambda _: False):
    """Asks again, as long as the refusal says no more than "later", and is not the one that is wanted."""
    while True:
        try:
            return ask()
        except TencentCloudSDKException as refusal:
            assert UUID.match(refusal.requestId or ""), refusal
            is_later = any(matches(refusal, one) for one in WORK["later"])
            if not is_later or is_wanted(refusal):
                raise
            assert time.monotonic() < until, refusal
        time.sleep(0.1)


def task_ends(caller, task_id, until):
    while True:
        status = persist(lambda: caller.call("DescribeTaskStatus", {"TaskId": task_id}, False), until)
        assert status["Status"] in (0, 2), status
        if status["Status"] == 0:
            return
        assert time.monotonic() < until, "its task did not end"
        time.sleep(0.1)


def lead(caller, step, known):
    """Returns what was answered; nothing where a refusal was expected, and met."""
    until = time.monotonic() + PATIENCE_S
    parameters = filled(step.get("parameters", {}), known)
    accepted = 0

    def ask():
        return caller.call(step["action"], parameters, step.get("raw", False))

    def is_met(refusal):
        return "error" in step and matches(refusal, step["error"]) and ("repeat" not in step or accepted > 0)

    while True:
        try:
            answer = persist(ask, until, lambda refusal: "repeat" in step and is_met(refusal))
        except TencentCloudSDKException as refusal:
            if is_met(refusal):
                return None
            raise
        assert UUID.match(answer["RequestId"]), answer
        if "error" in step:
            accepted += 1
            assert accepted < step.get("repeat", 1), "not refused: %s" % answer
            continue
        wrong = [
            "%s is %s, not %s" % (path, json.dumps(at(answer, path)), json.dumps(filled(wanted, known)))
            for path, wanted in step.get("answer", {}).items()
            if not holds(at(answer, path), filled(wanted, known))
        ]
        if wrong and step.get("until") and time.monotonic() < until:
            time.sleep(0.1)
            continue
        assert not wrong
        for name, path in step.get("capture", {}).items():
            known[name] = at(answer, path)
        if step.get("task"):
            task_ends(caller, answer["RequestId"], until)
        return answer


KNOWN = {}
CALLERS = {}


@pytest.mark.parametrize(
    ("way", "step"),
    [
        pytest.param(way, step, id="%s: %s" % (way["name"], step["name"]))
        for way in WORK["passes"]
        for step in way["steps"]
    ],
)
def test_step(way, step):
    name = way["name"]
    known = KNOWN.setdefault(name, dict(WORK["given"], run="%s-%s" % (WORK["given"]["run"], name)))
    key = step.get("as", "main")
    if (name, key) not in CALLERS:
        CALLERS[name, key] = Caller(way, WORK["keys"][key])
    lead(CALLERS[name, key], step, known)
    with open(WORK["reportFile"], "a", encoding="utf-8") as report:
        report.write(json.dumps({"pass": name, "step": step["name"]}) + "\n")
