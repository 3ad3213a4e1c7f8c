import { troubleOf } from './problem'

/**
 * The session of this browser: half of it is a cookie that no script reads, the other half is kept here, by the origin,
 * and sent as a header. Neither opens anything alone.
 */
const KEPT = 'allotment.page-key'
export const PAGE_KEY = 'X-Allotment-Page'

let signedOut: () => void = () => {}

export function pageKey(): string {
  return localStorage.getItem(KEPT) ?? ''
}

export function forgetSession(): void {
  localStorage.removeItem(KEPT)
  signedOut()
}

export function onSignedOut(heard: () => void): void {
  signedOut = heard
}

/** Come in with what the address holds behind its `#`: a code of `allot open`, or a key of a sign-in. It is gone then. */
export async function comeIn(): Promise<void> {
  const told = new URLSearchParams(location.hash.slice(1))
  const key = told.get('key')
  const code = told.get('enter')
  if (!key && !code) return
  history.replaceState(history.state, '', location.pathname + location.search)
  if (key) {
    localStorage.setItem(KEPT, key)
    return
  }
  const answer = await fetch('/api/v1/browser-session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ version: 1, entry: { code } }),
  })
  if (!answer.ok) throw await troubleOf(answer)
  const said = (await answer.json()) as { session: { key: string } }
  localStorage.setItem(KEPT, said.session.key)
}
