import type { QueueStanding, QueueUse } from './documents'

const BESIDE = new Set(['cpu', 'memory', 'ephemeral-storage', 'pods'])

/** Whether a resource is a device; all else is what stands around one. */
export function isDevice(resource: string): boolean {
  return !BESIDE.has(resource)
}

/** Sums of quota. */
export interface QuotaSums {
  readonly nominal: number
  readonly used: number
  readonly borrowed: number
  readonly lent: number
}

/** Who may take back what a queue has borrowed: lenders, and whether work of theirs waits now. */
export interface Reclaimer {
  readonly lender: string
  readonly amount: number
  /** Workloads that wait in the lender's queue. */
  readonly pending: number
}

export interface QueueNode extends QuotaSums {
  readonly key: string
  readonly level: 0 | 1 | 2
  readonly name: string
  readonly cluster: string
  readonly standing: QueueStanding | null
  readonly use: QueueUse | null
  readonly limit: number | null
  readonly pending: number
  readonly reclaimers: readonly Reclaimer[]
  readonly children: readonly QueueNode[]
}

/**
 * Queues as a tree: cohorts, their queues, and of each its flavors. Only the quotas that are wanted are counted; a queue
 * without any is left out.
 */
export function treeOf(
  items: readonly QueueStanding[],
  wanted: (use: QueueUse) => boolean,
  waiting: ReadonlyMap<string, number> = waitingIn(items),
): readonly QueueNode[] {
  const cohorts = new Map<string, QueueNode[]>()
  for (const standing of items) {
    const uses = standing.quotas.filter(wanted)
    if (!uses.length) continue
    const key = `${standing.cluster}/${standing.cohort}`
    const there = cohorts.get(key) ?? []
    there.push(queueNode(standing, uses, waiting))
    cohorts.set(key, there)
  }
  return [...cohorts.entries()].map(([key, children]) => {
    const first = children[0]?.standing
    return {
      key,
      level: 0,
      name: first?.cohort || 'in no cohort',
      cluster: first?.cluster ?? '',
      standing: null,
      use: null,
      limit: null,
      pending: children.reduce((sum, each) => sum + each.pending, 0),
      reclaimers: [],
      children,
      ...summed(children),
    }
  })
}

function queueNode(standing: QueueStanding, uses: readonly QueueUse[], waiting: ReadonlyMap<string, number>): QueueNode {
  const key = `${standing.cluster}/${standing.cohort}/${standing.clusterQueue}`
  const children = uses.map((use): QueueNode => ({
    key: `${key}/${use.flavor}/${use.resource}`,
    level: 2,
    name: use.flavor,
    cluster: standing.cluster,
    standing,
    use,
    nominal: use.nominal,
    used: use.used,
    borrowed: use.borrowed,
    lent: use.lent,
    limit: use.limit,
    pending: 0,
    reclaimers: reclaimersOf(standing, [use], waiting),
    children: [],
  }))
  return {
    key,
    level: 1,
    name: standing.clusterQueue,
    cluster: standing.cluster,
    standing,
    use: uses.length === 1 ? (uses[0] ?? null) : null,
    limit: limitOf(uses),
    pending: standing.pending,
    reclaimers: reclaimersOf(standing, uses, waiting),
    // Of a single flavor there is nothing to open: its name stands beside the queue's.
    children: children.length > 1 ? children : [],
    ...summed(children),
  }
}

/** The most that a queue can have; null where some of it has no bound. */
function limitOf(uses: readonly QueueUse[]): number | null {
  let sum = 0
  for (const { limit } of uses) {
    if (limit === null) return null
    sum += limit
  }
  return sum
}

function summed(of: readonly QuotaSums[]): QuotaSums {
  const sum = (field: keyof QuotaSums) => of.reduce((total, each) => total + each[field], 0)
  return { nominal: sum('nominal'), used: sum('used'), borrowed: sum('borrowed'), lent: sum('lent') }
}

export function reclaimersOf(
  standing: QueueStanding,
  uses: readonly QueueUse[],
  waiting: ReadonlyMap<string, number>,
): readonly Reclaimer[] {
  const amounts = new Map<string, number>()
  for (const use of uses)
    for (const each of use.borrowsFrom) amounts.set(each.lender, (amounts.get(each.lender) ?? 0) + each.amount)
  return [...amounts.entries()]
    .map(([lender, amount]) => ({ lender, amount, pending: waiting.get(`${standing.cluster}/${lender}`) ?? 0 }))
    .sort((a, b) => b.pending - a.pending || b.amount - a.amount)
}

/** Whether a queue has borrowed what its lender has work for. */
export function mayBeReclaimed(standing: QueueStanding, waiting: ReadonlyMap<string, number>): boolean {
  return reclaimersOf(standing, standing.quotas.filter((use) => isDevice(use.resource)), waiting).some((each) => each.pending > 0)
}

/** How many workloads wait in each queue, by cluster and name. */
export function waitingIn(items: readonly QueueStanding[]): ReadonlyMap<string, number> {
  return new Map(items.map((each) => [`${each.cluster}/${each.clusterQueue}`, each.pending]))
}

/** The same tree with siblings in another order, on each level by itself. */
export function inOrder(tree: readonly QueueNode[], order: (siblings: readonly QueueNode[]) => readonly QueueNode[]): readonly QueueNode[] {
  return order(tree).map((node) => ({ ...node, children: inOrder(node.children, order) }))
}

/** A row of the tree as it is shown: closed nodes hide what is below them. */
export function shownRows(tree: readonly QueueNode[], open: (node: QueueNode) => boolean): readonly QueueNode[] {
  const found: QueueNode[] = []
  for (const node of tree) {
    found.push(node)
    if (node.children.length && open(node)) found.push(...shownRows(node.children, open))
  }
  return found
}
