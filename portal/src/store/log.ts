import { useEffect, useMemo, useState } from 'react'
import { PATIENCE } from '../api/client'
import { asTrouble, Trouble, troubleOf } from '../api/problem'
import { PAGE_KEY, pageKey } from '../api/session'
import { textOf } from '../api/text'

export interface LogLine {
  /** Milliseconds since the epoch; null where the back end keeps no times. */
  readonly at: number | null
  readonly text: string
  readonly rank: number
}

export interface LogHeld {
  readonly lines: readonly LogLine[]
  /** Whether the server has answered. */
  readonly begun: boolean
  /** Whether nothing more comes. */
  readonly ended: boolean
  readonly trouble: Trouble | null
  readonly at: number
  readonly again: () => void
}

interface Block {
  readonly rank: number
  readonly text: string
  readonly at?: readonly number[]
}

/** Lines at the end of a log with which it is opened. */
const TAIL = 5000
/** Milliseconds in which all lines that come are one change. */
const TOGETHER = 100

const decoder = new TextDecoder()

/** Lines of a block as it travels; its text is in base64, as programs write bytes and not text. */
export function linesOf(block: Block): LogLine[] {
  const bytes = Uint8Array.from(atob(block.text), (each) => each.charCodeAt(0))
  return decoder
    .decode(bytes)
    .split('\n')
    .map((text, number) => ({ rank: block.rank, at: block.at?.[number] ?? null, text }))
}

/** What a job wrote, followed while somebody looks. */
export function useLog(reference: string): LogHeld {
  const [held, setHeld] = useState<Omit<LogHeld, 'again'>>({ lines: [], begun: false, ended: false, trouble: null, at: 0 })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    const left = new AbortController()
    const lines: LogLine[] = []
    let due: ReturnType<typeof setTimeout> | undefined
    const show = (more: Partial<LogHeld> = {}) => {
      clearTimeout(due)
      due = undefined
      setHeld((before) => ({ ...before, lines: lines.slice(), at: Date.now(), ...more }))
    }
    setHeld({ lines: [], begun: false, ended: false, trouble: null, at: 0 })
    void (async () => {
      try {
        const answer = await opened(reference, { tail: String(TAIL), follow: 'true' }, left.signal)
        show({ begun: true })
        for await (const block of blocks(answer)) {
          if (block === 'end') return show({ ended: true })
          lines.push(...linesOf(block))
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
  return useMemo(() => ({ ...held, again: () => setTurn((before) => before + 1) }), [held])
}

/** The whole log as a file. */
export async function wholeLog(reference: string): Promise<Blob> {
  const parts: string[] = []
  for await (const block of blocks(await opened(reference, {}, null))) {
    if (block === 'end') break
    parts.push(...linesOf(block).map((each) => `${each.text}\n`))
  }
  return new Blob(parts, { type: 'text/plain' })
}

/**
 * An answer that begins; how long it goes on is another matter, for a log is followed as long as its job writes.
 *
 * @throws {Trouble} of the server.
 * @throws {DOMException} a TimeoutError where it does not begin in time.
 */
export async function opened(reference: string, query: Record<string, string>, signal: AbortSignal | null): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new DOMException('the log does not begin', 'TimeoutError')), PATIENCE)
  try {
    const answer = await fetch(`/api/v1/jobs/${encodeURIComponent(reference)}/log?${new URLSearchParams(query)}`, {
      headers: { [PAGE_KEY]: pageKey() },
      signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    })
    if (!answer.ok) throw await troubleOf(answer)
    return answer
  } finally {
    clearTimeout(timer)
  }
}

async function* blocks(answer: Response): AsyncGenerator<Block | 'end'> {
  if (!answer.body) return
  let rest = ''
  for await (const text of textOf(answer.body)) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!line) continue
      const said = JSON.parse(line) as Block | readonly { what: string; why: string; fix: string }[]
      if (!Array.isArray(said)) yield said as Block
      else if (said[0]) throw new Trouble(0, said[0].what, said[0].why, said[0].fix, '', '')
      else yield 'end'
    }
  }
}
