import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { status, whoami } from '../api/queries'
import { Panel, sourceOf, type Source } from '../parts/panel'
import { State } from '../parts/state'
import { Ran } from '../parts/moment'
import { Name } from '../parts/name'
import { useJobs, useLive } from '../store/live'
import { counted } from '../store/jobs'
import { useMay } from '../store/may'
import { count, plural } from '../words/format'
import { JOB } from '../words/states'
import type { JobRow } from '../api/schema'
import { Grants } from './grants'
import { FilteredLink, type JobsSearch } from './jobs'
import { FreeNow, OwnQuota } from './own_quota'
import { OwnRequests, ToDecide } from './own_requests'

const SHOWN = 8

/** What concerns whoever looks: his jobs and requests, his team's quota and grants, what is free, and what waits for him. */
export function Home() {
  const me = useQuery(whoami).data
  const mayRead = useMay('read')
  return (
    <>
      <div className="head">
        <h1>Home</h1>
        <span className="grow" />
        {useMay('submit') && (
          <Link to="/submit" className="act first">
            Submit a job
          </Link>
        )}
      </div>
      <Figures />
      <div className="columns">
        <div className="stack">
          <Mine name={me?.name ?? ''} />
          <OwnRequests name={me?.name ?? ''} />
          <ToDecide />
        </div>
        <div className="stack">
          {mayRead && <OwnQuota />}
          {mayRead && <FreeNow />}
        </div>
      </div>
      <div className="columns uneven">
        <Grants most={SHOWN} acts={<Link to="/requests">All grants</Link>} />
        <Room />
      </div>
    </>
  )
}

function Figures() {
  const held = useJobs()
  const source = useJobsSource()
  return (
    <Panel
      title="Jobs"
      source={source}
      truncated={() => (held.complete ? null : `the newest ${count(held.rows.length)} jobs; the rest is being read`)}
      empty={(rows) => (rows.length ? null : <NoJobs />)}
    >
      {(rows) => {
        const found = counted(rows)
        return (
          <div className="figures">
            <Figure number={found.running} said="running" search={{ state: 'running' }} />
            <Figure number={found.waiting} said="waiting" search={{ state: 'waiting' }} />
            <Figure number={found.devices} said="GPUs held by jobs" search={{ state: 'running', sort: '-gpus' }} />
            <Figure number={found.failed} said="failed" search={{ state: 'failed' }} />
          </div>
        )
      }}
    </Panel>
  )
}

function Figure({ number, said, search }: { number: number; said: string; search: JobsSearch }) {
  return (
    <div className="figure">
      <b>
        <FilteredLink search={search}>{count(number)}</FilteredLink>
      </b>
      <span>{said}</span>
    </div>
  )
}

export function useJobsSource(): Source<readonly JobRow[]> {
  const held = useJobs()
  const { trouble, lostAt } = useLive()
  const data = held.heard === null && !held.complete ? undefined : held.rows
  return { data, trouble, at: lostAt ?? held.heard ?? 0, again: () => location.reload() }
}

export function NoJobs() {
  const may = useMay('submit')
  return (
    <>
      <strong>No jobs yet</strong>
      {may ? (
        <span>
          <code>allot run train.py --gpus 1</code> runs a script, and <Link to="/submit">submit</Link> does it from here.
        </span>
      ) : (
        <span>Those of your teams are shown here.</span>
      )}
    </>
  )
}

function Mine({ name }: { name: string }) {
  const source = useJobsSource()
  const own = (rows: readonly JobRow[]) => rows.filter((each) => each.owner === name)
  return (
    <Panel
      title="My jobs"
      source={source}
      flush
      acts={<FilteredLink search={{ owner: name }}>All of mine</FilteredLink>}
      empty={(rows) => (own(rows).length ? null : <NoJobs />)}
    >
      {(rows) => (
        <table className="table cards">
          <tbody>
            {own(rows)
              .slice(0, SHOWN)
              .map((each) => (
                <tr key={each.id}>
                  <td className="most card-title" title={each.name}>
                    <Link to="/jobs/$id" params={{ id: each.id }}>
                      {each.name}
                    </Link>
                  </td>
                  <td className="card-badge">
                    <State of={JOB[each.state]} />
                  </td>
                  <td className="number faint">
                    <Ran job={each} />
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}

function Room() {
  const source = sourceOf(useQuery(status))
  return (
    <Panel
      title="Back ends"
      source={source}
      flush
      acts={<Link to="/backends">All</Link>}
      empty={(told) => (told.backends.length ? null : <span>This server has opened no back end yet.</span>)}
    >
      {(told) => (
        <table className="table">
          <tbody>
            {told.backends.map((each) => (
              <tr key={each.name}>
                <td className={each.unreachable ? 'most two-lines' : 'most'} title={each.name}>
                  <Name of={each.name} />
                  {each.unreachable && <div className="tone-bad">{each.unreachable}</div>}
                </td>
                <td className="whole faint roomy wide">{each.unreachable ? '' : each.offer.kind}</td>
                <td className="number">
                  {plural(Object.values(each.offer.accelerators ?? {}).reduce((sum, number) => sum + number, 0), 'GPU')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}
