"""Serves one MLflow pyfunc model over its standard input and output. Started by python-process.ts, which ends it.

A frame is a little-endian uint32 with the length of a JSON header, a uint32 with the length of a body, the header, the body.
The first frame describes the model's inputs and outputs; it is answered when the model is loaded. Then each frame with
{"id", "rows", "inputs": [{"bytes"} | {"values"}]} is answered with {"id", "outputs": [{"bytes", "shape"} | {"values", "shape"}]}
or {"id", "error"}. Numbers travel as raw little-endian bytes in the body, texts as lists in the header.
"""

import json
import os
import queue
import struct
import sys
import threading
import traceback

DTYPES = {
    "BOOL": "?", "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
MOST_MESSAGE = 500


def main():
    # What the model prints must not get among the frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    frames = queue.Queue()
    threading.Thread(target=read_frames, args=(sys.stdin.buffer, frames), daemon=True).start()
    folder = sys.argv[1]
    spec, _ = frames.get()
    try:
        model = Model(folder, spec)
    except BaseException as error:
        write_frame(answers, {"refused": message_of(error)})
        sys.exit(1)
    write_frame(answers, {"ready": True})
    while True:
        header, body = frames.get()
        try:
            outputs, raw = model.predict(header, body)
            write_frame(answers, {"id": header["id"], "outputs": outputs}, raw)
        except Exception as error:
            traceback.print_exc()
            answer = {"id": header["id"], "error": message_of(error), "input": is_about_input(error)}
            write_frame(answers, answer)


def read_frames(stream, frames):
    """A closed input means that who started this process is gone: it ends at once, also in the middle of a call."""
    while True:
        lengths = stream.read(8)
        if len(lengths) < 8:
            os._exit(0)
        header, body = struct.unpack("<II", lengths)
        frames.put((json.loads(stream.read(header)), stream.read(body)))


def write_frame(stream, header, body=b""):
    text = json.dumps(header).encode()
    stream.write(struct.pack("<II", len(text), len(body)) + text + body)
    stream.flush()


def message_of(error):
    return f"{type(error).__name__}: {error}"[:MOST_MESSAGE]


def is_about_input(error):
    """MLflow's own checks of an input against the signature."""
    return getattr(error, "error_code", None) in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")


class Model:
    def __init__(self, folder, spec):
        global numpy, pandas
        import mlflow.pyfunc
        import numpy
        import pandas

        self.model = mlflow.pyfunc.load_model(folder)
        self.inputs = spec["inputs"]
        self.outputs = spec["outputs"]
        self.table = spec["table"]

    def predict(self, header, body):
        rows = header["rows"]
        values = {}
        at = 0
        for spec, given in zip(self.inputs, header["inputs"], strict=True):
            value, at = self.read(spec, given, body, at)
            values[spec["name"]] = value.reshape([rows, *spec["shape"][1:]]) if not self.table else value
        if self.table:
            data = pandas.DataFrame(values)
        else:
            data = values[self.inputs[0]["name"]] if self.inputs[0]["unnamed"] else values
        return self.write(self.model.predict(data), rows)

    def read(self, spec, given, body, at):
        if "values" in given:
            return numpy.array(given["values"], dtype=object), at
        values = numpy.frombuffer(body, DTYPES[spec["datatype"]], offset=at, count=given["bytes"] // size_of(spec))
        if spec["time"]:
            values = values.astype("datetime64[ms]")
        return values, at + given["bytes"]

    def write(self, result, rows):
        found = []
        raw = []
        for spec, value in zip(self.outputs, self.arrays(result), strict=True):
            array = numpy.asarray(value)
            if array.shape[:1] != (rows,):
                shape = list(array.shape)
                raise ValueError(f"the output {spec['name']!r} has the shape {shape}; {rows} rows were asked for")
            wanted = [rows, *spec["shape"][1:]]
            if any(size not in (-1, other) for size, other in zip(wanted, array.shape)) or (
                len(wanted) != array.ndim and array.size != rows
            ):
                raise ValueError(f"the output {spec['name']!r} has the shape {list(array.shape)}, not {wanted}")
            if spec["datatype"] == "BYTES":
                values = [None if value is None else str(value) for value in array.ravel().tolist()]
                found.append({"values": values, "shape": list(array.shape)})
            else:
                data = numpy.ascontiguousarray(array, dtype=DTYPES[spec["datatype"]]).tobytes()
                raw.append(data)
                found.append({"bytes": len(data), "shape": list(array.shape)})
        return found, b"".join(raw)

    def arrays(self, result):
        """One array for each output, in the signature's order."""
        names = [spec["name"] for spec in self.outputs]
        if isinstance(result, pandas.DataFrame):
            if len(names) == 1 and names[0] not in result.columns:
                return [result.iloc[:, 0] if result.shape[1] == 1 else result.to_numpy()]
            return [result[name] for name in names]
        if isinstance(result, dict):
            return [result[name] for name in names]
        if len(names) > 1:
            array = numpy.asarray(result)
            return [array[:, column] for column in range(len(names))]
        return [result]


def size_of(spec):
    return numpy.dtype(DTYPES[spec["datatype"]]).itemsize


main()
