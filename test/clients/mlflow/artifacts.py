"""Large artifacts: whole and in parts, up and down; parts that are sent again; listing and deleting."""

import hashlib
import os
import tempfile
from pathlib import Path

MEGABYTE = 1024 * 1024
os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = str(8 * MEGABYTE)
os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = str(16 * MEGABYTE)
os.environ["MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE"] = str(16 * MEGABYTE)

import mlflow
from mlflow import MlflowClient
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

client = MlflowClient()
mlflow.set_experiment("artifacts")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path, megabytes, extra=0):
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(MEGABYTE))
        file.write(os.urandom(extra))
    return digest(path)


parts = []
upload_part = HttpArtifactRepository._upload_part


def counted(credential, local_file, size, start_byte):
    part = upload_part(credential, local_file, size, start_byte)
    # The same part again: it replaces itself
    assert upload_part(credential, local_file, size, start_byte).etag == part.etag
    parts.append(part.part_number)
    return part


HttpArtifactRepository._upload_part = staticmethod(counted)

with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
    big = Path(folder) / "big weights ü.bin"
    expected = write(big, 300, extra=12_345)
    mlflow.log_artifact(str(big), "models/deep")
    assert sorted(parts) == list(range(1, 20)), sorted(parts)
    [entry] = client.list_artifacts(run.info.run_id, "models/deep")
    assert entry.path == "models/deep/big weights ü.bin" and entry.file_size == 300 * MEGABYTE + 12_345, entry

    # Down again: as a stream, and in ranges of a signed address
    for ranges in ("false", "true"):
        os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = ranges
        local = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path=entry.path, dst_path=str(Path(folder) / ranges)
        )
        assert digest(local) == expected, ranges
        os.remove(local)

    # Without parts, as older clients send it
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "false"
    whole = Path(folder) / "whole.bin"
    expected_whole = write(whole, 64)
    mlflow.log_artifact(str(whole))
    assert len(parts) == 19
    local = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/whole.bin", dst_path=folder + "/again")
    assert digest(local) == expected_whole
    del os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"]

    # An upload that fails is given up; what was there stays
    repository = MlflowArtifactsRepository(run.info.artifact_uri)
    created = repository.create_multipart_upload("whole.bin", 2)
    repository.abort_multipart_upload("whole.bin", created.upload_id)
    assert digest(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/whole.bin")) == expected_whole

    # Many small files, in folders
    for index in range(40):
        file = Path(folder) / "tree" / f"d{index % 4}" / f"{index}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"file {index}")
    mlflow.log_artifacts(str(Path(folder) / "tree"), "tree")
    local = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/tree", dst_path=folder + "/tree-again")
    assert sorted(p.read_text() for p in Path(local).rglob("*.txt")) == sorted(f"file {i}" for i in range(40))

    # Deleting a folder
    repository.delete_artifacts("tree/d0")
    assert [f.path for f in client.list_artifacts(run.info.run_id, "tree")] == ["tree/d1", "tree/d2", "tree/d3"]
print("ok")
