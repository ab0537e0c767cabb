"""A smooth deformation of space: affine maps on the nodes of a graph, blended between them.

Sumner, Schmid, Pauly, Embedded deformation for shape manipulation (2007), made linear: a node's map
is any affine map and neighbours are held to agree where they meet, as Amberg, Romdhani, Vetter,
Optimal step nonrigid ICP algorithms for surface registration (2007) hold vertices. Only differences
between neighbours cost anything, so one affine map of everything is free, and what is found turns
and grows with the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from mousepose.types import Floats, Ints

#: A point is moved by this many nodes, and a node is tied to this many others.
_BLENDED, _TIED = 6, 8
#: Unknowns of a node for each coordinate: three of the linear part and a shift.
_UNKNOWNS = 4


@dataclass(frozen=True, eq=False)
class NodeGraph:
    """Nodes that move points: `blend` (V, N) rows sum to 1, `edges` (E, 2) between `nodes` (N, 3).

    `basis` (V, 4 N) takes the unknowns of one coordinate to that coordinate of every point, and
    `roughness` (4 N, 4 N) is the mean square by which neighbouring maps differ where they meet, as
    a quadratic form.
    """

    nodes: Floats
    edges: Ints
    blend: sparse.csr_matrix
    basis: sparse.csr_matrix
    roughness: sparse.csr_matrix

    @property
    def identity(self) -> Floats:
        """Return the unknowns (4 N, 3) that leave everything where it is."""
        unknowns = np.zeros((len(self.nodes), _UNKNOWNS, 3))
        unknowns[:, :3] = np.eye(3)
        unknowns[:, 3] = self.nodes
        return unknowns.reshape(-1, 3)


def node_graph(points: Floats, spacing: float, layout: Floats | None = None) -> NodeGraph:
    """Return the graph that moves `points` (V, 3), its nodes about `spacing` apart among them.

    `layout` (V, D) says where the points lie for the purpose of who is whose neighbour, in the same
    unit: points that touch in space but not on the animal are apart there. By default the points
    themselves.
    """
    places = points if layout is None else layout
    chosen = _thinned(places, spacing)
    nodes, tree = points[chosen], cKDTree(places[chosen])
    distance, near = nearest(tree, places, _BLENDED)
    # The weight falls to nothing at the last node asked for: no point jumps from node to node.
    reach = np.maximum(distance[:, -1:], spacing) * 1.001
    weight = np.maximum(1 - distance / reach, 1e-6) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(points)), near.shape[1])
    shape = (len(points), len(chosen))
    blend = sparse.csr_matrix((weight.ravel(), (rows, near.ravel())), shape=shape)
    edges = _edges(tree, places[chosen])
    return NodeGraph(
        nodes, edges, blend, _basis(points, nodes, rows, near.ravel(), weight.ravel()),
        _roughness(nodes, edges, spacing),
    )  # fmt: skip


def solve(graph: NodeGraph, goals: Floats, weights: Floats, stiffness: float) -> Floats:
    """Return the unknowns (4 N, 3) that bring the points nearest to `goals` (V, 3).

    Minimises the mean of `weights` (V,) times square distance, plus `stiffness` times the mean
    square difference of neighbouring maps. Goals of weight 0 may be NaN.
    """
    used = weights > 0
    basis = graph.basis[used]
    scaled = basis.multiply((weights[used] / weights.sum())[:, None]).tocsr()
    # The identity is held by a hair, for nodes that no data reaches.
    hair = 1e-9 * sparse.identity(graph.basis.shape[1], format="csr")
    matrix = basis.T @ scaled + stiffness * graph.roughness + hair
    right = scaled.T @ goals[used] + 1e-9 * graph.identity
    return solved(matrix, right)


def solved(matrix: sparse.csr_matrix, right: Floats) -> Floats:
    """Return the solution (N, K) of a sparse, symmetric, positive definite system."""
    factor = splu(
        matrix.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return np.asarray(factor.solve(right))


def nearest(tree: cKDTree, places: Floats, count: int) -> tuple[Floats, Ints]:
    """Return distance and index (N, K) of the K nearest points of a tree; K is `count` or fewer."""
    distance, index = tree.query(places, k=min(count, tree.n))
    shape = (len(places), -1)
    return np.asarray(distance).reshape(shape), np.asarray(index, np.int64).reshape(shape)


def _thinned(places: Floats, spacing: float) -> Ints:
    """Return the indices of points so that none is nearer to another than `spacing`, none far."""
    cells = np.floor((places - places.min(axis=0)) / (0.5 * spacing)).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    candidates = np.sort(first)
    tree = cKDTree(places[candidates])
    taken = np.zeros(len(candidates), bool)
    covered = np.zeros(len(candidates), bool)
    for index in range(len(candidates)):
        if not covered[index]:
            taken[index] = True
            covered[tree.query_ball_point(places[candidates[index]], spacing)] = True
    return np.asarray(candidates[taken])


def _edges(tree: cKDTree, places: Floats) -> Ints:
    """Return pairs (E, 2) of near nodes, each once."""
    near = nearest(tree, places, _TIED + 1)[1][:, 1:]
    pairs = np.stack([np.repeat(np.arange(len(places)), near.shape[1]), near.ravel()], axis=1)
    return np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int64)


def _basis(
    points: Floats, nodes: Floats, rows: Ints, columns: Ints, weight: Floats
) -> sparse.csr_matrix:
    arm = np.concatenate([points[rows] - nodes[columns], np.ones((len(rows), 1))], axis=1)
    values = weight[:, None] * arm
    where = _UNKNOWNS * columns[:, None] + np.arange(_UNKNOWNS)
    shape = (len(points), _UNKNOWNS * len(nodes))
    return sparse.csr_matrix(
        (values.ravel(), (np.repeat(rows, _UNKNOWNS), where.ravel())), shape=shape
    )


def _roughness(nodes: Floats, edges: Ints, spacing: float) -> sparse.csr_matrix:
    """Return the form of Amberg (2007), eq. 3, about the middle of every edge.

    Two maps must agree in the place of that middle and in their linear parts, the latter times the
    spacing, so that both are lengths.
    """
    count = len(edges)
    if not count:
        return sparse.csr_matrix((_UNKNOWNS * len(nodes),) * 2)
    middle = nodes[edges].mean(axis=1)
    rows, columns, values = [], [], []
    for side, sign in ((0, 1.0), (1, -1.0)):
        node = edges[:, side]
        arm = np.concatenate([middle - nodes[node], np.ones((count, 1))], axis=1)
        rows.append(np.repeat(np.arange(count), _UNKNOWNS))
        columns.append((_UNKNOWNS * node[:, None] + np.arange(_UNKNOWNS)).ravel())
        values.append(sign * arm.ravel())
        for axis in range(3):
            rows.append(count * (axis + 1) + np.arange(count))
            columns.append(_UNKNOWNS * node + axis)
            values.append(np.full(count, sign * spacing))
    shape = (4 * count, _UNKNOWNS * len(nodes))
    difference = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape
    )
    return (difference.T @ difference / count).tocsr()
