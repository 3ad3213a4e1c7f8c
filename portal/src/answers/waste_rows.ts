import type { WasteEntry } from './documents'
import { type Amounts, amountsOf, devicesIn } from './slots'

/** Causes that are no waste, or of which nobody can say so. */
const NO_WASTE = new Set(['productive', 'unmeasured', 'unobserved'])

/** Devices of one cause, team or node. */
export interface WasteRow {
  readonly name: string
  readonly devices: number
  readonly share: number
  /** That are put to no use. */
  readonly lost: number
  /** An hour, in millionths; null where no price is known. */
  readonly cost: number | null
  readonly amounts: Amounts
}

export function isLost(entry: WasteEntry): boolean {
  return !NO_WASTE.has(entry.cause)
}

/** The ledger by what a name is found for; rows sum to it. */
export function wasteRows(entries: readonly WasteEntry[], nameOf: (entry: WasteEntry) => string): readonly WasteRow[] {
  const byName = new Map<string, WasteEntry[]>()
  let capacity = 0
  for (const each of entries) {
    capacity += each.gpuMs
    const name = nameOf(each)
    const there = byName.get(name)
    if (there) there.push(each)
    else byName.set(name, [each])
  }
  return [...byName.entries()].map(([name, of]) => {
    const total = of.reduce((sum, each) => sum + each.gpuMs, 0)
    const priced = of.filter((each) => each.cost !== null)
    return {
      name,
      devices: devicesIn(total),
      share: capacity ? total / capacity : 0,
      lost: devicesIn(of.filter(isLost).reduce((sum, each) => sum + each.gpuMs, 0)),
      cost: priced.length ? priced.reduce((sum, each) => sum + (each.cost ?? 0), 0) : null,
      amounts: amountsOf(of),
    }
  })
}
