"""The network simplex: the transport linear programme, solved exactly, in the order of the ideas.

There are n heaps and m holes, and cost[i, j] is the price of carrying one unit from heap i to hole j. A **plan** that
cannot be improved by mixing others uses at most n + m - 1 of the n m roads, and these form a **tree** over the n + m
places: take away every road off the tree, and all amounts follow.

1. *Prices.* Give every heap a price f_i and every hole a price g_j such that f_i + g_j = cost[i, j] on each road of
   the tree. One price fixes all others, by walking the tree.
2. *Is there anything better?* A road off the tree with cost[i, j] < f_i + g_j is cheaper than the way through the
   tree. If there is none, the plan is optimal, and the prices prove it: they are a feasible point of the dual, with
   the same value.
3. *Pivot.* Otherwise open that road. It closes one cycle with the tree. Send as much as possible around it, until some
   road of the cycle is empty, and close that one. The tree is a tree again and the cost has not risen.

Three things make it fast in Python. Step 2 looks at one heap's m roads at a time, as one array operation. A pivot
changes the prices only below the closed road, all by the same amount. And we start from a good tree: a few rounds of
Sinkhorn's algorithm give rough prices, and the first tree takes the roads in order of cost[i, j] - f_i - g_j.

Amounts are whole numbers of grains, so that sums are exact and equal amounts stay equal. Then many roads of the tree
may be empty, and pivots that move nothing could go round for ever. They cannot if every empty road of the tree has
its heap below its hole, as seen from the root: the first tree is built so, and of several roads that run empty
together we close the last one on the way round (Cunningham, "A network simplex method", 1976). The method is in
Ahuja, Magnanti and Orlin, "Network flows", 1993, chapter 11.
"""

import numpy as np


def solve(p: np.ndarray, q: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The optimal plan (n, m), in grains, and prices f (n,), g (m,).

    p: (n,), q: (m,): positive whole numbers of equal total. cost: (n, m).
    """
    n, m = cost.shape
    amount, parent = first_tree(p, q, cost - np.add.outer(*rough_prices(p, q, cost)))
    tree = Tree(cost, amount, parent)
    negligible = 1e-12 * np.abs(cost).max()  # more than the prices' rounding in one round
    improved = True
    while improved:
        improved = False
        tree.set_prices()
        for heap in range(n):
            reduced = cost[heap] - tree.g  # (m,)
            hole = int(reduced.argmin())
            gain = float(tree.f[heap] - reduced[hole])
            if gain > negligible:
                tree.pivot(heap, n + hole, gain)
                improved = True
    plan = np.zeros((n, m), int)
    for (i, j), x in tree.amount.items():
        plan[i, j - n] = x
    return plan, tree.f, tree.g


def grains(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Probabilities p (n,), q (m,) as whole numbers of one total of about 10^15, and this total.

    It is a multiple of n, m and 252,000: then 1/n, 1/m, 1/7 or 0.125 come out whole, and what looks like a tie is one.
    """
    unit = 252_000 * len(p) * len(q)
    total = unit * max(1, 2**50 // unit)
    amounts = []
    for weights in (p, q):
        whole = np.rint(weights / weights.sum() * total).astype(np.int64)
        whole[whole.argmax()] += total - whole.sum()  # a few grains of rounding
        amounts.append(whole)
    return amounts[0], amounts[1], total


class Tree:
    """A tree of roads over the heaps 0..n-1 and the holes n..n+m-1, with the amounts carried and the prices."""

    def __init__(self, cost, amount, parent):
        self.n = len(cost)
        self.cost = cost
        self.amount = amount  # {(heap, hole): amount carried}
        self.parent = parent  # of every place; -1 for the root
        self.root = parent.index(-1)
        self.children = [set() for _ in parent]
        for u, v in enumerate(parent):
            if u != self.root:
                self.children[v].add(u)
        self.price = np.zeros(len(parent))
        self.f, self.g = self.price[: self.n], self.price[self.n :]  # views

    def set_prices(self):
        """Prices that fit the tree's roads, from the root (price 0) down."""
        self.price[self.root] = 0.0
        for u in self.below(self.root)[1:]:
            i, j = self.road(u, self.parent[u])
            self.price[u] = self.cost[i, j - self.n] - self.price[self.parent[u]]

    def road(self, u, v):
        return (u, v) if u < self.n else (v, u)

    def below(self, u):
        """u and everything that hangs from it, each place after its parent."""
        places = [u]
        for v in places:  # the list grows while we walk it
            places.extend(self.children[v])
        return places

    def pivot(self, heap, hole, gain):
        """Open the road heap -> hole, which is cheaper by `gain` than the way through the tree."""
        n, parent, children, amount = self.n, self.parent, self.children, self.amount
        # The cycle: the ways up from both ends to where they meet.
        from_heap = {}
        u = heap
        while u >= 0:
            from_heap[u] = len(from_heap)
            u = parent[u]
        from_hole = []
        u = hole
        while u not in from_heap:
            from_hole.append(u)
            u = parent[u]
        from_heap = list(from_heap)[: from_heap[u]]
        # What goes over the new road no longer leaves the heaps above `heap` upward, nor enters the holes above `hole`
        # from above: the first of these roads to run empty sets the amount, and is closed.
        moved = np.inf
        for u in from_heap:
            if u < n and amount[u, parent[u]] < moved:
                moved, closed, top, under = amount[u, parent[u]], u, heap, hole
        for u in from_hole:
            if u >= n and amount[parent[u], u] <= moved:  # <=: the last one on the way round
                moved, closed, top, under = amount[parent[u], u], u, hole, heap
        if moved > 0:
            for u in from_heap:
                amount[self.road(u, parent[u])] += -moved if u < n else moved
            for u in from_hole:
                amount[self.road(u, parent[u])] += -moved if u >= n else moved
        # Close one road, open the other: what hung from `closed` now hangs from `under`, with `top` as its top.
        del amount[self.road(closed, parent[closed])]
        amount[heap, hole] = moved
        u, new = top, under
        while new != closed:
            old = parent[u]
            children[old].remove(u)
            children[new].add(u)
            parent[u], new, u = new, u, old
        # The new road's price must fit: lower the prices on this side's heaps, or holes, and raise the others.
        places = np.array(self.below(top))
        same_side = (places < n) == (top < n)
        self.price[places] += np.where(same_side, -gain, gain)


def first_tree(p, q, reduced, nearest=16):
    """A tree of roads that carries p to q, greedily by `reduced` cost. Returns its amounts and every place's parent.

    Each road carries all it can and so finishes with one place, its heap or its hole, which hangs from the other: n + m
    - 1 roads, and a tree. If both are done at once the hole goes and the empty heap stays, to be hung by an empty road
    from another hole; the last hole is the root.
    """
    n, m = reduced.shape
    left_p, left_q = p.tolist(), q.tolist()
    amount, parent = {}, [-1] * (n + m)
    heaps, holes = np.arange(n), np.arange(m)  # not finished
    open_heap, open_hole, holes_left = [True] * n, [True] * m, m
    while len(heaps):
        rows, columns = smallest(reduced[np.ix_(heaps, holes)], nearest)
        for i, j in zip(heaps[rows].tolist(), holes[columns].tolist()):
            if not (open_heap[i] and open_hole[j]):
                continue
            if left_p[i] < left_q[j] or holes_left == 1:
                amount[i, n + j] = left_p[i]
                left_q[j] -= left_p[i]
                open_heap[i], parent[i] = False, n + j
            else:
                amount[i, n + j] = left_q[j]
                left_p[i] -= left_q[j]
                open_hole[j], parent[n + j] = False, i
                holes_left -= 1
        heaps, holes = np.flatnonzero(open_heap), np.flatnonzero(open_hole)
    return amount, parent


def smallest(matrix, k):
    """Rows and columns of the k smallest entries of every row and every column, in ascending order of the entries."""
    n, m = matrix.shape
    chosen = np.zeros((n, m), bool)
    if k < min(n, m):
        np.put_along_axis(chosen, np.argpartition(matrix, k, axis=1)[:, :k], True, axis=1)
        np.put_along_axis(chosen, np.argpartition(matrix, k, axis=0)[:k], True, axis=0)
    else:
        chosen[:] = True
    rows, columns = np.nonzero(chosen)
    order = np.argsort(matrix[rows, columns], kind="stable")
    return rows[order], columns[order]


def rough_prices(p, q, cost, stages=10, rounds=60):
    """Prices f (n,), g (m,) near the optimal ones, by Sinkhorn's algorithm with a falling temperature.

    Only a guess of where to start: float32, and no accuracy is promised. (Cuturi, "Sinkhorn distances", 2013.)
    """
    n, m = cost.shape
    scale = float(cost.mean())
    if n * m < 2500 or scale == 0:  # small: the simplex is quick from any tree
        return np.zeros(n), np.zeros(m)
    cost = (cost / scale).astype(np.float32)
    p, q = (p / p.sum()).astype(np.float32), (q / q.sum()).astype(np.float32)
    f, g = np.zeros(n, np.float32), np.zeros(m, np.float32)
    tiny = np.float32(1e-30)
    for temperature in np.geomspace(0.3, 0.001, stages, dtype=np.float32):
        g += (cost - f[:, None] - g).min(axis=0)  # feasible again, and tight
        f += (cost - f[:, None] - g).min(axis=1)
        kernel = np.exp((f[:, None] + g - cost) / temperature)  # (n, m), at most 1
        v = np.ones(m, np.float32)
        for _ in range(rounds):
            u = p / (np.einsum("ij,j->i", kernel, v) + tiny)  # einsum: no threads to wait for
            v = q / (np.einsum("i,ij->j", u, kernel) + tiny)
        f += temperature * np.log(u + tiny)
        g += temperature * np.log(v + tiny)
    return scale * f.astype(np.float64), scale * g.astype(np.float64)
