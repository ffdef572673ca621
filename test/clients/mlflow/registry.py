"""The registry through MlflowClient and the fluent API: models, versions, aliases, stages, tags, copies, prompts."""

import json
import warnings

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

warnings.filterwarnings("ignore", category=FutureWarning)
client = MlflowClient()
mlflow.set_experiment("registry")
rows = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 0.0, 1.0]})
fitted = LinearRegression().fit(rows, [1.0, 3.0, 5.0])


def refused(code, call):
    try:
        call()
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, error.message)
        return error.message
    raise AssertionError(f"expected {code}")


def log(**options):
    return mlflow.sklearn.log_model(
        fitted,
        name="linear",
        signature=infer_signature(rows, fitted.predict(rows)),
        pip_requirements=["scikit-learn"],
        **options,
    )


# Logged with a name: registered at once
with mlflow.start_run() as run:
    mlflow.log_metric("rmse", 0.5)
    info = log(registered_model_name="house-price", metadata={"team": "blue"})
assert str(info.registered_model_version) == "1"
version = client.get_model_version("house-price", "1")
assert version.run_id == run.info.run_id and version.source == f"models:/{info.model_id}"
assert version.status == "READY" and version.current_stage == "None" and version.aliases == []
registered_as = mlflow.get_logged_model(info.model_id).tags["mlflow.modelVersions"]
assert {(v["name"], int(v["version"])) for v in json.loads(registered_as)} == {("house-price", 1)}, registered_as

# From a run, and from a logged model
second = mlflow.register_model(f"runs:/{run.info.run_id}/linear", "house-price", tags={"from": "run"})
third = mlflow.register_model(info.model_uri, "house-price")
assert [second.version, third.version] == ["2", "3"], (second.version, third.version)
assert second.tags == {"from": "run"}

# Loading by version, alias, stage, `latest`
client.set_registered_model_alias("house-price", "champion", 2)
client.transition_model_version_stage("house-price", "1", "Staging")
client.transition_model_version_stage("house-price", "3", "staging", archive_existing_versions=True)
for uri in ("models:/house-price/2", "models:/house-price@champion", "models:/house-price/Staging", "models:/house-price/latest"):
    loaded = mlflow.pyfunc.load_model(uri)
    assert abs(loaded.predict(rows) - fitted.predict(rows)).max() < 1e-9, uri
assert mlflow.sklearn.load_model("models:/house-price/1").coef_.tolist() == fitted.coef_.tolist()
assert client.get_model_version("house-price", "1").current_stage == "Archived"
assert mlflow.models.get_model_info("models:/house-price/2").signature.inputs.input_names() == ["x", "y"]

# Stages and latest versions
latest = {v.current_stage: v.version for v in client.get_latest_versions("house-price")}
assert latest == {"Archived": "1", "None": "2", "Staging": "3"}, latest
assert [v.version for v in client.get_latest_versions("house-price", ["Staging"])] == ["3"]
refused("INVALID_PARAMETER_VALUE", lambda: client.transition_model_version_stage("house-price", "1", "Live"))

# Aliases move, and are told on model and version
client.set_registered_model_alias("house-price", "champion", "3")
client.set_registered_model_alias("house-price", "shadow", "3")
assert client.get_model_version_by_alias("house-price", "champion").version == "3"
assert sorted(client.get_model_version("house-price", "3").aliases) == ["champion", "shadow"]
assert client.get_model_version("house-price", "2").aliases == []
client.delete_registered_model_alias("house-price", "shadow")
client.delete_registered_model_alias("house-price", "shadow")
assert client.get_registered_model("house-price").aliases == {"champion": "3"}
for name in ("latest", "v7", "a b", ""):
    refused("INVALID_PARAMETER_VALUE", lambda name=name: client.set_registered_model_alias("house-price", name, "3"))
refused("RESOURCE_DOES_NOT_EXIST", lambda: client.set_registered_model_alias("house-price", "ok", "99"))

# A copy in another model has the same files
client.create_registered_model("house-price-prod", description="what is served")
copy = client.copy_model_version("models:/house-price/3", "house-price-prod")
assert copy.version == "1" and copy.source == "models:/house-price/3", copy.source
assert client.get_model_version_download_uri("house-price-prod", "1") == client.get_model_version_download_uri(
    "house-price", "3"
)
assert mlflow.pyfunc.load_model("models:/house-price-prod/1").predict(rows).shape == (3,)

# Tags and descriptions
client.set_registered_model_tag("house-price", "task", "regression")
client.set_model_version_tag("house-price", version="2", key="validated", value="yes")
client.set_model_version_tag("house-price", key="note", value="by stage", stage="Staging")
assert client.get_model_version("house-price", "3").tags["note"] == "by stage"
client.delete_model_version_tag("house-price", version="2", key="validated")
assert "validated" not in client.get_model_version("house-price", "2").tags
client.update_registered_model("house-price", "prices of houses")
client.update_model_version("house-price", "2", "the second")
assert client.get_registered_model("house-price").description == "prices of houses"
assert client.get_model_version("house-price", "2").description == "the second"

# Searching
found = client.search_model_versions(f"name = 'house-price' AND run_id = '{run.info.run_id}'", order_by=["version_number ASC"])
assert [v.version for v in found] == ["1", "2", "3"], found
found = client.search_model_versions("tags.`from` = 'run' and version_number >= 1")
assert [v.version for v in found] == ["2"]
assert [m.name for m in client.search_registered_models("name ILIKE 'HOUSE%'")] == ["house-price", "house-price-prod"]
assert [m.name for m in client.search_registered_models("tags.task = 'regression'")] == ["house-price"]
page = client.search_registered_models(max_results=1)
assert [m.name for m in page] == ["house-price"] and page.token
assert [m.name for m in client.search_registered_models(max_results=1, page_token=page.token)] == ["house-price-prod"]

# Renaming keeps versions and aliases
client.rename_registered_model("house-price", "home-price")
assert client.get_model_version_by_alias("home-price", "champion").version == "3"
refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model("house-price"))
refused("RESOURCE_ALREADY_EXISTS", lambda: client.rename_registered_model("home-price", "house-price-prod"))
refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_registered_model("home-price"))

# Prompts are registered models; they do not show among models
first = mlflow.genai.register_prompt("greeting", "Hello {{name}}", commit_message="first", tags={"lang": "en"})
mlflow.genai.register_prompt("greeting", "Hi {{name}}")
assert first.version == 1 and first.variables == {"name"}
assert mlflow.genai.load_prompt("prompts:/greeting/1").format(name="Ada") == "Hello Ada"
mlflow.genai.set_prompt_alias("greeting", alias="production", version=2)
assert mlflow.genai.load_prompt("prompts:/greeting@production").template == "Hi {{name}}"
assert [p.name for p in mlflow.genai.search_prompts()] == ["greeting"]
assert "greeting" not in [m.name for m in client.search_registered_models()]
assert "greeting" not in [v.name for v in client.search_model_versions()]
mlflow.genai.delete_prompt_alias("greeting", alias="production")

# Deleting
client.delete_model_version("home-price", "1")
refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_model_version("home-price", "1"))
client.delete_registered_model("home-price")
refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model("home-price"))
assert client.search_model_versions("name = 'home-price'") == []
print("ok")
