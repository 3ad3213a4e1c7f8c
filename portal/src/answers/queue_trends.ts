import type { QueueTrend, QueueTrends } from './documents'
import type { QueueNode } from './queue_tree'

/** Stretches that come one after another; null where nothing was seen. */
export type Known = readonly (number | null)[]

/** How something was used beside what was guaranteed. */
export interface Trend {
  readonly used: Known
  readonly nominal: Known
}

/** A run of stretches of which each was seen, or of which none was. */
export interface Run {
  readonly from: number
  /** Of the one behind the last. */
  readonly to: number
}

type Key = string

function keyOf(cluster: string, queue: string, flavor: string, resource: string): Key {
  return JSON.stringify([cluster, queue, flavor, resource])
}

export function trendsBy({ items }: QueueTrends): ReadonlyMap<Key, QueueTrend> {
  return new Map(items.map((each) => [keyOf(each.cluster, each.clusterQueue, each.flavor, each.resource), each]))
}

/** Of a row of the tree, the sum of all quotas below it that are shown; null where nothing is known of any. */
export function trendOf(node: QueueNode, trends: ReadonlyMap<Key, QueueTrend>): Trend | null {
  const found = quotasOf(node).flatMap((key) => trends.get(key) ?? [])
  const used = summed(found.map((each) => each.used))
  return used.some((each) => each !== null) ? { used, nominal: summed(found.map((each) => each.nominal)) } : null
}

function quotasOf(node: QueueNode): readonly Key[] {
  if (node.children.length) return node.children.flatMap(quotasOf)
  const { standing, use } = node
  return standing && use ? [keyOf(standing.cluster, standing.clusterQueue, use.flavor, use.resource)] : []
}

/**
 * Stretch by stretch. All quotas of a cohort are seen at one look: one of which nothing is known then, though others are,
 * was not there yet.
 */
function summed(of: readonly Known[]): Known {
  const length = Math.max(0, ...of.map((each) => each.length))
  return Array.from({ length }, (_, at) => {
    const known = of.flatMap((each) => each[at] ?? [])
    return known.length ? known.reduce((sum, each) => sum + each, 0) : null
  })
}

/** Whether enough is known for a line: one stretch alone is a point. */
export function hasLine({ used }: Trend): boolean {
  return used.filter((each) => each !== null).length > 1
}

/** Which stretch is the first that was seen. */
export function firstOf({ used }: Trend): number {
  return used.findIndex((each) => each !== null)
}

/** Where something was seen without a gap, and where nothing was. */
export function runsOf(values: Known, seen: boolean): readonly Run[] {
  const runs: Run[] = []
  let from = -1
  for (let at = 0; at <= values.length; at += 1) {
    const is = at < values.length && (values[at] !== null) === seen
    if (is && from < 0) from = at
    if (!is && from >= 0) {
      runs.push({ from, to: at })
      from = -1
    }
  }
  return runs
}

/** A line through the middles of stretches, in a picture as wide as there are stretches; one alone is a short dash. */
export function lineOf(values: Known, run: Run, height: (value: number) => number): string {
  const points = values.slice(run.from, run.to).map((each, number) => [run.from + number + 0.5, height(each ?? 0)] as const)
  const [first] = points
  if (!first) return ''
  if (points.length === 1) return `M${first[0] - 0.4} ${first[1]}L${first[0] + 0.4} ${first[1]}`
  return points.map(([x, y], number) => `${number ? 'L' : 'M'}${x} ${y}`).join('')
}
