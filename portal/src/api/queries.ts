import { queryOptions } from '@tanstack/react-query'
import { call, patience } from './client'
import { Trouble } from './problem'
import type {
  AskedMove,
  AskedRequest,
  GrantRequest,
  GrantsPage,
  JobSubmission,
  PeoplePage,
  RequestsPage,
  TeamBalance,
  TeamGrant,
} from './schema'

/** What is asked of the server; each answer is kept under a key, and made old by the event stream. */

// Whoever asks for some fields alone gets parts of rows: we never do.
const MOST = 500

export const whoami = queryOptions({
  queryKey: ['whoami'],
  queryFn: async () => (await call('get', '/api/v1/whoami', { once: true })).visitor,
  staleTime: 60_000,
})

export const status = queryOptions({
  queryKey: ['status'],
  queryFn: async () => (await call('get', '/api/v1/status')).status,
  refetchInterval: 15_000,
})

export const jobOf = (reference: string) =>
  queryOptions({
    queryKey: ['job', reference],
    queryFn: async () => (await call('get', '/api/v1/jobs/{reference}', { path: { reference } })).job,
  })

/** The job file that means a job. */
export const jobFileOf = (reference: string) =>
  queryOptions({
    queryKey: ['job-file', reference],
    queryFn: async () => (await call('get', '/api/v1/jobs/{reference}/file', { path: { reference } })).file.text,
    // What a job asks for never changes.
    staleTime: Infinity,
  })

/** All that became of a job; its key begins as the job's does, so that both are made old together. */
export const courseOf = (reference: string) =>
  queryOptions({
    queryKey: ['job', reference, 'course'],
    queryFn: async () => (await call('get', '/api/v1/jobs/{reference}/course', { path: { reference } })).course,
  })

/** What it asked for beside what it used, and what to ask for next time. */
export const reportOf = (reference: string) =>
  queryOptions({
    queryKey: ['job', reference, 'report'],
    queryFn: async () => (await call('get', '/api/v1/jobs/{reference}/report', { path: { reference } })).report,
  })

export const familyOf = (reference: string) =>
  queryOptions({
    queryKey: ['family', reference],
    queryFn: async () => (await call('get', '/api/v1/jobs/{reference}/family', { path: { reference } })).family,
  })

/** A request of the list, and whether whoever looks decides on it as it stands. */
export type ListedRequest = GrantRequest & { readonly decides: boolean }

export const requests = queryOptions({
  queryKey: ['requests'],
  queryFn: async () => {
    const rows: ListedRequest[] = []
    const together = patience()
    let after: { after_id?: string; after_at?: number } = {}
    for (;;) {
      const said = await call('get', '/api/v1/requests', { query: { limit: MOST, ...after }, patience: together })
      const page = said.page as RequestsPage
      const decides = new Set(page.decides)
      rows.push(...page.rows.map((each) => ({ ...each, decides: decides.has(each.id) })))
      if (!page.next) return rows
      after = { after_id: page.next.id, after_at: page.next.at }
    }
  },
})

export const requestOf = (reference: string) =>
  queryOptions({
    queryKey: ['request', reference],
    queryFn: async () => (await call('get', '/api/v1/requests/{reference}', { path: { reference } })).told,
  })

export const grants = queryOptions({
  queryKey: ['grants'],
  queryFn: async () => {
    const rows: TeamGrant[] = []
    const together = patience()
    let after: { after_id?: string } = {}
    for (;;) {
      const page = (await call('get', '/api/v1/grants', { query: { limit: MOST, ...after }, patience: together })).page as GrantsPage
      rows.push(...page.rows)
      if (!page.next) return rows
      after = { after_id: page.next }
    }
  },
})

/** What became of an approved request; null where whoever looks may see the request alone. */
export const grantOf = (reference: string) =>
  queryOptions({
    queryKey: ['grant', reference],
    queryFn: async () => {
      try {
        return (await call('get', '/api/v1/grants/{reference}', { path: { reference } })).grant
      } catch (error) {
        if (error instanceof Trouble && error.status === 404) return null
        throw error
      }
    },
  })

/** How far teams are with their month and their grants. */
export const balances = queryOptions({
  queryKey: ['balances'],
  queryFn: async () => (await call('get', '/api/v1/balances')).balances as readonly TeamBalance[],
  refetchInterval: 60_000,
})

export async function endGrant(reference: string, reason: string) {
  return (await call('post', '/api/v1/grants/{reference}/end', { path: { reference }, body: { version: 1, end: { reason } } })).grant
}

export async function settleGrant(reference: string, restore: boolean) {
  return (await call('post', '/api/v1/grants/{reference}/settling', { path: { reference }, body: { version: 1, settling: { restore } } })).grant
}

export async function foresee(submission: JobSubmission) {
  return (await call('post', '/api/v1/foresee', { body: { version: 1, submission } })).foreseen
}

/** The jobs that a job file means, with all that it leaves open filled in. */
export async function jobsOf(text: string) {
  return (await call('post', '/api/v1/job-files', { body: { version: 1, file: { text } } })).jobs
}

export async function submit(submission: JobSubmission) {
  return (await call('post', '/api/v1/jobs', { body: { version: 1, submission } })).receipt
}

export async function stop(reference: string) {
  return (await call('post', '/api/v1/jobs/{reference}/stop', { path: { reference } })).job
}

export async function retry(reference: string, resume: boolean) {
  return (await call('post', '/api/v1/jobs/{reference}/retry', { path: { reference }, query: { resume } })).receipt
}

export async function previewed(asked: AskedRequest) {
  return (await call('post', '/api/v1/request-previews', { body: { version: 1, asked } })).told
}

export async function ask(asked: AskedRequest) {
  return (await call('post', '/api/v1/requests', { body: { version: 1, asked } })).request
}

export async function decide(reference: string, move: AskedMove) {
  const sent = { path: { reference }, body: { version: 1 as const, move } }
  const deciding = move.act === 'approve' || move.act === 'counter' || move.act === 'deny'
  if (deciding) return (await call('post', '/api/v1/requests/{reference}/decision', sent)).request
  return (await call('post', '/api/v1/requests/{reference}/answer', sent)).request
}

/** Clusters as administrators see them: by what each is reached. */
export const connectedClusters = queryOptions({
  queryKey: ['clusters'],
  queryFn: async () => (await call('get', '/api/v1/clusters')).clusters,
  refetchInterval: 30_000,
})

export interface TrailWanted {
  readonly who?: string
  readonly verb?: string
  readonly team?: string
  readonly about?: string
  readonly outcome?: string
  readonly since?: number
}

export async function trailPage(wanted: TrailWanted, before: number | null) {
  return (await call('get', '/api/v1/audit', { query: { limit: 100, ...wanted, ...(before === null ? {} : { before }) } })).page
}

/** How far the trail goes: number and digest of its newest entry. */
export const trailHead = queryOptions({
  queryKey: ['audit-head'],
  queryFn: async () => (await call('get', '/api/v1/audit/head')).head,
  refetchInterval: 30_000,
})

/** Files of the platform directory, by path; none where the server has no directory of its own. */
export const declaredFiles = queryOptions({
  queryKey: ['platform'],
  queryFn: async () => (await call('get', '/api/v1/platform')) as Readonly<Record<string, string>>,
  staleTime: 60_000,
})

export const people = queryOptions({
  queryKey: ['people'],
  queryFn: async () => (await call('get', '/api/v1/people', { query: { limit: MOST } })).page as PeoplePage,
  staleTime: 60_000,
})
