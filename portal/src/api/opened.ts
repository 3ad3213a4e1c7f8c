import { PATIENCE } from './client'
import { troubleOf } from './problem'
import { PAGE_KEY, pageKey } from './session'

/**
 * An answer that begins; how long it goes on is another matter, for a log is followed as long as its job writes.
 *
 * @throws {Trouble} of the server.
 * @throws {DOMException} a TimeoutError where it does not begin in time.
 */
export async function opened(path: string, signal: AbortSignal | null): Promise<Response> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new DOMException('it does not begin', 'TimeoutError')), PATIENCE)
  try {
    const answer = await fetch(path, { headers: { [PAGE_KEY]: pageKey() }, signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal })
    if (!answer.ok) throw await troubleOf(answer)
    return answer
  } finally {
    clearTimeout(timer)
  }
}
