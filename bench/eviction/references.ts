/**
 * @module bench/eviction/references
 * What a store is held against: FIFO, LRU, and Belady's optimum, which knows the future and drops
 * what is asked for last. With sizes the true optimum is beyond reach, and Belady's rule comes close.
 */

/** Whether each request was a hit. */
export type Hits = Uint8Array;

/**
 * @param requests the object of each request
 * @param costs by object: what it takes of the capacity
 */
export type Reference = (requests: Int32Array, costs: Float64Array, capacity: number) => Hits;

export const REFERENCES: Readonly<Record<'FIFO' | 'LRU' | 'Belady', Reference>> = {
  FIFO: (requests, costs, capacity) => inOrder(requests, costs, capacity, false),
  LRU: (requests, costs, capacity) => inOrder(requests, costs, capacity, true),
  Belady: belady,
};

/** @param renews a hit puts the object back to the end of the order */
function inOrder(requests: Int32Array, costs: Float64Array, capacity: number, renews: boolean): Hits {
  const hits = new Uint8Array(requests.length);
  const order = new Set<number>();
  let used = 0;
  for (const [at, object] of requests.entries()) {
    if (order.has(object)) {
      hits[at] = 1;
      if (renews) {
        order.delete(object);
        order.add(object);
      }
      continue;
    }
    const cost = costs[object]!;
    if (cost > capacity) continue;
    while (used + cost > capacity) {
      const oldest = order.values().next().value!;
      order.delete(oldest);
      used -= costs[oldest]!;
    }
    order.add(object);
    used += cost;
  }
  return hits;
}

function belady(requests: Int32Array, costs: Float64Array, capacity: number): Hits {
  const { length } = requests;
  const hits = new Uint8Array(length);
  const nextUse = nextUses(requests, costs.length);
  /** By object: when it is asked for next, where it is stored; -1 where it is not. */
  const stored = new Int32Array(costs.length).fill(-1);
  const farthest = new MaxHeap();
  let used = 0;
  for (const [at, object] of requests.entries()) {
    const next = nextUse[at]!;
    if (stored[object] !== -1) hits[at] = 1;
    else if (costs[object]! <= capacity) used += costs[object]!;
    else continue;
    stored[object] = next;
    farthest.push(next);
    // What has just come may be what is dropped: then it was not worth keeping.
    while (used > capacity) {
      const use = farthest.pop();
      const dropped = use < length ? requests[use]! : use - length;
      // It was asked for since, and stands elsewhere now.
      if (stored[dropped] !== use) continue;
      stored[dropped] = -1;
      used -= costs[dropped]!;
    }
  }
  return hits;
}

/** By request: the next one of the same object; behind all of them, one for each object, where there is none. */
function nextUses(requests: Int32Array, objects: number): Int32Array {
  const { length } = requests;
  const last = Int32Array.from({ length: objects }, (_, object) => length + object);
  const next = new Int32Array(length);
  for (let at = length - 1; at >= 0; at--) {
    const object = requests[at]!;
    next[at] = last[object]!;
    last[object] = at;
  }
  return next;
}

class MaxHeap {
  readonly #values: number[] = [];

  push(value: number): void {
    const values = this.#values;
    let at = values.push(value) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (values[above]! >= value) break;
      values[at] = values[above]!;
      at = above;
    }
    values[at] = value;
  }

  /** There has to be one. */
  pop(): number {
    const values = this.#values;
    const largest = values[0]!;
    const value = values.pop()!;
    if (values.length === 0) return largest;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= values.length) break;
      if (below + 1 < values.length && values[below + 1]! > values[below]!) below++;
      if (values[below]! <= value) break;
      values[at] = values[below]!;
      at = below;
    }
    values[at] = value;
    return largest;
  }
}
