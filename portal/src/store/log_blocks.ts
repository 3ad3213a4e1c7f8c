import { opened } from '../api/opened'
import { Trouble } from '../api/problem'
import { textOf } from '../api/text'

export interface LogLine {
  /** Milliseconds since the epoch; null where the back end keeps no times. */
  readonly at: number | null
  readonly text: string
  readonly rank: number
}

interface Block {
  readonly rank: number
  readonly text: string
  readonly at?: readonly number[]
}

const decoder = new TextDecoder()

/** Lines of a block as it travels; its text is in base64, as programs write bytes and not text. */
export function linesOf(block: Block): LogLine[] {
  const bytes = Uint8Array.from(atob(block.text), (each) => each.charCodeAt(0))
  return decoder
    .decode(bytes)
    .split('\n')
    .map((text, number) => ({ rank: block.rank, at: block.at?.[number] ?? null, text }))
}

/** A log as the server sends it; it may go on as long as its job writes. */
export function logOf(reference: string, query: Record<string, string>, signal: AbortSignal | null): Promise<Response> {
  return opened(`/api/v1/jobs/${encodeURIComponent(reference)}/log?${new URLSearchParams(query)}`, signal)
}

export async function* blocks(answer: Response): AsyncGenerator<Block | 'end'> {
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
