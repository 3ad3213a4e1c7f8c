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

/** Kept by the origin, port and all, until the identity provider has sent the browser back. */
const SECRET = 'allotment.sign-in'
const CALLBACK = '/sign-in/callback'

/**
 * Go to the identity provider. What comes back is believed only where this very page has begun it: it keeps a secret,
 * of which the server was told the digest.
 */
export async function leaveToSignIn(): Promise<void> {
  const secret = hexOf(crypto.getRandomValues(new Uint8Array(32)))
  sessionStorage.setItem(SECRET, secret)
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret))
  const said = (await sent('/api/v1/browser-sign-in', 'leave', { bound: hexOf(new Uint8Array(digest)) })) as { address: string }
  location.assign(said.address)
}

/** Whether the page was opened to come in, so that what is kept of a session before counts no more. */
export function comesIn(): boolean {
  return new URLSearchParams(location.hash.slice(1)).has('enter') || location.pathname === CALLBACK
}

/** Come in with a code of `allot open`, which stands behind the `#`, or with what the identity provider has sent. */
export async function comeIn(): Promise<void> {
  const code = new URLSearchParams(location.hash.slice(1)).get('enter')
  const back = location.pathname === CALLBACK
  if (!code && !back) return
  const query = location.search.slice(1)
  history.replaceState(history.state, '', back ? '/' : location.pathname + location.search)
  const secret = sessionStorage.getItem(SECRET) ?? ''
  sessionStorage.removeItem(SECRET)
  const entry = code ? { code } : { query, secret }
  const said = (await sent('/api/v1/browser-session', 'entry', entry)) as { session: { key: string } }
  localStorage.setItem(KEPT, said.session.key)
}

async function sent(path: string, kind: string, value: unknown): Promise<unknown> {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ version: 1, [kind]: value }),
  })
  if (!answer.ok) throw await troubleOf(answer)
  return answer.json()
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (each) => each.toString(16).padStart(2, '0')).join('')
}
