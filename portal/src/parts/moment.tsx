import type { JobRow } from '../api/schema'
import { useNow } from '../store/now'
import { useZone } from '../store/settings'
import { exactly, moment, span } from '../words/format'
import { ranSince } from '../words/states'

/** A moment in the chosen zone; its tool tip has it whole. */
export function Moment({ at }: { at: number }) {
  const zone = useZone()
  return (
    <time dateTime={exactly(at)} title={exactly(at)}>
      {moment(at, zone)}
    </time>
  )
}

/** How long something has lasted; it goes on while nothing has ended it. */
export function Lasted({ since, until }: { since: number; until: number | null }) {
  const now = useNow(until === null && Date.now() - since < 3_600_000 ? 1000 : 60_000)
  return <>{span((until ?? now) - since)}</>
}

/** How long a job has run; nothing where it never did, or waits again. */
export function Ran({ job }: { job: JobRow }) {
  const since = ranSince(job)
  return since === null ? null : <Lasted since={since} until={job.ended} />
}

export function Ago({ at }: { at: number }) {
  const now = useNow(1000)
  return (
    <time dateTime={exactly(at)} title={exactly(at)}>
      {span(now - at)} ago
    </time>
  )
}

/** How long is left until something has to be done; its tool tip has the moment. */
export function Left({ until }: { until: number }) {
  const now = useNow(60_000)
  return (
    <time dateTime={exactly(until)} title={exactly(until)}>
      {until > now ? `${span(until - now)} left` : 'overdue'}
    </time>
  )
}
