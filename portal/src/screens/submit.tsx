import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { foresee, jobsOf, status, submit, whoami } from '../api/queries'
import { asTrouble } from '../api/problem'
import type { JobSubmission } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { Failed, Skeleton } from '../parts/panel'
import { sayTrouble } from '../parts/toasts'
import { money, span } from '../words/format'
import { useSettled } from '../store/settled'

interface Form {
  readonly name: string
  readonly team: string
  readonly backend: string
  readonly command: string
  readonly accelerator: string
  readonly gpus: number
  readonly cpus: number
  readonly memory: number
  readonly hours: number
  readonly priority: string
}

const FIRST: Form = {
  name: '',
  team: '',
  backend: 'local',
  command: '',
  accelerator: '',
  gpus: 1,
  cpus: 1,
  memory: 4,
  hours: 4,
  priority: '',
}
/** Milliseconds after the last key in which nothing is asked yet. */
const SETTLES = 150

/** A job by its golden path: what runs, on how many GPUs; what becomes of it is said beside it before it is submitted. */
export function Submit() {
  const [form, setForm] = useState(FIRST)
  const navigate = useNavigate()
  const told = useQuery(status).data
  const me = useQuery(whoami).data
  const teams = told?.teams ?? []
  const whole = { ...form, team: form.team || (teams[0] ?? '') }
  const text = fileOf(whole)
  const settled = useSettled(text, SETTLES)
  const foreseen = useQuery({
    queryKey: ['foreseen', form.backend, settled],
    queryFn: async () => foresee(await submissionOf(settled as string, form.backend)),
    enabled: settled !== null,
    retry: false,
    staleTime: 5000,
  })
  const set = (some: Partial<Form>) => setForm((before) => ({ ...before, ...some }))
  const [sends, setSends] = useState(false)
  async function send(): Promise<void> {
    if (!text) return
    setSends(true)
    try {
      const receipt = await submit({ ...(await submissionOf(text, form.backend)), key: crypto.randomUUID() })
      await navigate({ to: '/jobs/$id', params: { id: receipt.job.id } })
    } catch (error) {
      sayTrouble(error)
    } finally {
      setSends(false)
    }
  }
  const never = foreseen.data?.start.now === null && !foreseen.data.start.waits_for && Boolean(foreseen.data.start.untold)
  return (
    <>
      <div className="head">
        <h1>Submit a job</h1>
        <span className="grow" />
        {text && <CopyCommand command={`printf %s ${shellWord(text)} | allot submit --on ${shellWord(form.backend)} -`} />}
      </div>
      <div className="columns">
        <form
          className="panel"
          onSubmit={(event) => {
            event.preventDefault()
            void send()
          }}
        >
          <header>
            <h2>What runs</h2>
          </header>
          <div className="body form">
            <Field label="Command" whole>
              <input value={form.command} placeholder="python train.py --epochs 10" onChange={(event) => set({ command: event.target.value })} />
            </Field>
            <Field label="Name">
              <input value={form.name} placeholder={nameOf(form)} onChange={(event) => set({ name: event.target.value })} />
            </Field>
            <Field label="Team">
              <select value={whole.team} onChange={(event) => set({ team: event.target.value })}>
                {teams.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </Field>
            <Field label="Where">
              <select value={form.backend} onChange={(event) => set({ backend: event.target.value })}>
                {(told?.backends ?? []).map((each) => (
                  <option key={each.name}>{each.name}</option>
                ))}
              </select>
            </Field>
            <Field label="GPUs">
              <input type="number" min={0} value={form.gpus} onChange={(event) => set({ gpus: event.target.valueAsNumber || 0 })} />
            </Field>
            <Field label="Accelerator">
              <input value={form.accelerator} placeholder="any" onChange={(event) => set({ accelerator: event.target.value })} />
            </Field>
            <Field label="CPU cores">
              <input type="number" min={1} value={form.cpus} onChange={(event) => set({ cpus: event.target.valueAsNumber || 1 })} />
            </Field>
            <Field label="Memory, GiB">
              <input type="number" min={1} value={form.memory} onChange={(event) => set({ memory: event.target.valueAsNumber || 1 })} />
            </Field>
            <Field label="Hours at most">
              <input type="number" min={1} value={form.hours} onChange={(event) => set({ hours: event.target.valueAsNumber || 1 })} />
            </Field>
            <div className="whole acts">
              <button type="submit" className="act first" disabled={!text || sends || never || foreseen.isError}>
                {sends ? 'Submitting' : 'Submit'}
              </button>
            </div>
          </div>
        </form>
        <section className="panel" aria-labelledby="foreseen" aria-live="polite">
          <header>
            <h2 id="foreseen">What becomes of it</h2>
          </header>
          {settled === null ? (
            <div className="empty">Say what runs, and this says when it starts, what it costs and whom it displaces.</div>
          ) : foreseen.data ? (
            <div className="body">
              <dl className="facts">
                <dt>Starts</dt>
                <dd>{startOf(foreseen.data.start)}</dd>
                <dt>Costs at most</dt>
                <dd>{foreseen.data.price === null ? 'no price is declared' : money(foreseen.data.price, me?.currency ?? '')}</dd>
                <dt>Displaces</dt>
                <dd>{foreseen.data.displaces.map((each) => each.job.name).join(', ') || 'nobody'}</dd>
              </dl>
              {foreseen.data.told.map((each) => (
                <p key={each} className="faint">
                  {each}
                </p>
              ))}
            </div>
          ) : foreseen.error ? (
            <Failed trouble={asTrouble(foreseen.error)} again={() => void foreseen.refetch()} />
          ) : (
            <Skeleton lines={3} />
          )}
        </section>
      </div>
    </>
  )
}

function Field({ label, whole, children }: { label: string; whole?: boolean; children: React.ReactNode }) {
  return (
    <label className={whole ? 'field whole' : 'field'}>
      <span className="label">{label}</span>
      {children}
    </label>
  )
}

function startOf(start: { now: boolean | null; waits_for: string; untold: string; within: readonly number[] | null }): string {
  if (start.now) return 'at once'
  const within = start.within ? `in ${span((start.within[0] ?? 0) * 1000)} to ${span((start.within[1] ?? 0) * 1000)}` : ''
  if (start.now === false) return [within || 'later', start.waits_for].filter(Boolean).join(': ')
  return start.untold || start.waits_for || 'nobody knows'
}

function nameOf(form: Form): string {
  const found = /([A-Za-z0-9][A-Za-z0-9-]*)\.(py|sh)\b/.exec(form.command)
  return (found?.[1] ?? form.command.split(/\s+/)[0] ?? 'job').toLowerCase().replaceAll(/[^a-z0-9-]/g, '-').slice(0, 40) || 'job'
}

/** The job file that the form means: JSON is YAML. What it leaves open the platform fills in, as for any job file. */
function fileOf(form: Form): string | null {
  if (!form.command.trim() || !form.team) return null
  const accelerators = { count: form.gpus, ...(form.accelerator ? { class: form.accelerator } : {}) }
  return JSON.stringify({
    kind: 'Job',
    name: form.name || nameOf(form),
    team: form.team,
    run: { command: ['sh', '-c', form.command] },
    resources: {
      cpu: form.cpus,
      memory: `${form.memory}Gi`,
      ...(form.gpus ? { accelerators } : {}),
    },
    maxRunTime: `${form.hours}h`,
  })
}

async function submissionOf(text: string, backend: string): Promise<JobSubmission> {
  const [job] = await jobsOf(text)
  // What has a usual value may be left out; the types of answers say that it is always there.
  return { job, backend } as unknown as JobSubmission
}
