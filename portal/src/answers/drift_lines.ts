import type { ClusterDrift, DriftField, DriftObject } from './documents'

/** A line of a difference: it stands in the cluster, in what is declared, or in both. */
export interface DiffLine {
  readonly side: 'live' | 'declared' | 'both'
  readonly text: string
}

/** An object that is not as declared, with its cluster; the key names it in the address. */
export interface DriftRow {
  readonly key: string
  readonly cluster: string
  readonly of: DriftObject
  readonly by: readonly string[]
  /** When somebody wrote to it last, milliseconds since the epoch; null where nobody is known to have. */
  readonly since: number | null
}

export function driftRows(clusters: readonly ClusterDrift[]): readonly DriftRow[] {
  return clusters.flatMap((cluster) =>
    cluster.objects.map((of) => {
      const times = of.fields.map((each) => Date.parse(each.since)).filter((each) => !Number.isNaN(each))
      const { kind, namespace, name } = of.object
      return {
        key: [cluster.name, kind, namespace, name, of.drift].join('/'),
        cluster: cluster.name,
        of,
        by: [...new Set(of.fields.map((each) => each.by).filter(Boolean))],
        since: times.length ? Math.max(...times) : null,
      }
    }),
  )
}

/** What differs: all but what an adoption has left to its owner. */
export function differing(objects: readonly DriftObject[]): number {
  return objects.filter((each) => each.drift !== 'kept').length
}

/** A field as a difference: what lives goes, what is declared comes. */
export function linesOf(field: DriftField): readonly DiffLine[] {
  const live = 'live' in field ? textOf(field.live) : []
  const declared = 'declared' in field ? textOf(field.declared) : []
  return differenceOf(live, declared)
}

function textOf(value: unknown): readonly string[] {
  return (typeof value === 'object' && value !== null ? JSON.stringify(value, null, 2) : JSON.stringify(value)).split('\n')
}

const MOST = 400

/** Lines of both, each in its order, those that are the same once; what is very long stands side by side as a whole. */
export function differenceOf(live: readonly string[], declared: readonly string[]): readonly DiffLine[] {
  const apart = (side: 'live' | 'declared', lines: readonly string[]) => lines.map((text): DiffLine => ({ side, text }))
  if (live.length > MOST || declared.length > MOST) return [...apart('live', live), ...apart('declared', declared)]
  const common = commonLengths(live, declared)
  const found: DiffLine[] = []
  let one = 0
  let other = 0
  while (one < live.length && other < declared.length) {
    if (live[one] === declared[other]) {
      found.push({ side: 'both', text: live[one] as string })
      one += 1
      other += 1
    } else if ((common[one + 1]?.[other] ?? 0) >= (common[one]?.[other + 1] ?? 0)) {
      found.push({ side: 'live', text: live[one] as string })
      one += 1
    } else {
      found.push({ side: 'declared', text: declared[other] as string })
      other += 1
    }
  }
  return [...found, ...apart('live', live.slice(one)), ...apart('declared', declared.slice(other))]
}

/** How many lines both have in common from each pair of lines on. */
function commonLengths(live: readonly string[], declared: readonly string[]): readonly (readonly number[])[] {
  const table = Array.from({ length: live.length + 1 }, () => new Array<number>(declared.length + 1).fill(0))
  for (let one = live.length - 1; one >= 0; one -= 1)
    for (let other = declared.length - 1; other >= 0; other -= 1) {
      const row = table[one] as number[]
      const next = table[one + 1] as number[]
      row[other] = live[one] === declared[other] ? (next[other + 1] ?? 0) + 1 : Math.max(next[other] ?? 0, row[other + 1] ?? 0)
    }
  return table
}
