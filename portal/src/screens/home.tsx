import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { requests, status, whoami } from '../api/queries'
import { Panel, sourceOf, type Source } from '../parts/panel'
import { State } from '../parts/state'
import { Left, Ran } from '../parts/moment'
import { useJobs, useLive } from '../store/live'
import { counted } from '../store/jobs'
import { useMay } from '../store/may'
import { count, plural } from '../words/format'
import { JOB, REQUEST } from '../words/states'
import { thingOf } from '../words/terms'
import type { JobRow } from '../api/schema'
import { Grants } from './grants'
import { FilteredLink } from './jobs'

const SHOWN = 8

/** What concerns whoever looks: his jobs, his team's grants, what waits for him. */
export function Home() {
  const me = useQuery(whoami).data
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
        <Mine name={me?.name ?? ''} />
        <Asked />
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
            <Figure number={found.running} said="running" group="running" />
            <Figure number={found.waiting} said="waiting" group="waiting" />
            <div className="figure">
              <b>{count(found.devices)}</b>
              <span>GPUs held by jobs</span>
            </div>
            <Figure number={rows.filter((each) => each.state === 'failed').length} said="failed" group="failed" />
          </div>
        )
      }}
    </Panel>
  )
}

function Figure({ number, said, group }: { number: number; said: string; group: string }) {
  return (
    <div className="figure">
      <b>
        <FilteredLink search={{ state: group }}>{count(number)}</FilteredLink>
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

function Asked() {
  const source = sourceOf(useQuery(requests))
  const mayAsk = useMay('request')
  const open = (rows: typeof source.data) => (rows ?? []).filter((each) => each.state === 'waiting' || each.state === 'offered')
  return (
    <Panel
      title="Requests that wait"
      source={source}
      flush
      acts={<Link to="/requests">All requests</Link>}
      empty={(rows) =>
        open(rows).length ? null : (
          <>
            <strong>Nothing waits for a decision</strong>
            {mayAsk && (
              <span>
                More GPUs for a while? <Link to="/ask">Ask for them</Link>: you see the price and whom it delays before you ask.
              </span>
            )}
          </>
        )
      }
    >
      {(rows) => (
        <table className="table cards">
          <tbody>
            {open(rows)
              .slice(0, SHOWN)
              .map((each) => (
                <tr key={each.id}>
                  <td className="most two-lines card-title" title={`${each.wish.team}: ${thingOf(each.wish, each.terms)}`}>
                    <Link to="/requests/$id" params={{ id: each.id }}>
                      {each.wish.team}: {thingOf(each.wish, each.terms)}
                    </Link>
                  </td>
                  <td className="card-badge">
                    <State of={REQUEST[each.state]} />
                  </td>
                  <td className="whole faint card-whole">
                    {each.due ? <Left until={each.due} /> : ''}
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
                  {each.name} {!each.unreachable && <span className="faint roomy wide">{each.offer.kind}</span>}
                  {each.unreachable && <div className="tone-bad">{each.unreachable}</div>}
                </td>
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
