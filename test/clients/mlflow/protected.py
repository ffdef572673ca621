"""A protected alias: an MLflow client is refused with the way to a promotion, in every form it can ask for it."""

import json
import os
import urllib.request

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

client = MlflowClient()
client.create_registered_model("guarded")
for number in (1, 2):
    client.create_model_version("guarded", f"s3://elsewhere/{number}")
client.set_registered_model_alias("guarded", "champion", "1")
client.transition_model_version_stage("guarded", "1", "Production")

address = os.environ["MLFLOW_TRACKING_URI"] + "/api/v1/models/guarded/protection/champion"
policy = json.dumps({"approvals": 1}).encode()
request = urllib.request.Request(
    address, policy, {"content-type": "application/json"}, method="PUT"
)
urllib.request.urlopen(request).read()


def refused(ask):
    try:
        ask()
    except MlflowException as error:
        assert error.error_code == "PERMISSION_DENIED", error.error_code
        assert error.get_http_status_code() == 403
        return str(error)
    raise AssertionError("it was not refused")


said = refused(lambda: client.set_registered_model_alias("guarded", "champion", "2"))
assert "tidemill promote guarded/2 --alias champion" in said, said
refused(lambda: client.delete_registered_model_alias("guarded", "champion"))
refused(lambda: client.transition_model_version_stage("guarded", "2", "Production", True))
refused(lambda: client.transition_model_version_stage("guarded", "1", "Archived"))
refused(lambda: client.delete_model_version("guarded", "1"))
refused(lambda: client.delete_registered_model("guarded"))
assert client.get_model_version_by_alias("guarded", "champion").version == "1"
assert client.get_model_version("guarded", "1").current_stage == "Production"

client.set_registered_model_alias("guarded", "champion", "1")
client.set_registered_model_alias("guarded", "blue", "2")
client.transition_model_version_stage("guarded", "2", "Archived")
print("ok")
