"""The Mouse Pose Analysis Dataset in a notebook: `03_write_notebook.py` makes one of this file."""

# %% [markdown]
# # The Mouse Pose Analysis Dataset, without TensorFlow
#
# What the published usage example shows, read with mousepose: CT scans, labelled frames, and the
# pictures of several cameras. Set `MOUSE_POSE_DATASET` to your copy of the data set; without it a
# small synthetic **twin** in the same layout is made and shown, of mice that never lived.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pydicom

from mousepose import MousePoseDataset
from mousepose.ct.scans.scan import load_scan
from mousepose.dataset.splits import split_by_clip
from mousepose.run.dataset_scans import validate_dataset
from mousepose.run.dataset_twin import TwinOptions, make_twin

folder = Path(os.environ.get("MOUSE_POSE_DATASET", "mouse_pose_twin"))
if not folder.exists():
    make_twin(folder, TwinOptions(clips=14, moments=4, scans=2, scan_voxel_mm=0.4))
dataset = MousePoseDataset(folder)
print(f"{len(dataset.scans)} scans, {len(dataset.frames)} frames, {len(dataset.multiview)} moments")

# %% [markdown]
# ## CT scans
#
# One DICOM file an animal. `load_scan` turns it so that x grows to the animal's right, y to its
# belly and z to its nose, in mm, whatever the file's own order is.

# %%
scan = load_scan(dataset.scans[0])
print(dataset.scans[0].name, scan.values.shape, "voxels of", scan.spacing.round(3), "mm")
print("Hounsfield units:", scan.hounsfield, "from", scan.values.min(), "to", scan.values.max())

# %% [markdown]
# The published example shows `pixel_array[:, :, 320]`, the middle of a scan that is 640 voxels
# wide. The same slice by pydicom, and by its place in mm:

# %%
pixels = pydicom.dcmread(dataset.scans[0]).pixel_array
middle = 320 if pixels.shape[2] == 640 else pixels.shape[2] // 2
across = scan.values.shape[0] - 1 - middle  # columns of the file grow to the left
same = np.array_equal(pixels[::-1, ::-1, middle][::-1], scan.values[across].T)
place = f"{across * scan.spacing[0]:.1f} mm from the left"
print(f"pixel_array[:, :, {middle}] is the plane {place}: {same}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
left.imshow(pixels[:, :, middle].T, cmap="gray", vmin=-1000, vmax=1200)
left.set(title=f"pixel_array[:, :, {middle}], turned", xlabel="slice", ylabel="row")
extent = (0, pixels.shape[0] * scan.spacing[2], 0, pixels.shape[1] * scan.spacing[1])
brightest = scan.values.max(axis=0)
right.imshow(brightest, cmap="gray", vmin=-1000, vmax=2500, origin="lower", extent=extent)
right.set(title="the brightest of all planes", xlabel="mm, to the nose", ylabel="mm, to the belly")
figure.savefig("scan.png")

# %% [markdown]
# ## Labelled frames
#
# Frames are read when they are asked for. The index is a pandas table: a row for each record.

# %%
index = dataset.frames.index()
index.head()

# %%
index.groupby("behaviour", observed=True).agg(
    frames=("frame", "size"), clips=("clip", "nunique"), labelled_keypoints=("keypoints", "mean")
).round(1)

# %% [markdown]
# What was not published (which features hold behaviour, clip and number) is guessed, and said:

# %%
for told in dataset.frames.feature_map.guessed:
    print(told)
frame = dataset.frames[0]
print(frame.behaviour, frame.clip, frame.frame, frame.image.shape, frame.xy.shape)
pd.DataFrame(frame.xy, index=frame.keypoint_names, columns=["x", "y"]).round(1).head(4)

# %% [markdown]
# A frame of each behaviour, with its labels:

# %%
kinds = list(index["behaviour"].cat.categories)
figure, panels = plt.subplots(2, 4, figsize=(10, 4.6), layout="constrained")
for axes in panels.flat:
    axes.set_axis_off()
for axes, kind in zip(panels.flat, kinds, strict=False):
    frame = dataset.frames[int(index.index[index["behaviour"] == kind][0])]
    axes.imshow(frame.image)
    axes.scatter(*frame.xy.T, s=9, c=np.arange(len(frame.xy)), cmap="turbo")
    (left, top), (right, low) = np.nanmin(frame.xy, 0) - 25, np.nanmax(frame.xy, 0) + 25
    axes.set(title=kind, xlim=(left, right), ylim=(low, top))
figure.savefig("frames.png")

# %% [markdown]
# Which keypoints are labelled how often, and parts for training that never share a clip:

# %%
table = dataset.frames.table
labelled = pd.Series(100 * table.visible.mean(axis=0), index=table.keypoint_names).round(0)
print(labelled.sort_values(ascending=False).astype(int).to_string())
for part, records in split_by_clip(table).items():
    print(part, len(records), "frames of", index.loc[records, "clip"].nunique(), "clips")

# %% [markdown]
# ## Several cameras
#
# `multiview/keypoints.csv` (the published example spells the folder `mutliview`; either is found):
# a row for each picture, the points in pixels. Which picture is which view of which moment is read
# from the pictures' paths.

# %%
views = dataset.multiview
print(views.view_names, len(views), "moments;", views.guessed)
pd.read_csv(views.folder / "keypoints.csv").iloc[:6, :7]

# %%
figure, panels = plt.subplots(2, 3, figsize=(9, 4.8), layout="constrained")
for moment, row in enumerate(panels):
    for view, axes in enumerate(row):
        axes.imshow(views.picture(moment, view))
        axes.scatter(*views.xy[moment, view].T, s=8, c="cyan")
        axes.set(title=views.view_names[view] if moment == 0 else "", xticks=[], yticks=[])
figure.savefig("views.png")

# %% [markdown]
# ## Checked
#
# The rules of the data set, and which are broken (`mousepose dataset validate` tells them too):

# %%
with MousePoseDataset(folder, skip_faults=True) as careful:
    found = validate_dataset(careful)
print("checked:", ", ".join(found.checked))
print("broken rules:", found.counts or "none")
