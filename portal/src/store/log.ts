import { useEffect, useMemo, useRef, useState } from 'react'
import { asTrouble, Trouble } from '../api/problem'
import { blocks, linesOf, logOf } from './log_blocks'
import { countLines, linesBetween, MOST_FOUND, placeOf } from './log_ranges'
import { appended, around, fromEnd, holds, type LogWindow, NO_LINES, withNewer, withOlder } from './log_window'

export interface LogHeld extends LogWindow {
  /** Whether the server has answered. */
  readonly begun: boolean
  /** Whether nothing more comes. */
  readonly ended: boolean
  readonly trouble: Trouble | null
  /** Why lines that are not held cannot be read. */
  readonly rangeTrouble: Trouble | null
  readonly at: number
  readonly again: () => void
  /** Read what stands before the first line that is held. */
  readonly older: () => void
  /** Read what stands behind the last one, where that is not the end. */
  readonly newer: () => void
  /** Read the lines around a number in place of those that are held, where it is none of these. */
  readonly jump: (number: number) => void
  /** Told whether somebody reads further up: what he reads is not dropped. */
  readonly reads: (up: boolean) => void
}

/** Lines at the end of a log with which it is opened. */
export const TAIL = 5000
/** Milliseconds in which all lines that come are one change. */
const TOGETHER = 100
/** Lines before and behind the guess in which the place of what is held is looked for. */
const AROUND = 400

type Shown = LogWindow & Pick<LogHeld, 'begun' | 'ended' | 'trouble' | 'rangeTrouble' | 'at'>

const NOTHING: Shown = { ...NO_LINES, begun: false, ended: false, trouble: null, rangeTrouble: null, at: 0 }

/** What a job wrote, followed while somebody looks; a part of it is held, and the rest is read where somebody goes there. */
export function useLog(reference: string): LogHeld {
  const [shown, setShown] = useState<Shown>(NOTHING)
  const [turn, setTurn] = useState(0)
  const held = useRef<LogWindow>(NO_LINES)
  const up = useRef(false)
  const busy = useRef(false)
  useEffect(() => {
    const left = new AbortController()
    let due: ReturnType<typeof setTimeout> | undefined
    held.current = NO_LINES
    busy.current = false
    const show = (more: Partial<Shown> = {}) => {
      clearTimeout(due)
      due = undefined
      setShown((before) => ({ ...before, ...held.current, at: Date.now(), ...more }))
    }
    setShown(NOTHING)
    void (async () => {
      try {
        const answer = await logOf(reference, { tail: String(TAIL), follow: 'true' }, left.signal)
        show({ begun: true })
        for await (const block of blocks(answer)) {
          if (block === 'end') return show({ ended: true })
          held.current = appended(held.current, linesOf(block), up.current)
          due ??= setTimeout(show, TOGETHER)
        }
        show({ trouble: new Trouble(0, 'the log was cut off', '', 'ask again', '', '') })
      } catch (error) {
        if (!left.signal.aborted) show({ trouble: asTrouble(error) })
      }
    })()
    return () => {
      left.abort()
      clearTimeout(due)
    }
  }, [reference, turn])
  const acts = useMemo(() => {
    /** One range at a time; what is held may have become another log's meanwhile. */
    async function ranged(read: (now: LogWindow) => Promise<((now: LogWindow) => LogWindow) | null>): Promise<void> {
      if (busy.current) return
      busy.current = true
      const begun = held.current.session
      try {
        const placed = await located(reference, held)
        const change = placed && (await read(held.current))
        if (change && held.current.session === begun) {
          held.current = change(held.current)
          setShown((before) => ({ ...before, ...held.current, rangeTrouble: null }))
        } else if (!placed) setShown((before) => ({ ...before, rangeTrouble: UNPLACED }))
      } catch (error) {
        setShown((before) => ({ ...before, rangeTrouble: asTrouble(error) }))
      } finally {
        busy.current = false
      }
    }
    const again = () => setTurn((before) => before + 1)
    return {
      again,
      older: () =>
        void ranged(async ({ origin, offset }) => {
          const first = origin + (offset ?? 0)
          if (first <= 0) return (now) => now
          const lines = await linesBetween(reference, Math.max(0, first - MOST_FOUND), first)
          return (now) => withOlder(now, lines)
        }),
      newer: () =>
        void ranged(async ({ origin, offset, lines: has }) => {
          const next = origin + has.length + (offset ?? 0)
          const lines = await linesBetween(reference, next, next + MOST_FOUND)
          // Where nothing comes it is the end, which is followed again.
          if (!lines.length) again()
          return (now) => withNewer(now, lines)
        }),
      jump: (number: number) =>
        void ranged(async (held) => {
          // Whoever goes to what is held is there as soon as its number is known: other lines would move it away.
          if (holds(held, number)) return (now) => now
          const lines = await linesBetween(reference, Math.max(0, number - MOST_FOUND / 2), number + MOST_FOUND / 2)
          return (now) => around(now, lines)
        }),
      reads: (is: boolean) => {
        up.current = is
      },
    }
  }, [reference])
  return useMemo(() => ({ ...shown, ...acts }), [shown, acts])
}

const UNPLACED = new Trouble(0, 'older lines cannot be told apart here', 'what several replicas wrote is in another order', 'download the log', '', '')

/** Finds out which number the lines have that are held, once; whether it is known. */
async function located(reference: string, held: { current: LogWindow }): Promise<boolean> {
  const { offset, lines, origin } = held.current
  if (offset !== null) return true
  if (lines.length < TAIL) {
    held.current = { ...held.current, offset: -origin }
    return true
  }
  const all = await countLines(reference)
  const guess = Math.max(0, all - fromEnd(held.current))
  const range = await linesBetween(reference, Math.max(0, guess - AROUND), guess + AROUND)
  // More may have come meanwhile: it is behind those that were held.
  const place = placeOf(lines, range, guess)
  if (place === null) return false
  held.current = { ...held.current, offset: place - origin }
  return true
}

/** The whole log as a file. */
export async function wholeLog(reference: string): Promise<Blob> {
  const parts: string[] = []
  for await (const block of blocks(await logOf(reference, {}, null))) {
    if (block === 'end') break
    parts.push(...linesOf(block).map((each) => `${each.text}\n`))
  }
  return new Blob(parts, { type: 'text/plain' })
}
