"""Webhooks through MLflow's own client: made, listed, changed, tested, delivered and deleted. The address of a receiver comes in RECEIVER."""

import os
import time
import urllib.request

from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException

client = MlflowClient()
url = os.environ["RECEIVER"]


def received():
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


made = client.create_webhook(
    name="hook", url=url, events=["model_version.created", "registered_model.created"], description="d", secret="secret"
)
assert made.status == WebhookStatus.ACTIVE and made.description == "d" and made.secret is None, made
assert made.events == [WebhookEvent.from_str("model_version.created"), WebhookEvent.from_str("registered_model.created")]
assert made.creation_timestamp > 1_700_000_000_000

other = client.create_webhook(name="other", url=url, events=[WebhookEvent("model_version_tag", "set")], status="DISABLED")
assert other.status == WebhookStatus.DISABLED
assert [hook.name for hook in client.list_webhooks()] == ["other", "hook"]
page = client.list_webhooks(max_results=1)
assert [hook.name for hook in page] == ["other"] and page.token
assert [hook.name for hook in client.list_webhooks(max_results=1, page_token=page.token)] == ["hook"]
assert client.get_webhook(made.webhook_id).url == url

changed = client.update_webhook(other.webhook_id, name="renamed", events=["model_version_alias.created"], status="ACTIVE")
assert (changed.name, changed.status, changed.url) == ("renamed", WebhookStatus.ACTIVE, url)
assert changed.events == [WebhookEvent.from_str("model_version_alias.created")]
client.delete_webhook(other.webhook_id)
try:
    client.get_webhook(other.webhook_id)
    raise AssertionError("a deleted webhook is still there")
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error

result = client.test_webhook(made.webhook_id)
assert result.success and result.response_status == 200, result
assert '"entity":"model_version"' in received()
assert client.test_webhook(made.webhook_id, "registered_model.created").success

for wrong in ({"name": "with space"}, {"url": "ftp://example.com"}):
    try:
        client.create_webhook(**{"name": "x", "url": url, "events": ["registered_model.created"], **wrong})
        raise AssertionError(f"{wrong} was taken")
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error

client.create_registered_model("heard", description="of")
for _ in range(200):
    if '"name":"heard"' in received():
        break
    time.sleep(0.05)
assert '"data":{"name":"heard","tags":{},"description":"of"}' in received(), received()
client.delete_webhook(made.webhook_id)
print("ok")
