"""The body as programs of animation know one: a tree of nodes that sit at joints and turn.

In our body a bone is named after the joint at which it ends and turns about its parent's joint, and
the bones that leave one joint turn on their own. Elsewhere a node sits at a joint and turns all
that hangs on it. So the node of a joint that one bone leaves carries that bone's turn; where
several leave, the joint's node stays still in its bone, and each bone gets a node of its own in the
same place, `SPINE_HIP_to_LEFT_HIP`. Every joint then is one node, under its own name, in its true
place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.geometry import rotation
from mousepose.types import Floats, Ints, Pose

#: What stands between the joint and the next one in the name of a bone's own node.
BONE_WORD = "_to_"


@dataclass(frozen=True, eq=False)
class NodeTree:
    """N nodes, parents first: `names`, `parents` (-1: the root), `offsets` (N, 3) mm.

    `offsets` say where a node sits in its parent's axes, all at rest parallel to those of the body.
    `bones` (N,) is the bone whose turn the node carries, -1 where it carries none, 0 for the root.
    `joints` (J,) are the nodes that sit at the body's joints.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Floats
    bones: Ints
    joints: Ints

    @classmethod
    def of(cls, body: BodyModel, shape: Floats) -> NodeTree:
        """Return the tree of an animal with shape coefficients `shape` (S,)."""
        names, tree = body.skeleton.joint_names, body.skeleton.parents
        vectors = body.bone_scale(shape)[:, None] * body.bone_vectors
        leaving = [[j for j, parent in enumerate(tree) if parent == i] for i in range(len(tree))]
        nodes = [(names[0], -1, np.zeros(3), 0)]
        joint_node = {0: 0}
        # The root turns as a whole, so it never carries a bone's turn too.
        carrier = {0: 0}
        for joint in range(1, len(names)):
            start = joint_node[tree[joint]]
            if len(leaving[tree[joint]]) > 1 or tree[joint] == 0:
                nodes.append(
                    (names[tree[joint]] + BONE_WORD + names[joint], start, np.zeros(3), joint)
                )
                carrier[joint] = len(nodes) - 1
            else:
                name, parent, offset, _ = nodes[start]
                nodes[start] = (name, parent, offset, joint)
                carrier[joint] = start
            nodes.append((names[joint], carrier[joint], vectors[joint], -1))
            joint_node[joint] = len(nodes) - 1
        labels, parents, offsets, bones = zip(*nodes, strict=True)
        return cls(
            labels,
            parents,
            np.array(offsets),
            np.array(bones),
            np.array([joint_node[joint] for joint in range(len(names))]),
        )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def carriers(self) -> Ints:
        """Return for each bone, the root first, the node that carries its turn (J,)."""
        return np.array([int(np.flatnonzero(self.bones == j)[0]) for j in range(len(self.joints))])

    def turns(self, pose: Pose) -> Floats:
        """Return the rotation vector (T, N, 3) rad of every node in its parent's axes."""
        own = np.concatenate([pose.root_rotation[:, None], pose.joint_rotation[:, 1:]], axis=1)
        turns = np.zeros((len(own), len(self), 3))
        carried = self.bones >= 0
        turns[:, carried] = own[:, self.bones[carried]]
        return turns


def places(
    parents: Sequence[int], offsets: Floats, turns: Floats, root: Floats
) -> tuple[Floats, Floats]:
    """Return the rotations (T, N, 3, 3) and places (T, N, 3) of all nodes of a tree, parents first.

    `turns` (T, N, 3, 3) are rotations in the parents' axes, `root` (T, 3) where node 0 is.
    """
    rotations, points = np.empty_like(turns), np.empty(turns.shape[:-1])
    for node, parent in enumerate(parents):
        if parent < 0:
            rotations[:, node], points[:, node] = turns[:, node], root
            continue
        rotations[:, node] = rotations[:, parent] @ turns[:, node]
        points[:, node] = points[:, parent] + rotations[:, parent] @ offsets[node]
    return rotations, points


def upright(up: Floats) -> Floats:
    """Return the rotation (3, 3) by the least angle that makes the direction `up` the y axis.

    Where `up` is -y it turns about x: OpenCV's camera axes become those of drawing programs.
    """
    up = np.asarray(up, np.float64) / np.linalg.norm(up)
    axis = np.cross(up, [0.0, 1.0, 0.0])
    sine = float(np.linalg.norm(axis))
    turn_about = axis / sine if sine > 1e-12 else np.array([1.0, 0.0, 0.0])
    return rotation.exp(turn_about * np.arctan2(sine, up[1]))
