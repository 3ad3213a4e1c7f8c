import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { type ReactNode, useCallback, useDeferredValue, useMemo, useState } from 'react'
import { stop } from '../api/queries'
import type { JobRow } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { widthsOf } from '../parts/grid'
import { Moment, Ran } from '../parts/moment'
import { Panel } from '../parts/panel'
import { useRows } from '../parts/rows'
import { Sheet } from '../parts/sheet'
import { State } from '../parts/state'
import { say, sayTrouble } from '../parts/toasts'
import { useJobs, useLive } from '../store/live'
import { useMay } from '../store/may'
import { count, plural } from '../words/format'
import { GROUPS, JOB, OVER } from '../words/states'
import { NoJobs, useJobsSource } from './home'

/** The part of the address that says what is listed. */
export interface JobsSearch {
  readonly q?: string
  readonly state?: string
  readonly team?: string
  readonly owner?: string
  readonly backend?: string
}

export function jobsSearch(given: Record<string, unknown>): JobsSearch {
  const text = (name: string) => (typeof given[name] === 'string' && given[name] ? { [name]: given[name] } : {})
  return { ...text('q'), ...text('state'), ...text('team'), ...text('owner'), ...text('backend') }
}

export function FilteredLink({ search, children }: { search: JobsSearch; children: ReactNode }) {
  return (
    <Link to="/jobs" search={search}>
      {children}
    </Link>
  )
}

/** Every job that may be seen, by what the address says. */
export function Jobs() {
  const search = useSearch({ from: '/jobs' })
  const navigate = useNavigate()
  const { jobs } = useLive()
  const held = useJobs()
  const source = useJobsSource()
  const wanted = useDeferredValue(search)
  const rows = useMemo(() => {
    const states = GROUPS.find(([name]) => name === wanted.state)?.[1]
    return jobs.wanted({ text: wanted.q, states, team: wanted.team, owner: wanted.owner, backend: wanted.backend })
    // `held` is what changes when a job does.
  }, [jobs, held, wanted])
  const change = (some: Partial<JobsSearch>) =>
    void navigate({ to: '/jobs', search: jobsSearch({ ...search, ...some }), replace: 'q' in some })
  const teams = useMemo(() => [...new Set(held.rows.map((each) => each.team))].sort(), [held])
  return (
    <>
      <div className="head">
        <h1>Jobs</h1>
        <span className="grow" />
        <CopyCommand command={commandOf(search)} />
        {useMay('submit') && (
          <Link to="/submit" className="act first">
            Submit a job
          </Link>
        )}
      </div>
      <div className="head">
        <input
          className="search"
          style={{ maxWidth: 280 }}
          aria-label="Filter jobs"
          placeholder="Name, id, owner, project"
          value={search.q ?? ''}
          onChange={(event) => change({ q: event.target.value })}
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
        {teams.length > 1 && (
          <select className="chip" aria-label="Team" value={search.team ?? ''} onChange={(event) => change({ team: event.target.value })}>
            <option value="">every team</option>
            {teams.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )}
        {search.owner && (
          <button type="button" className="chip" aria-pressed onClick={() => change({ owner: '' })}>
            of {search.owner} ×
          </button>
        )}
      </div>
      <Panel
        title={held.heard === null ? 'Jobs' : plural(rows.length, 'job')}
        source={source}
        flush
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
        {() => <Rows rows={rows} />}
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

function Rows({ rows }: { rows: readonly JobRow[] }) {
  const navigate = useNavigate()
  const open = useCallback((row: JobRow) => void navigate({ to: '/jobs/$id', params: { id: row.id } }), [navigate])
  const { box, here, chosen, choose, clear, items, measure, before, after } = useRows({ rows, keyOf, open, selects: true })
  return (
    <>
      {chosen.size > 0 && <Bulk ids={chosen} done={clear} />}
      <div className="scroll" ref={box} style={{ maxHeight: 'calc(100vh - 230px)' }}>
        <table className="table" aria-rowcount={rows.length + 1}>
          <thead>
            <tr>
              <th style={{ width: 32 }}>
                <span className="hidden-text">Selected</span>
              </th>
              <th style={{ width: '19%' }}>Job</th>
              <th style={widthsOf(116, '108px')}>State</th>
              <th className="roomy" style={{ width: '8%' }}>
                Team
              </th>
              <th className="roomy">Says</th>
              <th className="number" style={widthsOf(84, '64px')}>
                GPUs
              </th>
              <th className="roomy wide" style={{ width: 88 }}>
                Where
              </th>
              <th className="roomy" style={{ width: 128 }}>
                Submitted
              </th>
              <th className="number roomy" style={{ width: 92 }}>
                Ran
              </th>
            </tr>
          </thead>
          <tbody>
            {before > 0 && <tr style={{ height: before }} aria-hidden="true" />}
            {items.map((item) => {
              const each = rows[item.index]
              if (!each) return null
              return (
                <tr
                  key={each.id}
                  ref={measure}
                  data-index={item.index}
                  aria-rowindex={item.index + 2}
                  aria-selected={chosen.has(each.id)}
                  className={item.index === here ? 'here' : ''}
                >
                  <td>
                    <input
                      type="checkbox"
                      aria-label={`Select ${each.name}`}
                      checked={chosen.has(each.id)}
                      onChange={() => choose(each.id)}
                    />
                  </td>
                  <td title={`${each.name} (${each.id})`}>
                    <Link to="/jobs/$id" params={{ id: each.id }}>
                      {each.name}
                    </Link>{' '}
                    <span className="faint mono roomy wide">{each.id}</span>
                    <span className="narrow faint">{each.plain || each.said}</span>
                  </td>
                  <td>
                    <State of={JOB[each.state]} />
                  </td>
                  <td className="roomy" title={each.team}>
                    {each.team}
                  </td>
                  <td className="faint roomy" title={each.plain || each.said}>
                    {each.plain || each.said}
                  </td>
                  <td className="number" title={each.accelerator}>{each.devices ? `${each.devices} ${each.accelerator}` : ''}</td>
                  <td className="roomy wide" title={each.backend}>
                    {each.backend}
                  </td>
                  <td className="faint roomy">
                    <Moment at={each.submitted} />
                  </td>
                  <td className="number faint roomy">
                    <Ran job={each} />
                  </td>
                </tr>
              )
            })}
            {after > 0 && <tr style={{ height: after }} aria-hidden="true" />}
          </tbody>
        </table>
      </div>
    </>
  )
}

function keyOf(row: JobRow): string {
  return row.id
}

/** Several at once: asked about once, with their number; what fails is told one by one. */
function Bulk({ ids, done }: { ids: ReadonlySet<string>; done: () => void }) {
  const { jobs } = useLive()
  const [asks, setAsks] = useState(false)
  const living = [...ids].filter((id) => !OVER.has(jobs.get(id)?.state ?? 'stopped'))
  const running = living.filter((id) => jobs.get(id)?.state === 'running')
  async function stopAll(): Promise<void> {
    setAsks(false)
    const ended = await Promise.allSettled(living.map((id) => stop(id)))
    const failed = ended.flatMap((each, number) => (each.status === 'rejected' ? [[living[number], each.reason] as const] : []))
    if (failed.length < living.length) say(`Stopped ${plural(living.length - failed.length, 'job')}`)
    for (const [id, reason] of failed) sayTrouble(reason, jobs.get(id ?? '')?.name)
    done()
  }
  return (
    <div className="note">
      <span>{plural(ids.size, 'job')} selected</span>
      {useMay('stop') && (
        <button type="button" className="act danger" disabled={!living.length} onClick={() => setAsks(true)}>
          Stop {plural(living.length, 'job')}
        </button>
      )}
      <button type="button" className="act plain" onClick={done}>
        Clear
      </button>
      <Sheet title={`Stop ${plural(living.length, 'job')}?`} open={asks} close={() => setAsks(false)}>
        <p>
          {running.length ? `${plural(running.length, 'job')} of them ${running.length === 1 ? 'runs' : 'run'} and will lose what was not saved. ` : ''}
          A stopped job does not go on by itself.
        </p>
        <div className="acts">
          <button type="button" className="act first" onClick={() => void stopAll()}>
            Stop {plural(living.length, 'job')}
          </button>
          <button type="button" className="act" onClick={() => setAsks(false)}>
            Leave them
          </button>
          <CopyCommand command={`allot stop ${living.join(' ')}`} />
        </div>
      </Sheet>
    </div>
  )
}
