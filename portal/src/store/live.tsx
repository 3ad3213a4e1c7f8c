import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { askAgain } from '../api/again'
import { call } from '../api/client'
import { asTrouble, type Trouble } from '../api/problem'
import type { JobRow, JobsPage } from '../api/schema'
import { type JobsHeld, JobsStore } from './jobs'
import { follow, type StreamEvent, type StreamState } from './stream'

const PAGE = 500
/** Milliseconds after which the jobs are listed though no stream has begun. */
const WITHOUT_STREAM = 700
const EVENTS = '/api/v1/events?subjects=job,request,grant,queue,finding'

interface LiveState {
  readonly jobs: JobsStore
  readonly stream: StreamState
  /** When the stream was lost; null while it is not. */
  readonly lostAt: number | null
  readonly trouble: Trouble | null
}

const Live = createContext<LiveState | null>(null)

/** Jobs are listed once, and followed from then on; what else changes is asked for again by whoever shows it. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient()
  const jobs = useMemo(() => new JobsStore(), [])
  const [state, setState] = useState<{ stream: StreamState; lostAt: number | null; trouble: Trouble | null }>({
    stream: 'begins',
    lostAt: null,
    trouble: null,
  })
  useEffect(() => {
    let listing = new AbortController()
    let began = false
    let failed = false
    function read(): void {
      began = true
      failed = false
      listing.abort()
      listing = new AbortController()
      const { signal } = listing
      jobs.renew()
      list(jobs, signal).catch((error: unknown) => {
        if (signal.aborted) return
        failed = true
        setState((before) => ({ ...before, trouble: asTrouble(error) }))
      })
    }
    // What changes from the stream's beginning on is told: what is listed after that misses nothing. Where no stream
    // comes, the list alone is better than nothing.
    const patience = setTimeout(() => began || read(), WITHOUT_STREAM)
    let now: StreamState = 'begins'
    const leave = follow(EVENTS, {
      afresh: read,
      event: (event) => heard(event, jobs, queries, read),
      state: (stream, trouble, heardAt) => {
        if (stream === 'live' && now === 'live') return
        if (stream === 'live' && now === 'lost') {
          if (failed) read()
          void queries.refetchQueries({ predicate: ({ state }) => state.status === 'error' })
        }
        now = stream
        setState((before) => ({ stream, trouble, lostAt: stream === 'lost' ? (heardAt ?? before.lostAt ?? Date.now()) : null }))
      },
    })
    return () => {
      clearTimeout(patience)
      listing.abort()
      leave()
    }
  }, [jobs, queries])
  return <Live value={{ jobs, ...state }}>{children}</Live>
}

export function useLive(): LiveState {
  const live = useContext(Live)
  if (!live) throw new Error('nothing is followed here')
  return live
}

export function useJobs(): JobsHeld {
  const { jobs } = useLive()
  return useSyncExternalStore(jobs.subscribe, jobs.held)
}

/** Read all pages; what is newest is there first. */
async function list(jobs: JobsStore, ended: AbortSignal): Promise<void> {
  let after: { after_id?: string; after_submitted?: number } = {}
  while (!ended.aborted) {
    const said = await call('get', '/api/v1/jobs', { query: { limit: PAGE, alone: 'true', ...after }, signal: ended })
    const page = said.page as JobsPage
    jobs.put(page.rows, Date.now())
    if (!page.next) break
    after = { after_id: page.next.id, after_submitted: page.next.submitted }
  }
  jobs.finish()
}

/** Milliseconds in which all that changes of clusters has answers asked for again once. */
const ANSWERS_AGAIN = 5000
let asksAgain: ReturnType<typeof setTimeout> | undefined

/** Every queue of every cluster is told of by itself: whoever shows answers waits until all have come. */
function answersAgain(queries: QueryClient): void {
  asksAgain ??= setTimeout(() => {
    asksAgain = undefined
    void askAgain(queries, { queryKey: ['answer'] })
  }, ANSWERS_AGAIN)
}

/** A change of a subject, with what it is now; null where it is gone, or not to be seen any more. */
interface Told<T> {
  readonly id: string
  readonly now: T | null
}

function heard(event: StreamEvent, jobs: JobsStore, queries: QueryClient, again: () => void): void {
  const said = event.data as { readonly [kind: string]: Told<unknown> }
  const told = said[event.kind]
  switch (event.kind) {
    case 'job':
      if (!told) return
      if (told.now) jobs.put([told.now as JobRow], Date.now())
      else jobs.drop(told.id)
      // A job may have been opened by its name: before it is answered, that may be of any.
      void askAgain(queries, {
        predicate: ({ queryKey, state }) => {
          const { data, fetchStatus } = state as { data?: { id?: string }; fetchStatus: string }
          return queryKey[0] === 'job' && (queryKey[1] === told.id || (data ? data.id === told.id : fetchStatus === 'fetching'))
        },
      })
      break
    case 'request':
    case 'grant':
      void askAgain(queries, { queryKey: [event.kind, told?.id] })
      void askAgain(queries, { queryKey: [`${event.kind}s`] })
      void askAgain(queries, { queryKey: ['balances'] })
      break
    case 'queue':
    case 'finding':
      answersAgain(queries)
      break
    case 'reset':
      again()
      void askAgain(queries)
      break
  }
}
