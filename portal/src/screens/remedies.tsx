import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { declaredTeams, queues } from '../answers/queries'
import { addressOf, amountsNow, quotaRows } from '../answers/quota_edit'
import { actOf, type RemedyAct } from '../answers/remedy_acts'
import type { Remedy, Why } from '../answers/why'
import { askAgain } from '../api/again'
import { asTrouble } from '../api/problem'
import { foresee, grants, jobOf, stop, submit, whoami } from '../api/queries'
import type { JobSubmission, StoredJob } from '../api/schema'
import { CopyCommand } from '../parts/copy'
import { Sheet } from '../parts/sheet'
import { say, sayTrouble } from '../parts/toasts'
import { useActs } from '../store/acts'
import { useLive } from '../store/live'
import { useMay, useMayIn } from '../store/may'
import { money, plural, span } from '../words/format'
import { displacedBy, startOf } from './outlook'

/** Remedies that are shown; the command tells of all. */
const MOST = 4

interface RemediesProps {
  readonly job: StoredJob
  readonly why: Why
  readonly remedies: readonly Remedy[]
}

/** What was tried and helps, cheapest first: what each does is told before it is done. */
export function Remedies({ job, why, remedies }: RemediesProps) {
  const [open, setOpen] = useState(false)
  const close = () => setOpen(false)
  useActs([{ said: `What helps ${job.job.name}`, go: () => setOpen(true) }])
  return (
    <>
      <button type="button" className="act" onClick={() => setOpen(true)}>
        What helps
      </button>
      <Sheet title={`What helps ${job.job.name}`} open={open} close={close}>
        <ol className="remedies">
          {remedies.slice(0, MOST).map((each) => (
            <li key={each.summary}>
              <p>{each.summary}</p>
              <Proof of={each} />
              <Act remedy={each} act={actOf(each, job, why)} job={job} close={close} />
            </li>
          ))}
        </ol>
        <div className="acts">
          <button type="button" className="act" onClick={close}>
            Leave it
          </button>
          <CopyCommand command={`allot why ${job.id}`} />
          {remedies.length > MOST && <span className="faint">and {plural(remedies.length - MOST, 'other')}</span>}
        </div>
      </Sheet>
    </>
  )
}

const WHO: Readonly<Record<string, string>> = {
  user: 'Whoever submitted it can do it',
  'team-owner': 'An owner of the team can do it',
  platform: 'It is for the administrators of the platform',
}
const STARTS: Readonly<Record<Remedy['tried']['starts'], string>> = {
  now: 'tried on the twins: it starts at once',
  later: 'tried on the twins: it starts later',
  no: 'tried on the twins: needed, and not enough',
  'not-simulated': 'not tried: the twins do not show it',
}

/** Who can do it, what the twins said of it, and from whom it takes something. */
function Proof({ of: { who, tried } }: { of: Remedy }) {
  const { displaces } = tried
  const within = tried.starts === 'later' && tried.at?.to ? `, in ${span(Math.max(0, Date.parse(tried.at.to) - Date.now()))} at the latest` : ''
  return (
    <p className="faint">
      {WHO[who] ?? who}; {STARTS[tried.starts]}
      {within}.{' '}
      {displaces.length ? (
        <span className="tone-wait">
          {plural(displaces.length, 'job')} would be displaced: {displaces.slice(0, 5).join(', ')}
          {displaces.length > 5 ? ` and ${displaces.length - 5} more` : ''}.
        </span>
      ) : (
        'Nobody is displaced.'
      )}
    </p>
  )
}

function Act({ remedy, act, job, close }: { remedy: Remedy; act: RemedyAct | null; job: StoredJob; close: () => void }) {
  const command = remedy.command && <CopyCommand command={remedy.command} />
  switch (act?.kind) {
    case 'anew':
      return (
        <Anew submission={act.submission} job={job} close={close}>
          {command}
        </Anew>
      )
    case 'stop':
      return (
        <StopOthers ids={act.ids} close={close}>
          {command}
        </StopOthers>
      )
    case 'quota':
      return (
        <Quota {...act} job={job}>
          {command}
        </Quota>
      )
    case 'ask':
      return <Ask {...act} />
    default:
      return command ? <div className="acts">{command}</div> : null
  }
}

interface AnewProps {
  readonly submission: JobSubmission
  readonly job: StoredJob
  readonly close: () => void
  readonly children: React.ReactNode
}

/** The job is submitted as the remedy has it, and the one that waits is stopped once the other was taken. */
function Anew({ submission, job, close, children }: AnewProps) {
  const navigate = useNavigate()
  const may = [useMayIn('submit', job.job.team), useMayIn('stop', job.job.team)].every(Boolean)
  const currency = useQuery(whoami).data?.currency ?? ''
  // However often it is sent, it is one job.
  const [key] = useState(() => crypto.randomUUID())
  const [sends, setSends] = useState(false)
  const tried = useQuery({ queryKey: ['foreseen', 'anew', job.id, JSON.stringify(submission.job)], queryFn: () => foresee(submission), enabled: may, retry: false, staleTime: 5000 })
  if (!may) return <div className="acts">{children}</div>
  async function send(): Promise<void> {
    setSends(true)
    try {
      const receipt = await submit({ ...submission, key })
      close()
      say(`Submitted ${job.job.name} anew as ${receipt.job.id}`)
      await stop(job.id).catch((error: unknown) => sayTrouble(error, `${job.id} still waits as it was`))
      await navigate({ to: '/jobs/$id', params: { id: receipt.job.id } })
    } catch (error) {
      sayTrouble(error)
    } finally {
      setSends(false)
    }
  }
  const trouble = tried.error ? asTrouble(tried.error) : null
  return (
    <>
      {tried.data ? (
        <dl className="facts">
          <dt>Starts so</dt>
          <dd>{startOf(tried.data.start)}</dd>
          <dt>Displaces</dt>
          <dd>{displacedBy(tried.data)}</dd>
          {tried.data.price !== null && (
            <>
              <dt>An hour costs</dt>
              <dd>{money(tried.data.price, currency)}</dd>
            </>
          )}
        </dl>
      ) : trouble ? (
        <p className="tone-bad">{[trouble.what, trouble.why].filter(Boolean).join('; ')}</p>
      ) : (
        <p className="faint">What becomes of it so is being tried.</p>
      )}
      <div className="acts">
        <button type="button" className="act first" disabled={sends || !tried.data} onClick={() => void send()}>
          {sends ? 'Submitting' : 'Submit it so, and stop this one'}
        </button>
        {children}
      </div>
    </>
  )
}

/** Others of one's own are stopped, so that it has their room. */
function StopOthers({ ids, close, children }: { ids: readonly string[]; close: () => void; children: React.ReactNode }) {
  const queries = useQueryClient()
  const { jobs } = useLive()
  const may = useMay('stop')
  const [sends, setSends] = useState(false)
  const names = ids.map((id) => jobs.get(id)?.name ?? id)
  async function send(): Promise<void> {
    setSends(true)
    await Promise.all(
      ids.map((id, number) =>
        stop(id).then(
          () => say(`Stopped ${names[number]}`),
          (error: unknown) => sayTrouble(error, names[number]),
        ),
      ),
    )
    for (const id of ids) void askAgain(queries, { queryKey: jobOf(id).queryKey })
    setSends(false)
    close()
  }
  return (
    <div className="acts">
      {may && (
        <button type="button" className="act danger" disabled={sends} onClick={() => void send()}>
          {sends ? 'Stopping' : `Stop ${names.length > 3 ? plural(names.length, 'job') : names.join(' and ')}`}
        </button>
      )}
      {children}
    </div>
  )
}

interface QuotaProps {
  readonly queue: string
  readonly flavor: string
  /** Devices that the queue is to be guaranteed, with what grants give. */
  readonly amount: number
  readonly job: StoredJob
  readonly children: React.ReactNode
}

/** The editor of the quota with that amount in it, for whoever declares; the others ask for as much more. */
function Quota({ queue, flavor, amount, job, children }: QuotaProps) {
  const declares = useMay('declare')
  const teams = useQuery({ ...declaredTeams({}), enabled: declares }).data?.document.items
  const given = useQuery({ ...grants, enabled: declares }).data
  const queued = useQuery({ ...queues({}), enabled: declares }).data?.document.items
  if (!declares) return <Ask team={job.job.team} accelerator={flavor} gpus={(job.job.needs.accelerators?.count ?? 1) * job.job.replicas} />
  const row = teams && given && queued && quotaRows(teams, given, queued).find(({ terms }) => terms.cluster === job.backend && terms.queue === queue && terms.flavor === flavor)
  if (!row) return <div className="acts">{children}</div>
  const now = amountsNow(row)
  // Grants are in what the queue has, and not in what its team is declared to have.
  const nominal = Math.max(0, now.nominal + amount - (row.terms.nominal ?? row.terms.guaranteed))
  return (
    <div className="acts">
      <Link to="/quotas" search={{ about: row.key, ...addressOf(row, { ...now, nominal }) }} className="act first">
        Open it in the quota editor
      </Link>
      {children}
    </div>
  )
}

function Ask({ team, accelerator, gpus }: { team: string; accelerator: string; gpus: number }) {
  const may = useMay('request')
  if (!may) return null
  return (
    <div className="acts">
      <Link to="/ask" search={{ team, gpus, ...(accelerator ? { accelerator } : {}) }} className="act first">
        Ask for {plural(gpus, 'GPU')}
      </Link>
    </div>
  )
}
