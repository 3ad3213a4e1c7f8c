import { call } from '../api/client'
import type { FoundLine } from '../api/schema'
import { asBadAs, type Level, levelOf } from '../parts/levels'
import { blocks, linesOf, type LogLine, logOf } from './log_blocks'

/** A line with its number, from 0, among all of the log. */
export interface NumberedLine extends LogLine {
  readonly number: number
}

/** Lines that one call gives at most. */
export const MOST_FOUND = 1000
/** Hits of a search that are shown. */
export const MOST_HITS = 5000
/** Stands in no line: with it the server counts lines and tells none. */
const NOWHERE = '\u{F8FF}\u{F8FE}\u{F8FF}'

interface LinesWanted {
  readonly from?: number
  readonly to?: number
  readonly grep?: string
  readonly any_case?: boolean
  readonly limit?: number
}

async function asked(reference: string, query: LinesWanted, signal?: AbortSignal) {
  return (await call('get', '/api/v1/jobs/{reference}/lines', { path: { reference }, query, ...(signal ? { signal } : {}) })).found
}

function numbered({ number, rank, at, text }: FoundLine): NumberedLine {
  return { number, rank, at, text }
}

/** Lines from one number to before another. */
export async function linesBetween(reference: string, from: number, to: number): Promise<readonly NumberedLine[]> {
  return (await asked(reference, { from, to, limit: MOST_FOUND })).lines.map(numbered)
}

/** How many lines there are: each call looks as far as it may. */
export async function countLines(reference: string): Promise<number> {
  let from: number | null = 0
  let lines = 0
  while (from !== null) {
    const found: Awaited<ReturnType<typeof asked>> = await asked(reference, { from, grep: NOWHERE, limit: 1 })
    lines += found.looked_at
    from = found.next
  }
  return lines
}

/** Where the first of some lines stands in a range of the log: the place next to `guess` at which they all stand. */
export function placeOf(lines: readonly LogLine[], range: readonly NumberedLine[], guess: number): number | null {
  const begin = lines.slice(0, 50)
  const places = range.flatMap(({ number }, at) => (begin.every((each, more) => range[at + more]?.text === each.text && range[at + more]?.rank === each.rank) ? [number] : []))
  return places.reduce<number | null>((best, each) => (best === null || Math.abs(each - guess) < Math.abs(best - guess) ? each : best), null)
}

export interface LogWanted {
  /** Empty for any. */
  readonly text: string
  /** A regular expression in place of the text; null without one. */
  readonly pattern: RegExp | null
  readonly level: Level | null
}

/** Lines that are meant so far, and how many were looked at. */
export interface LogHits {
  readonly lines: readonly NumberedLine[]
  readonly lookedAt: number
  readonly over: boolean
}

/**
 * Search all of a log, the oldest line first. A text is looked for by the server; what only this page can tell, such as a
 * level, is looked for in all that it sends.
 */
export async function* searchLog(reference: string, wanted: LogWanted, signal: AbortSignal): AsyncGenerator<LogHits> {
  const asText = wanted.text && !wanted.pattern && !wanted.level && !wanted.text.includes('*')
  yield* asText ? byServer(reference, wanted.text, signal) : byLines(reference, wanted, signal)
}

async function* byServer(reference: string, grep: string, signal: AbortSignal): AsyncGenerator<LogHits> {
  const lines: NumberedLine[] = []
  let lookedAt = 0
  for (let from: number | null = 0; from !== null && lines.length < MOST_HITS; ) {
    const found: Awaited<ReturnType<typeof asked>> = await asked(reference, { from, grep, any_case: true, limit: MOST_FOUND }, signal)
    lines.push(...found.lines.map(numbered))
    lookedAt += found.looked_at
    from = found.next
    yield { lines: lines.slice(), lookedAt, over: from === null }
  }
}

/** Milliseconds between two tellings of what was found so far. */
const TELLS = 250

async function* byLines(reference: string, { text, pattern, level }: LogWanted, signal: AbortSignal): AsyncGenerator<LogHits> {
  const lines: NumberedLine[] = []
  const small = text.toLowerCase()
  // What tells of no level goes with the line before it, also where that came with a block of its own.
  let before: NumberedLine[] = []
  let lookedAt = 0
  let told = Date.now()
  for await (const block of blocks(await logOf(reference, {}, signal))) {
    if (block === 'end') break
    const all = linesOf(block).map((each, more): NumberedLine => ({ ...each, number: lookedAt + more }))
    const [first] = before
    const bad = level ? asBadAs([...before, ...all], level).filter((each) => each !== first) : all
    const last = level && all.findLast((each) => levelOf(each.text))
    if (last) before = [last]
    lines.push(...bad.filter((each) => (pattern ? pattern.test(each.text) : !small || each.text.toLowerCase().includes(small))))
    lookedAt += all.length
    if (lines.length >= MOST_HITS) break
    if (Date.now() - told > TELLS) {
      told = Date.now()
      yield { lines: lines.slice(), lookedAt, over: false }
    }
  }
  yield { lines: lines.slice(0, MOST_HITS), lookedAt, over: lines.length < MOST_HITS }
}
