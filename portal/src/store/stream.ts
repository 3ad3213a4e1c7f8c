import { asTrouble, troubleOf, type Trouble } from '../api/problem'
import { forgetSession, PAGE_KEY, pageKey } from '../api/session'
import { textOf } from '../api/text'

/** One event of the server's stream. */
export interface StreamEvent {
  readonly id: string
  readonly kind: string
  readonly data: unknown
}

/** What server-sent events are put together from, chunk by chunk; comments are heartbeats. */
export class EventLines {
  #rest = ''
  #id = ''
  #kind = ''
  #data: string[] = []

  /** Events that are whole with this chunk. */
  take(chunk: string): StreamEvent[] {
    const found: StreamEvent[] = []
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const each of lines) {
      const line = each.endsWith('\r') ? each.slice(0, -1) : each
      if (line === '') {
        if (this.#data.length) found.push({ id: this.#id, kind: this.#kind, data: JSON.parse(this.#data.join('\n')) })
        this.#kind = ''
        this.#data = []
        continue
      }
      const [name, ...more] = line.split(':')
      const value = more.join(':').replace(/^ /, '')
      if (name === 'id') this.#id = value
      else if (name === 'event') this.#kind = value
      else if (name === 'data') this.#data.push(value)
    }
    return found
  }
}

export type StreamState = 'begins' | 'live' | 'lost'

export interface StreamHeard {
  event(event: StreamEvent): void
  state(state: StreamState, trouble: Trouble | null): void
}

/** Milliseconds of silence after which a stream counts as lost: heartbeats come every few seconds. */
const SILENT = 10_000
const WAITS = [500, 1000, 2000, 5000, 10_000]

/**
 * Follow the server's events until told to stop; begins again where it was, after a wait that grows.
 *
 * `EventSource` sends no header, so the stream is read by hand.
 */
export function follow(path: string, heard: StreamHeard): () => void {
  const ended = new AbortController()
  void (async () => {
    let last = ''
    let failures = 0
    while (!ended.signal.aborted) {
      heard.state(failures ? 'lost' : 'begins', null)
      try {
        await once(path, last, ended.signal, (event) => {
          if (event.id) last = event.id
          if (event.kind === 'reset') last = ''
          failures = 0
          heard.event(event)
        }, () => heard.state('live', null))
      } catch (error) {
        if (ended.signal.aborted) return
        const trouble = asTrouble(error)
        heard.state('lost', trouble)
        if (trouble.signedOut) {
          forgetSession()
          return
        }
      }
      const wait = WAITS[Math.min(failures, WAITS.length - 1)] ?? 0
      failures += 1
      await new Promise((go) => setTimeout(go, wait))
    }
  })()
  return () => ended.abort()
}

async function once(
  path: string,
  last: string,
  ended: AbortSignal,
  event: (event: StreamEvent) => void,
  begun: () => void,
): Promise<void> {
  const quiet = new AbortController()
  let timer = setTimeout(() => quiet.abort(), SILENT)
  const again = () => {
    clearTimeout(timer)
    timer = setTimeout(() => quiet.abort(), SILENT)
  }
  try {
    const headers: Record<string, string> = { Accept: 'text/event-stream', [PAGE_KEY]: pageKey() }
    if (last) headers['Last-Event-ID'] = last
    const answer = await fetch(path, { headers, signal: AbortSignal.any([ended, quiet.signal]) })
    if (!answer.ok || !answer.body) throw await troubleOf(answer)
    begun()
    const lines = new EventLines()
    for await (const chunk of textOf(answer.body)) {
      again()
      for (const each of lines.take(chunk)) event(each)
    }
  } finally {
    clearTimeout(timer)
  }
}
