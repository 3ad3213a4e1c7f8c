import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useCallback, useDeferredValue, useMemo, useState } from 'react'
import { retry, stop, whoami } from '../api/queries'
import type { JobRow } from '../api/schema'
import { BulkAct } from '../parts/bulk'
import { CopyCommand, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid } from '../parts/grid'
import { Moment, Ran } from '../parts/moment'
import { Panel } from '../parts/panel'
import { State } from '../parts/state'
import { sayTrouble } from '../parts/toasts'
import { Person } from '../parts/work'
import { useTyped } from '../parts/typed'
import { type ListSearch, useList } from '../store/list'
import { counted } from '../store/jobs'
import { useJobs, useLive } from '../store/live'
import { mayIn, useMay } from '../store/may'
import { useNow } from '../store/now'
import { rangeOf, within } from '../store/range'
import { count, plural } from '../words/format'
import { GROUPS, JOB, OVER, ranSince, WAITS } from '../words/states'
import { Choice, Chosen, TimeChoice } from './filters'
import { NoJobs, useJobsSource } from './home'
import { LostOfOthers, StopSays, useStopEffects } from './stopping'

/** The part of the address that says which jobs are meant. */
export type JobsSearch = Pick<ListSearch, 'q' | 'state' | 'team' | 'owner' | 'backend' | 'since' | 'until' | 'sort'>

export function FilteredLink({ search, className, children }: { search: JobsSearch; className?: string; children: ReactNode }) {
  return (
    <Link to="/jobs" search={search} className={className}>
      {children}
    </Link>
  )
}

/** Every job that may be seen, by what the address says. */
export function Jobs() {
  const [search, change] = useList()
  const { jobs } = useLive()
  const held = useJobs()
  const source = useJobsSource()
  const now = useNow(60_000)
  const wanted = useDeferredValue(search)
  const rows = useMemo(() => {
    const states = GROUPS.find(([name]) => name === wanted.state)?.[1]
    const found = jobs.wanted({ text: wanted.q, states, team: wanted.team, owner: wanted.owner, backend: wanted.backend })
    const range = rangeOf(wanted, now)
    return range.from === null && range.to === null ? found : found.filter((each) => within(each.submitted, range))
    // `held` is what changes when a job does.
  }, [jobs, held, wanted, now])
  const { devices } = useMemo(() => counted(rows), [rows])
  const teams = useMemo(() => [...new Set(held.rows.map((each) => each.team))].sort(), [held])
  const columns = useMemo(() => columnsOf(now), [now])
  const navigate = useNavigate()
  const open = useCallback((row: JobRow) => void navigate({ to: '/jobs/$id', params: { id: row.id } }), [navigate])
  return (
    <>
      <div className="head">
        <h1>Jobs</h1>
        <div className="filters">
          <input
            className="search"
            aria-label="Filter jobs"
            placeholder="Name, id, owner, project"
            value={search.q ?? ''}
            onChange={(event) => change({ q: event.target.value }, 'typing')}
          />
          {GROUPS.map(([name]) => (
            <button
              key={name}
              type="button"
              className="chip"
              aria-pressed={search.state === name}
              onClick={() => change({ state: search.state === name ? '' : name })}
            >
              {name}
            </button>
          ))}
          <Choice label="Team" every="every team" values={teams} value={search.team} pick={(team) => change({ team })} />
          <TimeChoice of="Submitted" />
          {search.owner && <Chosen said={`of ${search.owner}`} drop={() => change({ owner: '' })} />}
          {search.backend && <Chosen said={`on ${search.backend}`} drop={() => change({ backend: '' })} />}
        </div>
        <span className="grow" />
        <CopyCommand command={commandOf(search)} />
        {useMay('submit') && (
          <Link to="/submit" className="act first">
            Submit a job
          </Link>
        )}
      </div>
      <Panel
        title={held.heard === null ? 'Jobs' : plural(rows.length, 'job')}
        source={source}
        flush
        acts={
          <>
            {devices > 0 && <span className="faint">{plural(devices, 'GPU')} held</span>}
            <ColumnsMenu columns={columns} />
          </>
        }
        truncated={() => (held.complete ? null : `of the newest ${count(held.rows.length)}; the rest is being read`)}
        empty={(all) =>
          rows.length ? null : all.length ? (
            <>
              <strong>No job is like that</strong>
              <button type="button" className="act" onClick={() => void navigate({ to: '/jobs', search: {} })}>
                Show all {count(all.length)}
              </button>
            </>
          ) : (
            <NoJobs />
          )
        }
      >
        {() => (
          <Grid
            label="Jobs"
            rows={rows}
            columns={columns}
            keyOf={keyOf}
            nameOf={(each) => each.name}
            usual="-submitted"
            given="usual"
            open={open}
            chosen={(chosen, clear) => <Bulk rows={chosen} done={clear} />}
          />
        )}
      </Panel>
    </>
  )
}

function commandOf(search: JobsSearch): string {
  const states = GROUPS.find(([name]) => name === search.state)?.[1].join(',')
  const labels = [
    states && `state in (${states})`,
    ...(['team', 'owner', 'backend'] as const).map((name) => search[name] && `${name}=${search[name]}`),
  ].filter(Boolean)
  const words = search.q?.split(/\s+/).filter(Boolean) ?? []
  return [
    `allot ps -a -A${words.length ? ' -o wide' : ''}${labels.length ? ` -l ${shellWord(labels.join(','))}` : ''}`,
    ...words.map((each) => `grep -iF -e ${shellWord(each)}`),
  ].join(' | ')
}

function columnsOf(now: number): readonly Column<JobRow>[] {
  const said = (each: JobRow) => each.plain || each.said
  return [
    {
      id: 'name',
      head: 'Job',
      width: '23%',
      sort: (each) => each.name,
      cell: (each) => (
        <>
          <Link to="/jobs/$id" params={{ id: each.id }}>
            {each.name}
          </Link>{' '}
          <span className="faint mono roomy wide">{each.id}</span>
        </>
      ),
      title: (each) => `${each.name} (${each.id})`,
    },
    { id: 'state', head: 'State', width: '110px', card: 'badge', sort: (each) => STATES.indexOf(each.state), cell: (each) => <State of={JOB[each.state]} /> },
    { id: 'team', head: 'Team', width: '108px', roomy: true, whole: true, sort: (each) => each.team, cell: (each) => each.team, title: (each) => each.team },
    { id: 'said', head: 'Says', card: 'whole', roomy: true, wide: true, sort: (each) => said(each) || null, cell: (each) => (said(each) ? <span className="faint">{said(each)}</span> : null), title: said },
    {
      id: 'gpus',
      head: 'GPUs',
      width: '84px',
      number: true,
      sort: (each) => each.devices,
      cell: (each) => (each.devices ? `${each.devices} ${each.accelerator}` : null),
      title: (each) => each.accelerator,
    },
    { id: 'backend', head: 'Where', width: '156px', roomy: true, wide: true, card: 'none', sort: (each) => each.backend, cell: (each) => each.backend, title: (each) => each.backend },
    { id: 'submitted', head: 'Submitted', width: '128px', roomy: true, sort: (each) => each.submitted, cell: (each) => <Moment at={each.submitted} /> },
    {
      id: 'ran',
      head: 'Ran',
      width: '92px',
      number: true,
      roomy: true,
      sort: (each) => ranOf(each, now),
      cell: (each) => (ranOf(each, now) === null ? null : <Ran job={each} />),
    },
    { id: 'owner', head: 'Owner', width: '10%', roomy: true, more: true, sort: (each) => each.owner, cell: (each) => <Person of={each.owner} />, title: (each) => each.owner },
    { id: 'project', head: 'Project', width: '10%', roomy: true, more: true, sort: (each) => each.project, cell: (each) => each.project, title: (each) => each.project },
    { id: 'priority', head: 'Priority', width: '10%', roomy: true, more: true, sort: (each) => each.priority, cell: (each) => each.priority, title: (each) => each.priority },
    { id: 'ended', head: 'Ended', width: '128px', roomy: true, more: true, sort: (each) => each.ended, cell: (each) => (each.ended === null ? null : <Moment at={each.ended} />) },
  ]
}

const STATES = Object.keys(JOB)

/** Milliseconds that it has run; null where it never did, or waits again. */
function ranOf(job: JobRow, now: number): number | null {
  const since = ranSince(job)
  return since === null ? null : (job.ended ?? now) - since
}

function keyOf(row: JobRow): string {
  return row.id
}

/** Several at once. */
function Bulk({ rows, done }: { rows: readonly JobRow[]; done: () => void }) {
  const me = useQuery(whoami).data
  const living = useMemo(() => rows.filter((each) => !OVER.has(each.state) && mayIn(me, 'stop', each.team)), [rows, me])
  const mayRun = useMay('submit')
  const [asks, setAsks] = useState(false)
  const effects = useStopEffects(living, asks)
  const { ready, field } = useTyped(effects.ofOthers.length ? plural(living.length, 'job') : null)
  // Those that have not begun are as they were once they are submitted again.
  const back = mayRun ? living.filter(({ state }) => WAITS.has(state)) : []
  return (
    <span className="acts">
      <span>{plural(rows.length, 'job')} selected</span>
      {useMay('stop') && (
        <BulkAct
          rows={living}
          word="job"
          act={['Stop', 'Stopped']}
          danger
          leave="Leave them"
          command={`allot stop ${living.map((each) => each.id).join(' ')}`}
          send={(job) => stop(job.id)}
          nameOf={(job) => job.name}
          done={done}
          opened={setAsks}
          ready={ready}
          undo={(were) => {
            const meant = back.filter((each) => were.includes(each))
            return meant.length ? () => void Promise.all(meant.map((each) => retry(each.id, false).catch((error: unknown) => sayTrouble(error, each.name)))) : undefined
          }}
        >
          <StopSays effects={effects} />
          <LostOfOthers of={effects.ofOthers} />
          <p className="faint">
            A stopped job does not go on by itself.
            {back.length ? ` ${back.length === living.length ? 'None of them has begun' : `${count(back.length)} of them have not begun`}: for ten seconds these can be had back, at the end of their queue.` : ''}
          </p>
          {field}
        </BulkAct>
      )}
    </span>
  )
}
