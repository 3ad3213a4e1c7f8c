import { asTrouble, Trouble, troubleOf } from './problem'
import type { paths } from './schema'
import { forgetSession, PAGE_KEY, pageKey } from './session'

/** Milliseconds after which nobody waits for an answer any more, however often it was asked for: no spinner is without an end. */
export const PATIENCE = 15_000
/** Milliseconds after each of which a question is asked once more that failed in passing. */
const PAUSES: readonly number[] = [1000, 2000]

type Verb = 'get' | 'post' | 'put' | 'delete'
type Json<T> = T extends { content: { 'application/json': infer J } } ? J : undefined
type Given<O> = O extends { responses: { 200: infer R } } ? Json<R> : undefined
type Part<O, N extends string> = O extends { parameters: { [K in N]?: infer P } } ? Exclude<P, undefined> : never

export interface Sent<O> {
  readonly path?: Part<O, 'path'>
  readonly query?: Part<O, 'query'>
  readonly body?: O extends { requestBody: infer B } ? Json<B> : never
  readonly signal?: AbortSignal
  /** What is waited for together with other questions, such as the pages of a list. */
  readonly patience?: AbortSignal
  /** Whether a question is asked a single time, however it fails. */
  readonly once?: boolean
}

/** Aborts when nobody waits any more. */
export function patience(): AbortSignal {
  return AbortSignal.timeout(PATIENCE)
}

/**
 * Ask the server; what is asked and what comes back is as the OpenAPI document says. A question that fails in passing is
 * asked again, as long as somebody waits: it changes nothing, which cannot be said of anything else that is sent.
 *
 * @throws {Trouble} of the server, or of the way to it.
 */
export async function call<V extends Verb, P extends keyof paths>(
  verb: V,
  path: P,
  sent: Sent<paths[P][V]> = {},
): Promise<Given<paths[P][V]>> {
  const end = sent.patience ?? patience()
  const signal = sent.signal ? AbortSignal.any([sent.signal, end]) : end
  return tried(() => answered(verb, path, sent, signal), verb === 'get' && !sent.once ? PAUSES : [], signal)
}

async function tried<T>(ask: () => Promise<T>, [pause, ...pauses]: readonly number[], signal: AbortSignal): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (pause === undefined || signal.aborted || !asTrouble(error).passing || !(await paused(pause, signal))) throw error
    return tried(ask, pauses, signal)
  }
}

/** Whether somebody still waits after so many milliseconds. */
function paused(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const over = (goesOn: boolean) => () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', ended)
      resolve(goesOn)
    }
    const ended = over(false)
    const timer = setTimeout(over(true), ms)
    signal.addEventListener('abort', ended)
  })
}

async function answered<V extends Verb, P extends keyof paths>(
  verb: V,
  path: P,
  sent: Sent<paths[P][V]>,
  signal: AbortSignal,
): Promise<Given<paths[P][V]>> {
  const answer = await fetch(addressOf(path, sent), {
    method: verb.toUpperCase(),
    headers: { [PAGE_KEY]: pageKey(), ...(sent.body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    body: sent.body === undefined ? null : JSON.stringify(sent.body),
    signal,
  })
  if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as Given<paths[P][V]>
  const trouble = await troubleOf(answer)
  if (trouble.signedOut) forgetSession()
  throw trouble
}

function addressOf(path: string, sent: { readonly path?: unknown; readonly query?: unknown }): string {
  const parts = (sent.path ?? {}) as Record<string, string>
  const query = Object.entries((sent.query ?? {}) as Record<string, unknown>).filter(([, value]) => value != null)
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const part = parts[name]
    if (part === undefined) throw new Trouble(0, `nothing was said for ${name}`, '', '', '', '')
    return encodeURIComponent(part)
  })
  const words = query.flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => [name, String(each)]))
  return words.length ? `${filled}?${new URLSearchParams(words)}` : filled
}
