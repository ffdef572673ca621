import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.mlflow.api.proto.ModelRegistry.ModelVersion;
import org.mlflow.api.proto.Service.CreateExperiment;
import org.mlflow.api.proto.Service.CreateRun;
import org.mlflow.api.proto.Service.Experiment;
import org.mlflow.api.proto.Service.ExperimentTag;
import org.mlflow.api.proto.Service.FileInfo;
import org.mlflow.api.proto.Service.Metric;
import org.mlflow.api.proto.Service.Param;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.RunInfo;
import org.mlflow.api.proto.Service.RunStatus;
import org.mlflow.api.proto.Service.RunTag;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.ActiveRun;
import org.mlflow.tracking.ExperimentsPage;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.MlflowClientException;
import org.mlflow.tracking.MlflowContext;
import org.mlflow.tracking.MlflowHttpException;
import org.mlflow.tracking.ModelVersionsPage;
import org.mlflow.tracking.RunsPage;
import org.mlflow.tracking.creds.BasicMlflowHostCreds;

/** A day's work with MLflow's Java client, against a server that asks who calls. Arguments: address, user, password, token. Prints `ok`. */
public class Everyday {
  interface Call {
    void run() throws Exception;
  }

  static void same(Object actual, Object expected) {
    if (!expected.equals(actual)) throw new AssertionError("expected " + expected + ", got " + actual);
  }

  static void refused(int status, String part, Call call) throws Exception {
    try {
      call.run();
    } catch (MlflowHttpException error) {
      same(error.getStatusCode(), status);
      if (!error.getBodyMessage().contains(part)) throw new AssertionError("no " + part + " in " + error.getBodyMessage());
      return;
    }
    throw new AssertionError("not refused: " + part);
  }

  static Map<String, Double> metrics(Run run) {
    return run.getData().getMetricsList().stream()
        .collect(Collectors.toMap(Metric::getKey, Metric::getValue, (a, b) -> b, TreeMap::new));
  }

  static Map<String, String> params(Run run) {
    return run.getData().getParamsList().stream()
        .collect(Collectors.toMap(Param::getKey, Param::getValue, (a, b) -> b, TreeMap::new));
  }

  static Map<String, String> tags(Run run) {
    return run.getData().getTagsList().stream()
        .collect(Collectors.toMap(RunTag::getKey, RunTag::getValue, (a, b) -> b, TreeMap::new));
  }

  static List<String> names(List<Run> runs) {
    return runs.stream().map(run -> run.getInfo().getRunName()).collect(Collectors.toList());
  }

  public static void main(String[] args) throws Exception {
    String url = args[0];
    MlflowClient basic = new MlflowClient(new BasicMlflowHostCreds(url, args[1], args[2]));
    MlflowClient bearer = new MlflowClient(new BasicMlflowHostCreds(url, args[3]));
    refused(401, "UNAUTHENTICATED", () -> new MlflowClient(url).searchExperiments());
    refused(401, "UNAUTHENTICATED", () -> new MlflowClient(new BasicMlflowHostCreds(url, "tmt_wrong")).searchExperiments());

    String experiment = experiments(basic);
    String run = runs(bearer, experiment);
    fluent(basic);
    searches(bearer, experiment);
    artifacts(bearer, run);
    models(bearer, run);
    deletions(basic, experiment, run);
    basic.close();
    bearer.close();
    System.out.println("ok");
  }

  static String experiments(MlflowClient client) throws Exception {
    String id = client.createExperiment("from Java");
    Experiment read = client.getExperiment(id);
    same(read.getName(), "from Java");
    same(read.getLifecycleStage(), "active");
    same(read.getArtifactLocation(), "mlflow-artifacts:/" + id);
    client.setExperimentTag(id, "team", "blue ü");
    same(client.getExperimentByName("from Java").get().getTags(0).getValue(), "blue ü");
    same(client.getExperimentByName("nothing").isPresent(), false);
    refused(400, "RESOURCE_ALREADY_EXISTS", () -> client.createExperiment("from Java"));
    refused(404, "RESOURCE_DOES_NOT_EXIST", () -> client.getExperiment("987654"));

    ExperimentTag tag = ExperimentTag.newBuilder().setKey("kind").setValue("other").build();
    String other = client.createExperiment(
        CreateExperiment.newBuilder().setName("other").setArtifactLocation("s3://bucket/other").addTags(tag).build());
    client.renameExperiment(other, "renamed");
    same(client.getExperiment(other).getArtifactLocation(), "s3://bucket/other");
    same(client.searchExperiments("tags.kind = 'other'").getItems().get(0).getName(), "renamed");
    ExperimentsPage page = client.searchExperiments("name != 'Default'", ViewType.ACTIVE_ONLY, 1, List.of("name ASC"));
    same(page.getItems().get(0).getName(), "from Java");
    same(page.hasNextPage(), true);
    ExperimentsPage next = (ExperimentsPage) page.getNextPage();
    same(next.getItems().get(0).getName(), "renamed");
    same(next.hasNextPage(), false);
    client.deleteExperiment(other);
    same(client.getExperiment(other).getLifecycleStage(), "deleted");
    same(client.searchExperiments("", ViewType.DELETED_ONLY, 10, List.of()).getItems().get(0).getName(), "renamed");
    client.restoreExperiment(other);
    same(client.getExperiment(other).getLifecycleStage(), "active");
    return id;
  }

  static String runs(MlflowClient client, String experiment) throws Exception {
    RunInfo created = client.createRun(CreateRun.newBuilder()
        .setExperimentId(experiment).setRunName("first").setStartTime(1_700_000_000_000L)
        .addTags(RunTag.newBuilder().setKey("team").setValue("blue")).build());
    String id = created.getRunId();
    same(created.getRunUuid(), id);
    same(created.getStatus(), RunStatus.RUNNING);
    same(created.getStartTime(), 1_700_000_000_000L);
    client.logParam(id, "depth", "3");
    client.logMetric(id, "auc", 0.5, 1_700_000_000_001L, 1);
    client.logMetric(id, "auc", 0.75, 1_700_000_000_002L, 2);
    client.logMetric(id, "auc", 0.25, 1_700_000_000_003L, 1);
    client.logMetric(id, "nan", Double.NaN);
    client.logMetric(id, "huge", Double.POSITIVE_INFINITY);
    client.setTag(id, "note", "a \"quoted\"\nnote");
    client.setTag(id, "gone", "soon");
    client.deleteTag(id, "gone");
    List<Metric> points = new ArrayList<>();
    for (int step = 0; step < 998; step++)
      points.add(Metric.newBuilder().setKey("loss").setValue(1.0 / (1 + step)).setTimestamp(1_700_000_000_000L + step).setStep(step).build());
    client.logBatch(id, points, List.of(Param.newBuilder().setKey("lr").setValue("0.1").build()),
        List.of(RunTag.newBuilder().setKey("batch").setValue("yes").build()));

    Run read = client.getRun(id);
    same(metrics(read), new TreeMap<>(Map.of("auc", 0.75, "nan", Double.NaN, "huge", Double.POSITIVE_INFINITY, "loss", 1.0 / 998)));
    same(params(read), new TreeMap<>(Map.of("depth", "3", "lr", "0.1")));
    same(tags(read), new TreeMap<>(Map.of("batch", "yes", "mlflow.runName", "first", "note", "a \"quoted\"\nnote", "team", "blue")));
    List<Metric> history = client.getMetricHistory(id, "auc");
    same(history.stream().map(Metric::getValue).collect(Collectors.toList()), List.of(0.5, 0.75, 0.25));
    same(client.getMetricHistory(id, "loss").size(), 998);

    refused(400, "Changing param values is not allowed", () -> client.logParam(id, "depth", "4"));
    refused(404, "RESOURCE_DOES_NOT_EXIST", () -> client.getRun("0".repeat(32)));
    refused(404, "No tag with name", () -> client.deleteTag(id, "gone"));
    refused(400, "INVALID_PARAMETER_VALUE", () -> client.logMetric(id, "not*a*key", 1));
    refused(404, "ENDPOINT_NOT_FOUND", () -> client.sendGet("nothing/here"));
    client.setTerminated(id, RunStatus.FAILED, 1_700_000_000_999L);
    same(client.getRun(id).getInfo().getStatus(), RunStatus.FAILED);
    same(client.getRun(id).getInfo().getEndTime(), 1_700_000_000_999L);
    return id;
  }

  static void fluent(MlflowClient client) {
    MlflowContext context = new MlflowContext(client);
    context.setExperimentName("from Java");
    ActiveRun parent = context.startRun("parent");
    parent.logParams(Map.of("a", "1", "b", "2"));
    parent.logMetrics(Map.of("x", 1.0, "y", 2.0), 7);
    parent.setTags(Map.of("t", "u"));
    same(parent.getArtifactUri(), "mlflow-artifacts:/" + context.getExperimentId() + "/" + parent.getId() + "/artifacts");
    ActiveRun child = context.startRun("child", parent.getId());
    child.logMetric("x", 3.0, 1);
    child.endRun();
    parent.endRun();
    same(tags(client.getRun(child.getId())).get("mlflow.parentRunId"), parent.getId());
    same(client.getRun(parent.getId()).getInfo().getStatus(), RunStatus.FINISHED);
    try {
      context.withActiveRun("failing", run -> {
        run.logParam("seen", "yes");
        throw new IllegalStateException("fails");
      });
    } catch (IllegalStateException error) {
      same(error.getMessage(), "fails");
    }
    RunsPage failed = client.searchRuns(List.of(context.getExperimentId()), "attributes.status = 'FAILED' and params.seen = 'yes'", ViewType.ALL, 5);
    same(names(failed.getItems()), List.of("failing"));
  }

  static void searches(MlflowClient client, String experiment) {
    List<String> ids = List.of(experiment);
    same(client.listRunInfos(experiment).size(), 4);
    same(names(client.searchRuns(ids, "metrics.auc > 0.7 and params.depth = '3' and tags.team = 'blue'", ViewType.ACTIVE_ONLY, 10).getItems()), List.of("first"));
    same(client.searchRuns(ids, "attributes.run_name LIKE 'chi%'").size(), 1);
    RunsPage page = client.searchRuns(ids, "metrics.x >= 1", ViewType.ACTIVE_ONLY, 1, List.of("metrics.x DESC"));
    same(names(page.getItems()), List.of("child"));
    same(page.hasNextPage(), true);
    RunsPage next = (RunsPage) page.getNextPage();
    same(names(next.getItems()), List.of("parent"));
    same(next.hasNextPage(), false);
    same(client.searchRuns(ids, null, ViewType.ALL, 1, List.of("attributes.start_time ASC"), null).getItems().get(0).getInfo().getRunName(), "first");
    try {
      client.searchRuns(ids, "nonsense !", ViewType.ALL, 1);
      throw new AssertionError("a filter without sense was taken");
    } catch (MlflowClientException error) {
      same(((MlflowHttpException) error).getStatusCode(), 400);
    }
  }

  static void artifacts(MlflowClient client, String run) throws Exception {
    Path folder = Files.createTempDirectory("java-client");
    Path file = Files.writeString(folder.resolve("weights ü.txt"), "heavy");
    Path tree = Files.createDirectories(folder.resolve("tree/inner"));
    Files.writeString(tree.resolve("leaf.txt"), "green");
    client.logArtifact(run, file.toFile());
    client.logArtifact(run, file.toFile(), "model");
    client.logArtifacts(run, folder.resolve("tree").toFile(), "trees");
    List<String> listed = client.listArtifacts(run).stream().map(FileInfo::getPath).sorted().collect(Collectors.toList());
    same(listed, List.of("model", "trees", "weights ü.txt"));
    FileInfo weights = client.listArtifacts(run, "model").get(0);
    same(weights.getFileSize(), 5L);
    File downloaded = client.downloadArtifacts(run, "trees");
    same(Files.readString(downloaded.toPath().resolve("inner/leaf.txt"), StandardCharsets.UTF_8), "green");
  }

  /** The client reads models; it makes them by requests of one's own. */
  static void models(MlflowClient client, String run) throws Exception {
    String source = client.getRun(run).getInfo().getArtifactUri() + "/model";
    client.sendPost("registered-models/create", "{\"name\": \"late\"}");
    for (int version = 1; version <= 3; version++)
      client.sendPost("model-versions/create", String.format("{\"name\": \"late\", \"source\": \"%s\", \"run_id\": \"%s\"}", source, run));
    client.sendPost("model-versions/transition-stage", "{\"name\": \"late\", \"version\": \"1\", \"stage\": \"Production\", \"archive_existing_versions\": false}");
    client.sendPatch("model-versions/update", "{\"name\": \"late\", \"version\": \"2\", \"description\": \"second\"}");
    List<ModelVersion> latest = client.getLatestVersions("late");
    same(latest.stream().map(v -> v.getCurrentStage() + v.getVersion()).sorted().collect(Collectors.toList()), List.of("None3", "Production1"));
    same(client.getLatestVersions("late", List.of("Production")).get(0).getVersion(), "1");
    same(client.getModelVersion("late", "2").getDescription(), "second");
    same(client.getModelVersion("late", "2").getRunId(), run);
    same(client.getRegisteredModel("late").getLatestVersionsCount(), 2);
    same(client.getModelVersionDownloadUri("late", "1"), source);
    same(Files.readString(client.downloadModelVersion("late", "1").toPath().resolve("weights ü.txt")), "heavy");
    same(Files.readString(client.downloadLatestModelVersion("late", "Production").toPath().resolve("weights ü.txt")), "heavy");
    ModelVersionsPage page = client.searchModelVersions("name = 'late'", 2, List.of("version_number DESC"));
    same(page.getItems().stream().map(ModelVersion::getVersion).collect(Collectors.toList()), List.of("3", "2"));
    same(((ModelVersionsPage) page.getNextPage()).getItems().get(0).getVersion(), "1");
    same(client.searchModelVersions().getItems().size(), 3);
    refused(404, "RESOURCE_DOES_NOT_EXIST", () -> client.getRegisteredModel("nothing"));
    refused(404, "RESOURCE_DOES_NOT_EXIST", () -> client.getModelVersion("late", "9"));
  }

  static void deletions(MlflowClient client, String experiment, String run) throws Exception {
    client.deleteRun(run);
    same(client.getRun(run).getInfo().getLifecycleStage(), "deleted");
    refused(400, "active", () -> client.logMetric(run, "auc", 1));
    same(client.searchRuns(List.of(experiment), null, ViewType.DELETED_ONLY).size(), 1);
    client.restoreRun(run);
    client.logMetric(run, "auc", 1);
    client.deleteExperiment(experiment);
    refused(400, "active", () -> client.createRun(experiment));
    client.restoreExperiment(experiment);
    client.setTerminated(client.createRun(experiment).getRunId());
  }
}
