import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { isGivenBack, stoppingOf } from '../answers/stop_effects'
import { courseOf, familyOf, jobOf, reportOf, retry, stop, whoami } from '../api/queries'
import type { JobCourse, JobState, StoredJob } from '../api/schema'
import { CopyCommand } from '../parts/copy'
import { Log } from '../parts/log'
import { Lasted } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { Sheet } from '../parts/sheet'
import { State } from '../parts/state'
import { say, sayTrouble } from '../parts/toasts'
import { useTyped } from '../parts/typed'
import { useActs } from '../store/acts'
import { useJobs, useLive } from '../store/live'
import { useLog } from '../store/log'
import { useMayIn } from '../store/may'
import { bytes, money, plural, span } from '../words/format'
import { JOB, OVER, WAITS } from '../words/states'
import { Course } from './course'
import { LostOfOthers, StopSays, useStopEffects } from './stopping'
import { WaitLine } from './wait_line'

/** What an address says is to be done with a job; it is asked about once more. */
export interface JobSearch {
  readonly act?: 'stop' | 'retry'
}

export function jobSearch(given: Record<string, unknown>): JobSearch {
  return given['act'] === 'stop' || given['act'] === 'retry' ? { act: given['act'] } : {}
}

/** One job: how it stands in a line, what became of it so far, what it wrote, what it used. */
export function JobPage() {
  const { id } = useParams({ from: '/jobs/$id' })
  const query = useQuery(jobOf(id))
  const source = sourceOf(query)
  const course = sourceOf(useQuery(courseOf(id)))
  return (
    <>
      {source.data && <Head job={source.data} course={course.data} reference={id} />}
      <Panel title="Timeline" source={course}>
        {(told) => <Course of={told} />}
      </Panel>
      {source.data && (source.data.job.sweep || source.data.job.schedule) && <Family id={source.data.id} />}
      <LogPanel id={id} />
      <div className="columns">
        <Panel title="What it asked for" source={source}>
          {(job) => <Asked job={job} />}
        </Panel>
        <Panel title="What it used" source={source} empty={(job) => (job.use ? null : <span>{OVER.has(stateOf(job)) ? 'No telemetry: nobody measured what it used.' : 'Nothing is known of its use yet.'}</span>)}>
          {(job) => <Used job={job} />}
        </Panel>
      </div>
      <Report id={id} />
    </>
  )
}

function stateOf(job: StoredJob): JobState {
  return job.history.moves.at(-1)?.state ?? 'submitted'
}

function Head({ job, course, reference }: { job: StoredJob; course: JobCourse | undefined; reference: string }) {
  const state = stateOf(job)
  const look = JOB[state]
  const wait = job.waits.findLast((each) => each.until === null)
  const last = job.history.moves.at(-1)
  // What it waited for before it ran says nothing of it any more.
  const past = state === 'running' && job.waits.some((each) => each.said === last?.said)
  const raw = WAITS.has(state) ? (wait?.said ?? last?.said ?? '') : past ? '' : (last?.said ?? '')
  // Its course has the same sentence in plain words, and so has the list, which may have been there before.
  useJobs()
  const row = useLive().jobs.get(job.id)
  const plain = course?.steps.findLast((each) => each.raw === raw)?.plain || (row?.said === raw && row.plain)
  const said = plain || (course || state === 'running' ? raw : '')
  return (
    <>
      <div className="head">
        <h1>{job.job.name}</h1>
        <span className="faint mono">{job.id}</span>
        <span className="grow" />
        <Acts job={job} reference={reference} state={state} />
      </div>
      <div className={`verdict tone-${look.tone}`}>
        {/* Its words may change while its state stays: that is nothing to be told aloud again. */}
        <span role="status" aria-live="polite">
          <State of={look} />
        </span>
        <p>{said || (state === 'running' ? 'It runs.' : '')}</p>
        {wait?.code && (
          <Link to="/help/$code" params={{ code: wait.code }} className="faint mono">
            {wait.code}
          </Link>
        )}
      </div>
      {WAITS.has(state) && <WaitLine job={job} code={wait?.code ?? ''} />}
    </>
  )
}

function Acts({ job, reference, state }: { job: StoredJob; reference: string; state: JobState }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const over = OVER.has(state)
  const mayStop = useMayIn('stop', job.job.team) && !over
  const mayRun = useMayIn('submit', job.job.team)
  const mayRetry = mayRun && over
  const { act } = useSearch({ from: '/jobs/$id' })
  const [opened, setOpened] = useState(false)
  // The address may ask for it, as the palette does.
  const asks = opened || (act === 'stop' && mayStop)
  const setAsks = (open: boolean) => {
    setOpened(open)
    if (act) void navigate({ to: '.', search: {}, replace: true })
  }
  const effects = useStopEffects(useMemo(() => [stoppingOf(job)], [job]), asks)
  const { ready, field } = useTyped(effects.ofOthers.length ? job.job.name : null)
  const { checkpoint } = job.job
  async function end(): Promise<void> {
    const { queryKey } = jobOf(reference)
    setAsks(false)
    // It is shown at once as it will be, and as it was where it comes to nothing.
    queries.setQueryData(queryKey, stopped(job))
    try {
      const answer = await stop(job.id)
      // What became of it may have been told, and read, before the answer came.
      queries.setQueryData<StoredJob>(queryKey, (now) => (now && now.version > answer.version ? now : answer))
      say(`Stopped ${job.job.name}`, mayRun && isGivenBack(state, checkpoint) ? () => void again(!WAITS.has(state)) : undefined)
    } catch (error) {
      queries.setQueryData(queryKey, job)
      sayTrouble(error)
    }
  }
  async function again(resume = false): Promise<void> {
    try {
      const receipt = await retry(job.id, resume)
      await navigate({ to: '/jobs/$id', params: { id: receipt.job.id } })
    } catch (error) {
      sayTrouble(error)
    }
  }
  useActs([
    ...(mayStop ? [{ said: `Stop ${job.job.name}`, go: () => setOpened(true) }] : []),
    ...(mayRetry ? [{ said: `Run ${job.job.name} again`, go: () => void again() }] : []),
  ])
  return (
    <div className="acts">
      <CopyCommand command={`allot describe ${job.id}`} />
      {mayRetry && <CopyCommand command={`allot retry ${job.id}`} label="Copy retry" />}
      {mayRetry && (
        <button type="button" className="act" onClick={() => void again()}>
          Run again
        </button>
      )}
      {mayRun && (
        <Link to="/submit" search={{ from: job.id }} className="act">
          Clone
        </Link>
      )}
      {mayStop && (
        <button type="button" className="act danger" onClick={() => setAsks(true)}>
          Stop
        </button>
      )}
      <Sheet title={`Run ${job.job.name} again?`} open={act === 'retry' && mayRetry} close={() => setAsks(false)}>
        <p>It is submitted once more as it was, under an id of its own.</p>
        <div className="acts">
          <button type="button" className="act first" onClick={() => void again()}>
            Run it again
          </button>
          <button type="button" className="act" onClick={() => setAsks(false)}>
            Leave it
          </button>
        </div>
      </Sheet>
      <Sheet title={`Stop ${job.job.name}?`} open={asks} close={() => setAsks(false)}>
        <StopSays effects={effects} />
        <LostOfOthers of={effects.ofOthers} />
        <p className="faint">
          {WAITS.has(state)
            ? 'It has not begun: for ten seconds it can be had back, at the end of its queue. '
            : checkpoint
              ? 'For ten seconds it can be sent on again from its last checkpoint. '
              : ''}
          A stopped job does not go on by itself; “Run again” submits it once more.
        </p>
        {field}
        <div className="acts">
          <button type="button" className={effects.ofOthers.length ? 'act danger' : 'act first'} disabled={!ready} onClick={() => void end()}>
            Stop it
          </button>
          <button type="button" className="act" onClick={() => setAsks(false)}>
            Leave it
          </button>
          <CopyCommand command={`allot stop ${job.id}`} />
        </div>
      </Sheet>
    </div>
  )
}

/** As it is while it is being stopped. */
function stopped(job: StoredJob): StoredJob {
  const last = job.history.moves.at(-1)
  if (!last) return job
  const move = { ...last, at: Date.now(), state: 'stopping' as const, said: 'you have asked for it' }
  return { ...job, history: { ...job.history, moves: [...job.history.moves, move] } }
}

/** What it asked for beside what it used so far, and what to ask for next time. */
function Report({ id }: { id: string }) {
  const source = sourceOf(useQuery(reportOf(id)))
  return (
    <Panel title="Report" source={source} flush acts={<CopyCommand command={`allot report ${id}`} />}>
      {(report) => (
        <>
          <table className="table cards fixed" aria-label="Report">
            <thead>
              <tr>
                <th>Of what</th>
                <th>Asked</th>
                <th>Used</th>
              </tr>
            </thead>
            <tbody>
              {report.lines.map((each) => (
                <tr key={each.what}>
                  <td className="card-title">{each.what}</td>
                  <td data-head="Asked">{each.asked}</td>
                  <td data-head="Used">{each.used}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <div className="pad">
            <h3>Next time ask for</h3>
            {report.advice.length ? (
              <ul className="advice">
                {report.advice.map((each) => (
                  <li key={each}>{each}</li>
                ))}
              </ul>
            ) : (
              <p className="faint">the same: nothing that was measured says otherwise</p>
            )}
          </div>
        </>
      )}
    </Panel>
  )
}

function Family({ id }: { id: string }) {
  const source = sourceOf(useQuery(familyOf(id)))
  return (
    <Panel title="Its jobs" source={source}>
      {(family) => (
        <div className="acts">
          {Object.entries(family.states ?? {}).map(([state, number]) => (
            <span key={state}>
              {number} <State of={JOB[state as JobState]} />
            </span>
          ))}
        </div>
      )}
    </Panel>
  )
}

function LogPanel({ id }: { id: string }) {
  const log = useLog(id)
  return (
    <Panel
      title="Log"
      flush
      source={{ data: log.begun ? log : undefined, trouble: log.begun ? null : log.trouble, at: log.at, again: log.again }}
      acts={<CopyCommand command={`allot logs ${id} --follow`} />}
      empty={(now) => (now.lines.length ? null : <span>{now.ended ? 'It wrote nothing.' : 'It has written nothing yet.'}</span>)}
    >
      {(now) => <Log log={now} name={id} />}
    </Panel>
  )
}

function Asked({ job: { job, backend, owner } }: { job: StoredJob }) {
  const needs = job.needs
  const devices = needs.accelerators
  return (
    <dl className="facts">
      <dt>Team</dt>
      <dd>{job.team}</dd>
      <dt>Owner</dt>
      <dd>{owner}</dd>
      <dt>Where</dt>
      <dd>{backend}</dd>
      <dt>GPUs</dt>
      <dd>{devices ? `${devices.count * job.replicas} ${devices.classes.join(' or ')}` : 'none'}</dd>
      <dt>CPU, memory</dt>
      <dd>
        {needs.cpu / 1000} cores, {bytes(needs.memory)}
        {job.replicas > 1 ? `, ${plural(job.replicas, 'replica')}` : ''}
      </dd>
      <dt>Priority</dt>
      <dd>{job.priority}</dd>
      {job.run_time !== null && (
        <>
          <dt>At most</dt>
          <dd>{span(job.run_time * 1000)}</dd>
        </>
      )}
      {job.program.image && (
        <>
          <dt>Image</dt>
          <dd className="mono">{job.program.image}</dd>
        </>
      )}
      <dt>Runs</dt>
      <dd className="mono">{job.program.argv.join(' ')}</dd>
    </dl>
  )
}

function Used({ job }: { job: StoredJob }) {
  const currency = useQuery(whoami).data?.currency ?? ''
  const use = job.use
  if (!use) return null
  return (
    <dl className="facts">
      <dt>Ran</dt>
      <dd>{span(use.run_ms)}</dd>
      <dt>GPU time held</dt>
      <dd>{span(use.held_ms)}</dd>
      <dt>Busy</dt>
      <dd>{use.busy_permille === null ? 'no telemetry' : `${(use.busy_permille / 10).toFixed(1)} % of it`}</dd>
      <dt>Idle</dt>
      <dd>{use.idle_ms === null ? 'no telemetry' : span(use.idle_ms)}</dd>
      <dt>Most memory</dt>
      <dd>{use.memory === null ? 'not known' : bytes(use.memory)}</dd>
      <dt>Costs</dt>
      <dd>{use.cost === null ? 'no price is declared' : money(use.cost, currency)}</dd>
      {job.attempts.map((each) => (
        <div key={each.number} style={{ display: 'contents' }}>
          <dt>Attempt {each.number}</dt>
          <dd>
            {each.started === null ? 'not started' : <Lasted since={each.started} until={each.ended} />}
            {each.end ? `, ${each.end.said || (each.end.code === null ? '' : `exit code ${each.end.code}`)}` : ''}
          </dd>
        </div>
      ))}
    </dl>
  )
}
