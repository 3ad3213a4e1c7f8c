import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { call } from '../api/client'
import { asTrouble, type Trouble } from '../api/problem'
import type { JobRow } from '../api/schema'
import { type JobsHeld, JobsStore } from './jobs'
import { follow, type StreamEvent, type StreamState } from './stream'

const PAGE = 500
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
    const listing = new AbortController()
    void list(jobs, listing.signal).catch((error: unknown) =>
      setState((before) => ({ ...before, trouble: asTrouble(error) })),
    )
    const leave = follow(EVENTS, {
      event: (event) => heard(event, jobs, queries),
      state: (stream, trouble) =>
        setState((before) => ({
          stream,
          trouble,
          lostAt: stream === 'lost' ? (before.lostAt ?? Date.now()) : stream === 'live' ? null : before.lostAt,
        })),
    })
    return () => {
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
    const { page } = await call('get', '/api/v1/jobs', { query: { limit: PAGE, alone: 'true', ...after }, signal: ended })
    jobs.put(page.rows, Date.now())
    if (!page.next) break
    after = { after_id: page.next.id, after_submitted: page.next.submitted }
  }
  jobs.finish()
}

interface Told {
  readonly id: string
  readonly gone?: boolean
  readonly row?: JobRow
}

function heard(event: StreamEvent, jobs: JobsStore, queries: QueryClient): void {
  const said = event.data as Told
  switch (event.kind) {
    case 'job':
      if (said.row) jobs.put([said.row], Date.now())
      else if (said.gone) jobs.drop(said.id)
      void queries.invalidateQueries({ queryKey: ['job', said.id] })
      break
    case 'request':
    case 'grant':
      void queries.invalidateQueries({ queryKey: [event.kind, said.id] })
      void queries.invalidateQueries({ queryKey: [`${event.kind}s`] })
      break
    case 'queue':
      void queries.invalidateQueries({ queryKey: ['answer'] })
      break
    case 'reset':
      jobs.clear()
      void list(jobs, new AbortController().signal)
      void queries.invalidateQueries()
      break
  }
}
