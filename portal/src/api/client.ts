import { Trouble, troubleOf } from './problem'
import type { paths } from './schema'
import { forgetSession, PAGE_KEY, pageKey } from './session'

/** Milliseconds after which nobody waits for an answer any more: no spinner is without an end. */
const PATIENCE = 15_000

type Verb = 'get' | 'post' | 'put' | 'delete'
type Json<T> = T extends { content: { 'application/json': infer J } } ? J : undefined
type Given<O> = O extends { responses: { 200: infer R } } ? Json<R> : undefined
type Part<O, N extends string> = O extends { parameters: { [K in N]?: infer P } } ? Exclude<P, undefined> : never

export interface Sent<O> {
  readonly path?: Part<O, 'path'>
  readonly query?: Part<O, 'query'>
  readonly body?: O extends { requestBody: infer B } ? Json<B> : never
  readonly signal?: AbortSignal
}

/**
 * Ask the server; what is asked and what comes back is as the OpenAPI document says.
 *
 * @throws {Trouble} of the server, or of the way to it.
 */
export async function call<V extends Verb, P extends keyof paths>(
  verb: V,
  path: P,
  sent: Sent<paths[P][V]> = {},
): Promise<Given<paths[P][V]>> {
  const patience = AbortSignal.timeout(PATIENCE)
  const answer = await fetch(addressOf(path, sent), {
    method: verb.toUpperCase(),
    headers: { [PAGE_KEY]: pageKey(), ...(sent.body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    body: sent.body === undefined ? null : JSON.stringify(sent.body),
    signal: sent.signal ? AbortSignal.any([sent.signal, patience]) : patience,
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
