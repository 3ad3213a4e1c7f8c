import { count, plural } from '../words/format'
import type { WasteEntry } from './documents'

/** What becomes of a device, as the picture of the fleet has it; in the order in which a node shows them. */
export const KINDS = ['used', 'unmeasured', 'starting', 'idle', 'reserved', 'stranded', 'free', 'closed', 'broken', 'unknown'] as const
export type SlotKind = (typeof KINDS)[number]

export interface KindWords {
  readonly word: string
  readonly means: string
}

export const KIND_WORDS: Readonly<Record<SlotKind, KindWords>> = {
  used: { word: 'used', means: 'held, and measured at work' },
  unmeasured: { word: 'held, no telemetry', means: 'held, and nobody measures whether it works' },
  starting: { word: 'starting', means: 'held, while data, images or containers are brought' },
  idle: { word: 'held idle', means: 'held, and below the threshold of use for long enough' },
  reserved: { word: 'reserved', means: 'nobody holds it, and admitted work has its quota' },
  stranded: { word: 'stranded', means: 'free, and left without use by quota or by what else its node lacks' },
  free: { word: 'free', means: 'nobody asks for it' },
  closed: { word: 'cordoned', means: 'nobody holds it, and its node takes no pods' },
  broken: { word: 'broken', means: 'it is there and cannot be used' },
  unknown: { word: 'not seen', means: 'nobody could look' },
}

const KIND_OF: Readonly<Record<string, SlotKind>> = {
  productive: 'used',
  unmeasured: 'unmeasured',
  staging: 'starting',
  starting: 'starting',
  'idle-held': 'idle',
  'suspended-held': 'idle',
  'reserved-unused': 'reserved',
  'quota-blocked': 'stranded',
  fragmented: 'stranded',
  unallocated: 'free',
  cordoned: 'closed',
  unhealthy: 'broken',
  unobserved: 'unknown',
}

export function kindOf(cause: string): SlotKind {
  return KIND_OF[cause] ?? 'unknown'
}

const HOUR = 3_600_000

/** Devices of an entry of the ledger of a moment. */
export function devicesIn(gpuMs: number): number {
  return Math.round((gpuMs / HOUR) * 1000) / 1000
}

export type Amounts = Readonly<Record<SlotKind, number>>

/** A node with what becomes of its devices. */
export interface NodeSlots {
  readonly key: string
  readonly cluster: string
  readonly node: string
  readonly model: string
  readonly total: number
  readonly amounts: Amounts
  readonly entries: readonly WasteEntry[]
}

export function nothing(): Record<SlotKind, number> {
  return Object.fromEntries(KINDS.map((each) => [each, 0])) as Record<SlotKind, number>
}

/** Nodes of the ledger, cluster by cluster and model by model. */
export function nodesOf(entries: readonly WasteEntry[]): readonly NodeSlots[] {
  const byNode = new Map<string, WasteEntry[]>()
  for (const each of entries) {
    const key = `${each.cluster}/${each.node}`
    const there = byNode.get(key)
    if (there) there.push(each)
    else byNode.set(key, [each])
  }
  const found: NodeSlots[] = []
  for (const [key, of] of byNode) {
    const first = of[0]
    if (!first) continue
    const amounts = amountsOf(of)
    const total = KINDS.reduce((sum, kind) => sum + amounts[kind], 0)
    found.push({ key, cluster: first.cluster, node: first.node, model: first.model || first.resource, total, amounts, entries: of })
  }
  return found.sort(
    (a, b) => compare(a.cluster, b.cluster) || compare(a.model, b.model) || compare(a.node, b.node),
  )
}

const order = new Intl.Collator('en', { numeric: true })

function compare(a: string, b: string): number {
  return order.compare(a, b)
}

/** Devices by kind. */
export function amountsOf(entries: Iterable<WasteEntry>): Amounts {
  const found = nothing()
  for (const each of entries) found[kindOf(each.cause)] += each.gpuMs
  for (const kind of KINDS) found[kind] = devicesIn(found[kind])
  return found
}

/** All of them, whatever becomes of them. */
export function allOf(amounts: Amounts): number {
  return Math.round(KINDS.reduce((sum, each) => sum + amounts[each], 0) * 1000) / 1000
}

/**
 * A square for each device of a node. Parts of devices are given to whole squares, the largest remainder first, so that
 * as many are shown as there are.
 */
export function squaresOf({ total, amounts }: Pick<NodeSlots, 'total' | 'amounts'>): readonly SlotKind[] {
  const squares = Math.max(1, Math.round(total))
  const whole = nothing()
  let left = squares
  for (const kind of KINDS) {
    whole[kind] = Math.floor(amounts[kind] + 1e-6)
    left -= whole[kind]
  }
  const rest = KINDS.filter((kind) => amounts[kind] - whole[kind] > 1e-6).sort(
    (a, b) => amounts[b] - whole[b] - (amounts[a] - whole[a]),
  )
  for (const kind of rest) {
    if (left <= 0) break
    whole[kind] += 1
    left -= 1
  }
  return KINDS.flatMap((kind) => Array.from({ length: whole[kind] }, () => kind))
}

/** What nodes have together; of what is chosen first of all, for it is that number which led there. */
export function fleetTitle(amounts: Amounts, nodes: number, kind: SlotKind | null): string {
  const all = Math.round(KINDS.reduce((sum, each) => sum + amounts[each], 0) * 1000) / 1000
  const where = `${plural(all, 'accelerator')} in ${plural(nodes, 'node')}`
  return kind ? `${count(amounts[kind])} ${KIND_WORDS[kind].word} of ${where}` : where
}

/** Nodes of one cluster and model, which stand together in the picture. */
export interface NodeBlock {
  readonly cluster: string
  readonly model: string
  readonly nodes: readonly NodeSlots[]
}

export function blocksOf(nodes: readonly NodeSlots[]): readonly NodeBlock[] {
  const found = new Map<string, { cluster: string; model: string; nodes: NodeSlots[] }>()
  for (const each of nodes) {
    const key = `${each.cluster} ${each.model}`
    const block = found.get(key)
    if (block) block.nodes.push(each)
    else found.set(key, { cluster: each.cluster, model: each.model, nodes: [each] })
  }
  return [...found.values()]
}
