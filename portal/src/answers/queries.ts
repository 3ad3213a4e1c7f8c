import { queryOptions } from '@tanstack/react-query'
import { call } from '../api/client'
import type { AnswerSource, AskedQuotaChange, GivenAnswer, QuotaWish } from '../api/schema'
import type {
  Books,
  CauseList,
  CausePage,
  ClusterStates,
  DeclaredTeams,
  DriftReport,
  Explanations,
  Holdings,
  Queues,
  QueueTrends,
  Quotas,
  Rooms,
  Saturations,
  Waste,
  WhatIf,
} from './documents'

/** An answer: its document, and what it rests on. */
export interface Told<D> {
  readonly sources: readonly AnswerSource[]
  readonly partial: boolean
  readonly stale: boolean
  readonly document: D
}

/** Whose view is meant, and of which cluster; nothing for the caller's own, of all. */
export interface Where {
  readonly view?: string | undefined
  readonly cluster?: string | undefined
}

/** Milliseconds after which an answer that is shown is asked for again. */
const AGAIN = 30_000

function asked<D>(name: string, where: Where, ask: (query: Query) => Promise<{ answer: GivenAnswer }>) {
  return queryOptions({
    queryKey: ['answer', name, where.view ?? '', where.cluster ?? ''],
    queryFn: async () => (await ask(queryOf(where))).answer as unknown as Told<D>,
    refetchInterval: AGAIN,
  })
}

interface Query {
  readonly view?: string
  readonly cluster?: string[]
}

function queryOf({ view, cluster }: Where): Query {
  return { ...(view ? { view } : {}), ...(cluster ? { cluster: [cluster] } : {}) }
}

export const waste = (where: Where) =>
  asked<Waste>('waste', where, (query) => call('get', '/api/v1/answers/waste', { query }))
/** Over a time that was recorded: it is read of many snapshots, and asked for again seldom. */
export const wasteSince = (where: Where, since: string) => ({
  ...asked<Waste>(`waste ${since}`, where, (query) => call('get', '/api/v1/answers/waste', { query: { ...query, since } })),
  refetchInterval: 5 * 60_000,
  staleTime: 60_000,
})
export const holdings = (where: Where) =>
  asked<Holdings>('who', where, (query) => call('get', '/api/v1/answers/who', { query }))
export const rooms = (where: Where) =>
  asked<Rooms>('gpus', where, (query) => call('get', '/api/v1/answers/gpus', { query }))
export const saturation = (where: Where) =>
  asked<Saturations>('saturation', where, (query) => call('get', '/api/v1/answers/saturation', { query }))
export const queues = (where: Where) =>
  asked<Queues>('queues', where, (query) => call('get', '/api/v1/answers/queues', { query }))
/** The last week; a point is hours, and asked for again seldom. */
export const queueTrends = (where: Where) => ({
  ...asked<QueueTrends>('queue-trends', where, (query) => call('get', '/api/v1/answers/queue-trends', { query: { ...query, since: '7d' } })),
  refetchInterval: 5 * 60_000,
  staleTime: 60_000,
})
export const quotas = (where: Where) =>
  asked<Quotas>('quotas', where, (query) => call('get', '/api/v1/answers/quotas', { query }))
export const books = (where: Where) =>
  asked<Books>('books', where, (query) => call('get', '/api/v1/answers/books', { query }))
export const explanations = (where: Where) =>
  asked<Explanations>('why', where, (query) => call('get', '/api/v1/answers/why', { query }))
export const clusterStates = (where: Where) =>
  asked<ClusterStates>('clusters', { view: where.view }, ({ view }) =>
    call('get', '/api/v1/answers/clusters', { query: view ? { view } : {} }),
  )
export const declaredTeams = (where: Where) =>
  asked<DeclaredTeams>('teams', { view: where.view }, ({ view }) =>
    call('get', '/api/v1/answers/teams', { query: view ? { view } : {} }),
  )

export const causes = queryOptions({
  queryKey: ['causes'],
  queryFn: async () => (await call('get', '/api/v1/answers/causes')).answer as unknown as Told<CauseList>,
  staleTime: Number.POSITIVE_INFINITY,
})

export const causeOf = (code: string) =>
  queryOptions({
    queryKey: ['causes', code],
    queryFn: async () =>
      (await call('get', '/api/v1/answers/causes/{code}', { path: { code } })).answer as unknown as Told<CausePage>,
    staleTime: Number.POSITIVE_INFINITY,
  })

/** How clusters stand to what is declared; while one is still looked at, it is asked for again soon. */
export const drift = (cluster: string | undefined) =>
  queryOptions({
    queryKey: ['answer', 'drift', cluster ?? ''],
    queryFn: async ({ signal }) =>
      (await call('get', '/api/v1/answers/drift', { query: cluster ? { cluster: [cluster] } : {}, signal }))
        .answer as unknown as Told<DriftReport>,
    refetchInterval: (query) => (query.state.data?.sources.some((each) => each.why.includes('looked at')) ? 4000 : 60_000),
  })

/** Looked at anew, however young what is known is. */
export async function lookAtDrift(cluster: string | undefined) {
  return await call('get', '/api/v1/answers/drift', { query: { ...(cluster ? { cluster: [cluster] } : {}), anew: true } })
}

/** How long futures are made for: before and after them the cluster is reckoned with, and a page gives up after 15 s. */
const BUDGET = '7s'

/**
 * Both futures of a cluster, without changes and with them. Futures take seconds: whoever leaves has them ended, and they
 * are made anew only where somebody asks.
 */
export const whatIf = (where: Where, changes: readonly string[], everybody: boolean) =>
  queryOptions({
    queryKey: ['whatif', where.view ?? '', where.cluster ?? '', everybody ? 'all' : '', ...changes],
    queryFn: async ({ signal }) =>
      (
        await call('get', '/api/v1/answers/whatif', {
          query: { ...queryOf(where), change: [...changes], budget: BUDGET, ...(everybody ? { all: true } : {}) },
          signal,
          once: true,
        })
      ).answer as unknown as Told<WhatIf>,
    staleTime: 60_000,
  })

export const quotaPreview = (wish: QuotaWish) =>
  queryOptions({
    queryKey: ['quota', JSON.stringify(wish)],
    queryFn: async ({ signal }) =>
      (await call('post', '/api/v1/quota-previews', { body: { version: 1, wish }, signal })).foreseen,
    staleTime: 10_000,
  })

export async function changeQuota(asked: AskedQuotaChange) {
  return (await call('post', '/api/v1/quota-changes', { body: { version: 1, asked } })).changed
}
