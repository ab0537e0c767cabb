"""Runs networks on pictures with onnxruntime: crops to keypoints, in batches, on any provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.detect.heatmaps import Decoded, decode
from mousepose.detect.network_file import NetworkDescription, described
from mousepose.detect.upright import looked_upright
from mousepose.errors import FileError, InputError
from mousepose.skeleton import mirrored_name
from mousepose.types import Bytes, Floats, Ints

#: A network file larger than this is no network for mice.
MOST_BYTES = 500_000_000
#: Pictures in one call: larger batches are not faster on processors and take memory.
BATCH = 16
#: Views that can be declared, in the order of the network's input.
VIEWS = ("top", "side", "bottom")
#: Variance of points of a network that tells none, as a share of the squared size of its input.
_UNTOLD_VARIANCE = 0.02**2
#: Chances below this are as good as none.
_LEAST_CHANCE = 1e-6


@dataclass(frozen=True, eq=False)
class CropKeypoints:
    """Keypoints of N crops, in px of the crops: `xy` (N, K, 2), `covariance` (N, K, 2, 2) px^2.

    `confidence` (N, K) is the chance that a point is within 10 % of the body's length of the truth,
    `visibility` (N, K) that it is seen, `view` (N, 3) that the crop shows the mouse from above, the
    side or below; NaN where the network does not tell.
    """

    xy: Floats
    covariance: Floats
    confidence: Floats
    visibility: Floats
    view: Floats


class Network:
    """An ONNX file opened for work: `run(feeds)` returns the outputs by name.

    `providers` are onnxruntime's, the best installed ones by default; `threads` of the processor,
    0 for all. Raises `FileError` for a file that is no network or says nothing of itself, or has
    other inputs or outputs than it says; `InputError` for a provider that is not installed.
    """

    def __init__(
        self, path: str | Path, *, providers: Sequence[str] | None = None, threads: int = 0
    ) -> None:
        self.path = Path(path)
        self._session = _session(self.path, providers, threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.description: NetworkDescription = described(self.path, metadata)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self._check_names()

    def run(self, feeds: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        """Return the outputs by name. Raises `FileError` where it cannot take the feeds."""
        names = [output.name for output in self._session.get_outputs()]
        try:
            values = self._session.run(names, feeds)
        except Exception as error:  # onnxruntime raises classes of its own
            shapes = ", ".join(f"{name} {value.shape}" for name, value in feeds.items())
            raise FileError(
                f"{self.path} cannot be run on {shapes}: {_first_line(error)}; its description "
                "(size, layout, channels) does not fit it"
            ) from error
        return dict(zip(names, values, strict=True))

    def images(self, pictures: Bytes) -> NDArray[Any]:
        """Return grey pictures (N, S, S) as the network takes them. Raises `InputError`."""
        into = self.description.input
        if pictures.ndim != 3 or pictures.shape[1:] != (into.size, into.size):
            raise InputError(
                f"{self.path.name} takes grey pictures (N, {into.size}, {into.size}), got "
                f"{pictures.shape}"
            )
        axis = 1 if into.layout == "NCHW" else 3
        given = np.repeat(np.expand_dims(pictures, axis), into.channels, axis)
        if into.integers:
            return np.ascontiguousarray(given, np.uint8)
        return np.asarray(given * np.float32(into.scale) + np.float32(into.offset), np.float32)

    def _check_names(self) -> None:
        inputs = [one.name for one in self._session.get_inputs()]
        outputs = [one.name for one in self._session.get_outputs()]
        into, out = self.description.input, self.description.output
        wanted = [into.images, *filter(None, [into.view])]
        told = [out.heatmaps, out.points, out.visibility, out.view, out.centre, out.extent]
        missing = [f"input {name!r}" for name in wanted if name not in inputs]
        missing += [f"output {name!r}" for name in told if name and name not in outputs]
        missing += [f"a value for input {name!r}" for name in inputs if name not in wanted]
        if missing:
            raise FileError(
                f"{self.path} does not fit its description: no {', no '.join(missing)}; it has the "
                f"inputs {', '.join(inputs)} and the outputs {', '.join(outputs)}"
            )


class KeypointModel:
    """Keypoints of crops: `KeypointModel("model.onnx").predict(crops)`. See `Network`.

    `names` are the keypoints, `size` the side of a crop in px. Raises as `Network`, and `FileError`
    for a network of another kind.
    """

    def __init__(
        self, path: str | Path, *, providers: Sequence[str] | None = None, threads: int = 0
    ) -> None:
        self.network = Network(path, providers=providers, threads=threads)
        self.description = self.network.description
        if self.description.kind != "keypoints":
            raise FileError(f"{path} is a {self.description.kind}; expected a keypoint network")
        self.names = self.description.keypoints
        self.size = self.description.input.size

    def predict(
        self,
        crops: Bytes,
        view: str | Sequence[str] | None = None,
        *,
        average: bool = False,
        turn: Floats | None = None,
    ) -> CropKeypoints:
        """Return the keypoints of grey crops (N, S, S) uint8.

        `view` declares how the mouse is seen, one for all or one for each: "top", "side", "bottom",
        or "unknown". With `average` each crop is also looked at in a mirror: better, and twice as
        slow. Networks that know mice heading up look a second time at crops in which the mouse
        does not; `turn` (N,) rad is by how much each crop must turn for that, where it is known
        about (as in the frame before): then one look is enough. Raises `InputError` for crops of
        another size and unknown views.
        """
        told = declared(view, len(crops))
        turns = np.zeros(len(crops)) if turn is None else np.asarray(turn, np.float64)
        parts = [
            self._predict(crops[part], told[part], turns[part], average)
            for part in (slice(first, first + BATCH) for first in range(0, len(crops), BATCH))
        ]
        if not parts:
            points = len(self.names)
            return CropKeypoints(
                np.empty((0, points, 2)), np.empty((0, points, 2, 2)), np.empty((0, points)),
                np.empty((0, points)), np.empty((0, len(VIEWS))),
            )  # fmt: skip
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return CropKeypoints(*(np.concatenate(column) for column in columns))

    def _predict(
        self, crops: Bytes, view: NDArray[np.float32], turn: Floats, average: bool
    ) -> CropKeypoints:
        given: list[dict[str, NDArray[np.float32]]] = []

        def look(seen: Bytes, rows: Ints) -> Decoded:
            maps_and_more = self._run(seen, view[rows])
            given.append(maps_and_more)
            return self._points(maps_and_more, seen, view[rows], average)

        if self.description.input.upright:
            points = looked_upright(
                look, crops, self.names, lambda: self._may_turn(given[0], view), turn
            )
        else:
            points = look(crops, np.arange(len(crops)))
        out = self.description.output
        unknown = np.full(points.score.shape, np.nan)
        seen = logistic(given[0][out.visibility]) if out.visibility else unknown
        told = self._views(given[0], len(crops))
        scale = self.description.calibration.covariance_scale
        return CropKeypoints(points.xy, scale * points.covariance, self._sure(points), seen, told)

    def _points(
        self,
        given: dict[str, NDArray[np.float32]],
        crops: Bytes,
        view: NDArray[np.float32],
        average: bool,
    ) -> Decoded:
        if not self.description.output.heatmaps:
            return self._from_points(given)
        maps = self._maps(given)
        if average:
            seen = np.ascontiguousarray(crops[:, :, ::-1])
            other = self._maps(self._run(seen, view))[:, _mirror(self.names), :, ::-1]
            maps = np.asarray((maps + other) / 2, np.float32)
        return self._from_maps(maps)

    def _views(self, given: dict[str, NDArray[np.float32]], count: int) -> Floats:
        name = self.description.output.view
        return _softmax(given[name]) if name else np.full((count, len(VIEWS)), np.nan)

    def _may_turn(
        self, given: dict[str, NDArray[np.float32]], view: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Return which crops are seen from above or below, as declared or else as it looks."""
        side = VIEWS.index("side")
        looks = self._views(given, len(view))[:, side] < 0.5
        return np.asarray(np.where(view.any(1), view[:, side] == 0, looks))

    def _run(self, crops: Bytes, view: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        into = self.description.input
        feeds: dict[str, NDArray[Any]] = {into.images: self.network.images(crops)}
        if into.view:
            feeds[into.view] = view
        return self.network.run(feeds)

    def _maps(self, given: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the logits of the heatmaps (N, K, H, W). Raises `FileError` for other shapes."""
        out = self.description.output
        maps = given[out.heatmaps]
        if maps.ndim != 4:
            raise FileError(f"{self.network.path}: heatmaps have shape {maps.shape}, not (N,K,H,W)")
        maps = maps if out.layout == "NCHW" else maps.transpose(0, 3, 1, 2)
        cells = round(self.size / out.stride)
        if maps.shape[1:] != (len(self.names), cells, cells):
            raise FileError(
                f"{self.network.path}: its heatmaps have the shape {maps.shape[1:]}; its "
                f"description says {len(self.names)} keypoints and {cells} x {cells} cells"
            )
        return np.log(np.maximum(maps, _LEAST_CHANCE)) if out.form == "chances" else maps

    def _from_maps(self, maps: NDArray[np.float32]) -> Decoded:
        calibration = self.description.calibration
        return decode(
            maps, self.description.output.stride, blob=calibration.blob,
            temperature=calibration.temperature, radius=calibration.radius,
        )  # fmt: skip

    def _from_points(self, given: dict[str, NDArray[np.float32]]) -> Decoded:
        points = np.asarray(given[self.description.output.points], np.float64)
        if points.ndim != 3 or points.shape[1] != len(self.names) or points.shape[2] not in (2, 3):
            raise FileError(
                f"{self.network.path}: its points have the shape {points.shape}; expected "
                f"(N, {len(self.names)}, 2 or 3)"
            )
        xy = points[..., :2]
        if self.description.output.form == "shares":
            xy = xy * self.size - 0.5
        score = points[..., 2] if points.shape[2] == 3 else np.ones(points.shape[:2])
        variance = _UNTOLD_VARIANCE * self.size**2
        spread = np.broadcast_to(np.eye(2) * variance, (*xy.shape, 2))
        return Decoded(xy, spread.copy(), np.clip(score, 0.0, 1.0))

    def _sure(self, points: Decoded) -> Floats:
        calibration = self.description.calibration
        if not calibration.scores:
            return points.score
        sure = np.interp(points.score, calibration.scores, calibration.confidences)
        return np.asarray(np.where(np.isfinite(points.xy).all(-1), sure, 0.0))


def declared(view: str | Sequence[str] | None, count: int) -> NDArray[np.float32]:
    """Return views by name as the input (N, 3): a one for what is known, zeros for unknown.

    Raises `InputError` for other names and another number of them.
    """
    names = [view or "unknown"] * count if view is None or isinstance(view, str) else list(view)
    if len(names) != count:
        raise InputError(f"view: expected one for each of {count} crops, got {len(names)}")
    wrong = sorted(set(names) - {*VIEWS, "unknown"})
    if wrong:
        raise InputError(f"view: expected {', '.join(VIEWS)} or unknown, got {wrong[0]!r}")
    return np.array([[name == known for known in VIEWS] for name in names], np.float32).reshape(
        count, len(VIEWS)
    )


def _mirror(names: Sequence[str]) -> list[int]:
    """Return for each keypoint the place of its partner on the other side, or its own."""
    partners = [mirrored_name(name) for name in names]
    return [list(names).index(p) if p in names else k for k, p in enumerate(partners)]


def _session(path: Path, providers: Sequence[str] | None, threads: int) -> Any:
    import onnxruntime

    if not path.is_file():
        raise FileError(f"{path}: there is no such file; expected a network (.onnx)")
    if path.stat().st_size > MOST_BYTES:
        raise FileError(f"{path}: larger than {MOST_BYTES:,} bytes, no network for mice")
    installed = onnxruntime.get_available_providers()
    unknown = [name for name in providers or () if name not in installed]
    if unknown:
        raise InputError(
            f"provider {unknown[0]!r} is not installed; onnxruntime has: {', '.join(installed)}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors become exceptions: said once is enough
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=list(providers or installed)
        )
    except Exception as error:  # onnxruntime raises classes of its own
        raise FileError(f"{path}: no ONNX network ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0][:300]


def logistic(values: NDArray[np.float32]) -> Floats:
    """Return the chances that go with logits."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values.astype(np.float64))))


def _softmax(values: NDArray[np.float32]) -> Floats:
    powers = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
