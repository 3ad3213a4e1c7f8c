import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type Confidence, remediesOf, type StartWindow, whyOf } from '../answers/why'
import { nodesNamed } from '../answers/why_facts'
import type { StoredJob } from '../api/schema'
import { useLive } from '../store/live'
import { useNow } from '../store/now'
import { usePositionMoves } from '../store/positions'
import { count, plural, span } from '../words/format'
import { CauseKnown } from './cause_known'
import { Remedies } from './remedies'

/** How sure the cause is, in a sentence. */
const SURE: Readonly<Record<Confidence, string>> = {
  sure: 'the cause is sure',
  likely: 'the cause is likely, not certain',
  unsure: 'the cause is unsure',
}
/** Nodes that are named in the line; all stand in what is known of it. */
const NODES = 3

/**
 * How a job waits: its place in the queue, how sure the cause is and what it rests on, when it likely starts, and what
 * would help; each part comes by itself.
 */
export function WaitLine({ job, code }: { job: StoredJob; code: string }) {
  const { id } = job
  const { team } = job.job
  const why = useQuery(whyOf(id)).data?.document
  const tried = useQuery(remediesOf(id))
  const now = useNow(10_000)
  const { jobs } = useLive()
  const row = jobs.get(id)
  usePositionMoves({ id, backend: row?.backend ?? '', priority: row?.priority ?? '' }, why?.position ?? null, jobs.wanted({}))
  const start = startOf(tried.data?.document.start ?? why?.start ?? null, now)
  const helps = tried.data?.document
  if (!why) return null
  const nodes = nodesNamed(why)
  return (
    <>
      <div className="wait-line">
        {why.position && (
          <span>
            <b>{count(why.position.ahead + 1)}</b> of {count(why.position.of)} in the queue{' '}
            <Link to="/queues" search={{ q: why.position.queue }}>
              {why.position.queue}
            </Link>{' '}
            of{' '}
            <Link to="/teams/$team" params={{ team }}>
              {team}
            </Link>
          </span>
        )}
        {why.flavors.length > 0 && (
          <span>
            tried{' '}
            {why.flavors.slice(0, 3).map((each, number) => (
              <span key={each.name}>
                {number ? ', ' : ''}
                <Link to="/queues" search={{ accelerator: each.name }} title={each.reason}>
                  {each.name}
                </Link>
              </span>
            ))}
          </span>
        )}
        {nodes.length > 0 && (
          <span>
            on{' '}
            {nodes.slice(0, NODES).map((node, number) => (
              <span key={node}>
                {number ? ', ' : ''}
                <Link to="/fleet" search={{ q: node, ...(why.source ? { node: `${why.source}/${node}` } : {}) }}>
                  {node}
                </Link>
              </span>
            ))}
            {nodes.length > NODES && ` and ${plural(nodes.length - NODES, 'other')}`}
          </span>
        )}
        {SURE[why.confidence] && (
          <span className="faint">
            {SURE[why.confidence]}
            {why.code && why.code !== code && (
              <>
                {': '}
                <Link to="/help/$code" params={{ code: why.code }} className="mono">
                  {why.code}
                </Link>
              </>
            )}
          </span>
        )}
        <span className="faint">{start || (tried.isPending ? 'when it starts is being worked out' : 'when it starts is not foreseen')}</span>
        <span className="grow" />
        {helps?.remedies.length ? <Remedies job={job} why={helps} remedies={helps.remedies} /> : tried.isPending ? <span className="faint">what would help is being tried</span> : null}
      </div>
      <CauseKnown of={why} />
    </>
  )
}

function startOf(start: StartWindow | null, now: number): string {
  if (!start) return ''
  if (start.never) return 'it never starts as it is'
  const [from, to] = [start.from, start.to].map((each) => (each ? Math.max(0, Date.parse(each) - now) : null))
  if (from == null && to == null) return ''
  return `likely starts ${from == null ? 'before' : `in ${span(from)}`}${to == null ? ' at the earliest' : `${from == null ? '' : ' to'} ${span(to)}`}`
}
