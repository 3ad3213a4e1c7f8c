import type { JobRow, JobState } from '../api/schema'
import { GROUPS, OVER, WAITS } from '../words/states'

/** Which jobs a list shows; every part is in the address of the page. */
export interface JobsWanted {
  readonly text?: string | undefined
  readonly states?: readonly JobState[] | undefined
  readonly team?: string | undefined
  readonly backend?: string | undefined
  readonly owner?: string | undefined
}

export interface JobsHeld {
  /** Newest first. */
  readonly rows: readonly JobRow[]
  /** Whether these are all that there are. */
  readonly complete: boolean
  /** When the server was heard of last, by this browser's clock; null while it never was. */
  readonly heard: number | null
}

interface Kept {
  row: JobRow
  /** Whether it was told of since all was read anew. */
  fresh: boolean
  /** What a search looks into. */
  readonly words: string
}

/** Milliseconds in which all that comes after something else is one change for whoever looks. */
const TOGETHER = 100

const EMPTY: JobsHeld = { rows: [], complete: false, heard: null }

/**
 * Jobs as far as they were told: pages of the listing, and what the event stream says since. A job is told of by its
 * version, so that whichever comes later counts, in whatever order the two arrive.
 */
export class JobsStore {
  #kept = new Map<string, Kept>()
  #sorted: Kept[] = []
  #held: JobsHeld = EMPTY
  #heard = new Set<() => void>()
  #complete = false
  #at: number | null = null
  /** Whether something was told lately, and whether there are news since then. */
  #waits = false
  #news = false
  readonly #later: (run: () => void) => void

  constructor(later: (run: () => void) => void = (run) => void setTimeout(run, TOGETHER)) {
    this.#later = later
  }

  readonly subscribe = (heard: () => void): (() => void) => {
    this.#heard.add(heard)
    return () => this.#heard.delete(heard)
  }

  readonly held = (): JobsHeld => this.#held

  get(id: string): JobRow | undefined {
    return this.#kept.get(id)?.row
  }

  /** Take in rows; older versions of what is known change nothing. */
  put(rows: readonly JobRow[], at: number): void {
    let more = false
    for (const row of rows) {
      const known = this.#kept.get(row.id)
      if (known) known.fresh = true
      if (known && known.row.version > row.version) continue
      if (known) {
        // Neither its name nor its team, nor when it was submitted, ever changes.
        known.row = row
        continue
      }
      more = true
      const kept = { row, fresh: true, words: `${row.name} ${row.id} ${row.owner} ${row.team} ${row.project}`.toLowerCase() }
      this.#kept.set(row.id, kept)
      this.#sorted.push(kept)
    }
    if (more) this.#sorted.sort(newestFirst)
    this.#at = at
    this.#tell()
  }

  /** A job that is gone, or that may not be seen any more. */
  drop(id: string): void {
    const known = this.#kept.get(id)
    if (!known) return
    this.#kept.delete(id)
    this.#sorted.splice(this.#sorted.indexOf(known), 1)
    this.#tell()
  }

  /** All was read: whatever was not told of is gone. */
  finish(): void {
    this.#complete = true
    this.#sorted = this.#sorted.filter((each) => each.fresh || !this.#kept.delete(each.row.id))
    this.#tell()
  }

  /** All is read anew; what is known stands until it was. */
  renew(): void {
    this.#complete = false
    for (const each of this.#sorted) each.fresh = false
    this.#tell()
  }

  wanted(wanted: JobsWanted): JobRow[] {
    const words = (wanted.text ?? '').toLowerCase().split(/\s+/).filter(Boolean)
    const states = wanted.states?.length ? new Set(wanted.states) : null
    const found: JobRow[] = []
    for (const { row, words: said } of this.#sorted) {
      if (states && !states.has(row.state)) continue
      if (wanted.team && row.team !== wanted.team) continue
      if (wanted.backend && row.backend !== wanted.backend) continue
      if (wanted.owner && row.owner !== wanted.owner) continue
      if (words.every((each) => said.includes(each))) found.push(row)
    }
    return found
  }

  /** What comes first is told at once, and what comes right after it together. */
  #tell(): void {
    this.#news = true
    if (this.#waits) return
    this.#news = false
    this.#held = { rows: this.#sorted.map((each) => each.row), complete: this.#complete, heard: this.#at }
    this.#waits = true
    this.#later(() => {
      this.#waits = false
      if (this.#news) this.#tell()
    })
    for (const each of this.#heard) each()
  }
}

function newestFirst(a: Kept, b: Kept): number {
  return b.row.submitted - a.row.submitted || (a.row.id < b.row.id ? 1 : -1)
}

export interface JobCounts {
  readonly waiting: number
  readonly running: number
  readonly over: number
  /** Of those that are over. */
  readonly failed: number
  readonly devices: number
}

const FAILED: ReadonlySet<JobState> = new Set(GROUPS.find(([name]) => name === 'failed')?.[1])

/** How many jobs wait, run and are over, as the groups of the list have them, and how many devices those hold that run. */
export function counted(rows: Iterable<JobRow>): JobCounts {
  const found = { waiting: 0, running: 0, over: 0, failed: 0, devices: 0 }
  for (const row of rows) {
    if (WAITS.has(row.state)) found.waiting += 1
    else if (OVER.has(row.state)) {
      found.over += 1
      if (FAILED.has(row.state)) found.failed += 1
    } else {
      found.running += 1
      found.devices += row.devices
    }
  }
  return found
}
