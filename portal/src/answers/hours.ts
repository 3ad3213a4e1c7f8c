import type { WasteEntry } from './documents'

/** GPU-hours of one cause, with what they cost; null where some of them have no price. */
export interface CauseHours {
  readonly cause: string
  readonly gpuMs: number
  readonly cost: number | null
  /** Of those, without a price: they are in no sum of money. */
  readonly unpricedMs: number
}

/** The ledger by cause, the most first: whole milliseconds, so that they sum to what was there. */
export function byCause(entries: readonly WasteEntry[]): readonly CauseHours[] {
  const causes = new Map<string, CauseHours>()
  for (const each of entries) {
    const before = causes.get(each.cause) ?? { cause: each.cause, gpuMs: 0, cost: null, unpricedMs: 0 }
    causes.set(each.cause, {
      cause: each.cause,
      gpuMs: before.gpuMs + each.gpuMs,
      cost: each.cost === null ? before.cost : (before.cost ?? 0) + each.cost,
      unpricedMs: before.unpricedMs + (each.cost === null ? each.gpuMs : 0),
    })
  }
  return [...causes.values()].sort((one, other) => other.gpuMs - one.gpuMs || one.cause.localeCompare(other.cause))
}

/** What is left of all devices times the time once every cause was counted: 0, or the books are wrong. */
export function remainder(rows: readonly CauseHours[], capacityMs: number): number {
  return capacityMs - rows.reduce((sum, each) => sum + each.gpuMs, 0)
}

const HOUR = 3_600_000

/** Hours with as many digits as make a difference. */
export function hoursSaid(gpuMs: number): string {
  const hours = gpuMs / HOUR
  return hours.toLocaleString('en', { maximumFractionDigits: hours >= 1000 ? 0 : hours >= 10 ? 1 : 2 })
}

/** Times that can be asked about, as the command has them; nothing for this moment. */
export const RANGES = [
  ['', 'this moment'],
  ['1h', 'the last hour'],
  ['12h', 'the last 12 hours'],
  ['1d', 'the last day'],
  ['7d', 'the last 7 days'],
  ['30d', 'the last 30 days'],
  ['all', 'all that was recorded'],
] as const
