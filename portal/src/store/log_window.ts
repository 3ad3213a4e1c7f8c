import type { LogLine } from './log_blocks'

/**
 * The lines of a log that are held: a stretch of it, in order, and never more than so many. A line is counted from where
 * the log was opened; once it is known which number of the whole log that was, its number is its count and `offset`.
 */
export interface LogWindow {
  readonly lines: readonly LogLine[]
  /** Count of the first line that is held: less than 0 where it stands before what was opened. */
  readonly origin: number
  /** What makes a count a number of the whole log; null before it is known. */
  readonly offset: number | null
  /** Whether the last line that is held is the last that came. */
  readonly atEnd: boolean
  /** Count behind the last line that came. */
  readonly end: number
  /** Another one each time that the lines are no continuation of those before. */
  readonly session: number
}

export const NO_LINES: LogWindow = { lines: [], origin: 0, offset: null, atEnd: true, end: 0, session: 0 }

/** Lines that are held at most. */
export const MOST_HELD = 20_000

/** With lines that came. Who reads further up keeps what he reads: what comes is only counted once all is full. */
export function appended(now: LogWindow, more: readonly LogLine[], readsUp: boolean): LogWindow {
  const end = now.end + more.length
  if (!now.atEnd) return { ...now, end }
  if (readsUp && now.lines.length + more.length > MOST_HELD) return { ...now, end, atEnd: false }
  const over = Math.max(0, now.lines.length + more.length - MOST_HELD)
  return { ...now, lines: [...now.lines.slice(over), ...more], origin: now.origin + over, end }
}

/** With older lines before those that are held; what is far behind is dropped. */
export function withOlder(now: LogWindow, older: readonly LogLine[]): LogWindow {
  const lines = [...older, ...now.lines]
  return { ...now, lines: lines.slice(0, MOST_HELD), origin: now.origin - older.length, atEnd: now.atEnd && lines.length <= MOST_HELD }
}

/** With newer ones behind them; what is far before is dropped. */
export function withNewer(now: LogWindow, newer: readonly LogLine[]): LogWindow {
  const lines = [...now.lines, ...newer]
  const over = Math.max(0, lines.length - MOST_HELD)
  return { ...now, lines: lines.slice(over), origin: now.origin + over }
}

/** Other lines in place of those that are held. */
export function around(now: LogWindow, lines: readonly (LogLine & { readonly number: number })[]): LogWindow {
  const [first] = lines
  if (!first || now.offset === null) return now
  const origin = first.number - now.offset
  return { ...now, lines, origin, atEnd: origin + lines.length >= now.end, session: now.session + 1 }
}

/** How far the first line that is held stands from the end of what came. */
export function fromEnd({ end, origin }: LogWindow): number {
  return end - origin
}

/** Number of the first line that is held; null before it is known. */
export function firstNumber({ origin, offset }: LogWindow): number | null {
  return offset === null ? null : origin + offset
}

/** Whether the line of a number is held; not before numbers are known. */
export function holds(now: LogWindow, number: number): boolean {
  const first = firstNumber(now)
  return first !== null && number >= first && number < first + now.lines.length
}
