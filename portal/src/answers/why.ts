import { queryOptions } from '@tanstack/react-query'
import { call } from '../api/client'
import type { Subject, Verdict } from './documents'
import type { Told } from './queries'

/** Where a job stands in its queue. */
export interface QueuePlace {
  readonly queue: string
  readonly ahead: number
  readonly of: number
}

export interface StartWindow {
  readonly never?: boolean
  readonly from?: string | null
  readonly to?: string | null
}

export interface Remedy {
  readonly kind: string
  readonly who: string
  readonly summary: string
  readonly command: string | null
  readonly target: { readonly kind: string; readonly name: string } | null
  readonly patch: { readonly op: string; readonly body: unknown } | null
  readonly tried: { readonly starts: 'now' | 'later' | 'no' | 'not-simulated'; readonly at: StartWindow | null; readonly displaces: readonly string[] }
}

/** How sure a cause is. */
export type Confidence = 'sure' | 'likely' | 'unsure'

/** A value that a cause rests on. */
export interface Evidence {
  /** Where it was read. */
  readonly object: Subject
  readonly field: string
  readonly value: unknown
  /** What it means. */
  readonly says: string
}

/** Why one job does not run, and what would help. */
export interface Why {
  readonly cause: string
  readonly code: string | null
  readonly verdict: Verdict | null
  readonly confidence: Confidence
  readonly summary: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly evidence: readonly Evidence[]
  /** Where all of it was seen. */
  readonly source: string | null
  readonly position: QueuePlace | null
  readonly start: StartWindow | null
  readonly flavors: readonly { readonly name: string; readonly reason: string }[]
  readonly remedies: readonly Remedy[]
}

/** Milliseconds after which it is asked again for one that is looked at. */
const AGAIN = 10_000

const asked = (reference: string, remedies: boolean) =>
  queryOptions({
    queryKey: ['answer', 'why', reference, String(remedies)],
    queryFn: async () =>
      (await call('get', '/api/v1/answers/why/{reference}', { path: { reference }, query: { remedies }, once: true })).answer as unknown as Told<Why>,
  })

/** The cause at once. */
export const whyOf = (reference: string) => ({ ...asked(reference, false), refetchInterval: AGAIN })
/** What helps is tried on the twins: that takes longer, and is asked for once. */
export const remediesOf = (reference: string) => ({ ...asked(reference, true), staleTime: 60_000 })
