import { asTrouble, Trouble, troubleOf } from '../api/problem'
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

  /** Number up to which all was told; heartbeats tell it as well. */
  get id(): string {
    return this.#id
  }

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
  /** What came before is not known: all is to be read. */
  afresh(): void
  event(event: StreamEvent): void
  /** How the stream is, and when the server was heard of last; null while it never was. */
  state(state: 'live' | 'lost', trouble: Trouble | null, heardAt: number | null): void
}

/** Milliseconds of silence after which a stream counts as lost: heartbeats come every few seconds. */
const SILENT = 8_000
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
    let heardAt: number | null = null
    while (!ended.signal.aborted) {
      let trouble = new Trouble(0, 'the server has ended the stream', '', 'it is asked again', '', '')
      try {
        await once(path, last, ended.signal, {
          begun: () => {
            heardAt = Date.now()
          },
          chunk: (events, id) => {
            heardAt = Date.now()
            const resumed = last !== ''
            if (id) last = id
            for (const each of events) {
              failures = 0
              heard.state('live', null, heardAt)
              if (each.kind !== 'begin') heard.event(each)
              else if (!resumed) heard.afresh()
            }
          },
        })
      } catch (error) {
        if (ended.signal.aborted) return
        trouble = asTrouble(error)
        if (trouble.signedOut) {
          forgetSession()
          return
        }
      }
      heard.state('lost', trouble, heardAt)
      const wait = WAITS[Math.min(failures, WAITS.length - 1)] ?? 0
      failures += 1
      await new Promise((go) => setTimeout(go, wait))
    }
  })()
  return () => ended.abort()
}

interface Connection {
  begun(): void
  /** Events that came, and the number up to which all was told. */
  chunk(events: readonly StreamEvent[], id: string): void
}

async function once(path: string, last: string, ended: AbortSignal, heard: Connection): Promise<void> {
  const quiet = new AbortController()
  const hush = () => quiet.abort(new Trouble(0, 'the server has fallen silent', '', 'it is asked again', '', ''))
  let timer = setTimeout(hush, SILENT)
  try {
    const headers: Record<string, string> = { Accept: 'text/event-stream', [PAGE_KEY]: pageKey() }
    if (last) headers['Last-Event-ID'] = last
    const answer = await fetch(path, { headers, signal: AbortSignal.any([ended, quiet.signal]) })
    if (!answer.ok || !answer.body) throw await troubleOf(answer)
    heard.begun()
    const lines = new EventLines()
    for await (const chunk of textOf(answer.body)) {
      clearTimeout(timer)
      timer = setTimeout(hush, SILENT)
      heard.chunk(lines.take(chunk), lines.id)
    }
  } finally {
    clearTimeout(timer)
  }
}
