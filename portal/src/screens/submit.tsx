import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { flowList, said, scalar, withValue, wordsOf } from '../answers/job_text'
import { jobFileOf, jobOf, status, submit } from '../api/queries'
import type { StoredJob } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { FormPanel } from '../parts/form_panel'
import { Panel, sourceOf } from '../parts/panel'
import { sayTrouble } from '../parts/toasts'
import { useMay } from '../store/may'
import { useSettled } from '../store/settled'
import { Outlooks, submissionOf, useForeseen } from './outlook'

/** The file that a job begins as: comments and order are the user's own from then on. */
const FIRST = `kind: Job
run:
  command: [sh, "-c", ""]
resources:
  cpu: 1
  memory: 4Gi
  accelerators: {count: 1}
maxRunTime: 4h
`
/** Milliseconds after the last key in which nothing is asked yet. */
const SETTLES = 100
/** Keys of a file that the form has fields for. */
const SHOWN = new Set(['kind', 'name', 'team', 'run', 'data', 'resources', 'replicas', 'maxRunTime'])

/** A new job, or one like another that is there. */
export function Submit() {
  const { from } = useSearch({ from: '/submit' })
  return from ? <Clone key={from} of={from} /> : <Written key="" first={FIRST} />
}

function Clone({ of }: { of: string }) {
  const file = sourceOf(useQuery(jobFileOf(of)))
  const job = sourceOf(useQuery(jobOf(of)))
  const source = file.data === undefined ? file : job
  if (file.data !== undefined && job.data) return <Written first={file.data} of={job.data} />
  return (
    <>
      <div className="head">
        <h1>Clone a job</h1>
      </div>
      <Panel title="What runs" source={{ ...source, data: undefined }}>
        {() => null}
      </Panel>
    </>
  )
}

/** A job by its golden path, or as a file: both are the same text; what becomes of it is said beside it. */
function Written({ first, of }: { first: string; of?: StoredJob }) {
  const [typed, setText] = useState(first)
  const [backend, setBackend] = useState(of?.backend ?? '')
  const [asFile, setAsFile] = useState(false)
  const navigate = useNavigate()
  const told = useQuery(status).data
  const may = useMay('submit')
  const teams = told?.teams ?? []
  const backends = (told?.backends ?? []).map((each) => each.name)
  const where = backend || (backends.includes('local') ? 'local' : (backends[0] ?? ''))
  const kind = told?.backends.find((each) => each.name === where)?.offer.kind
  const file = useMemo(() => filledIn(typed, teams[0]), [typed, teams])
  const asked = runs(file) && said(file, 'team') && where ? file : null
  const settled = useSettled(asked, SETTLES)
  const foreseen = useForeseen(settled, where)
  const [sends, setSends] = useState(false)
  async function send(): Promise<void> {
    if (!asked) return
    setSends(true)
    try {
      // The code of the one that it was made of goes with it.
      const receipt = await submit({ ...(await submissionOf(asked, where)), key: crypto.randomUUID(), ...(of && { supersedes: of.id }) })
      await navigate({ to: '/jobs/$id', params: { id: receipt.job.id } })
    } catch (error) {
      sayTrouble(error)
    } finally {
      setSends(false)
    }
  }
  return (
    <>
      <div className="head">
        <h1>{of ? `Clone ${of.job.name}` : 'Submit a job'}</h1>
        <span className="grow" />
        {asked && <CopyCommand command={of && asked === first ? cloneOf(of, where) : `printf %s ${shellWord(asked)} | allot submit --on ${shellWord(where)} -`} />}
      </div>
      <div className="columns">
        <FormPanel
          title="What runs"
          send={send}
          acts={
            <>
          <span className="grow" />
          {(['Form', 'File'] as const).map((each) => (
            <button key={each} type="button" className="chip" aria-pressed={asFile === (each === 'File')} onClick={() => setAsFile(each === 'File')}>
              {each}
            </button>
          ))}
            </>
          }
        >
          {asFile ? (
            <label className="field whole">
              <span className="label">Job file</span>
              <textarea className="mono file-text" spellCheck={false} rows={18} value={file} onChange={(event) => setText(event.target.value)} />
            </label>
          ) : (
            <Fields file={file} named={said(typed, 'name') !== null} teams={teams} inPods={kind === 'kubernetes'} change={setText} />
          )}
          <Field label="Where">
            <select value={where} onChange={(event) => setBackend(event.target.value)}>
              {backends.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </Field>
          <div className="whole acts">
            <button type="submit" className="act first" disabled={!may || !asked || sends || foreseen.never}>
              {sends ? 'Submitting' : 'Submit'}
            </button>
          </div>
        </FormPanel>
        <Outlooks
          text={settled}
          backend={where}
          backends={backends}
          foreseen={foreseen}
          take={(variant) => {
            setText(variant.text)
            setBackend(variant.backend)
          }}
        />
      </div>
    </>
  )
}

/** The form over the text: each field reads its value there, and writes it there. */
function Fields({
  file,
  named,
  teams,
  inPods,
  change,
}: {
  file: string
  named: boolean
  teams: readonly string[]
  /** Whether it runs in pods, which are made of an image. */
  inPods: boolean
  change: (text: string) => void
}) {
  const set = (path: readonly string[], value: string | null) => change(withValue(file, path, value))
  const more = topKeys(file).filter((each) => !SHOWN.has(each))
  const replicas = said(file, 'replicas')
  const number = (...path: string[]) => Number.parseFloat(said(file, ...path) ?? '') || 0
  return (
    <>
      <Field label="Command" whole>
        <input
          value={commandOf(file)}
          placeholder={said(file, 'run', 'script') ?? 'python train.py --epochs 10'}
          onChange={(event) => change(withCommand(named ? file : withValue(file, ['name'], null), event.target.value))}
        />
      </Field>
      {(inPods || said(file, 'run', 'image') !== null) && (
        <Field label="Image" whole>
          <input value={said(file, 'run', 'image') ?? ''} placeholder="registry.example/team/train:1" onChange={(event) => set(['run', 'image'], event.target.value ? scalar(event.target.value) : null)} />
        </Field>
      )}
      <Field label="Data that is fetched first" whole>
        <input
          value={(wordsOf(file, 'data') ?? []).join(' ')}
          placeholder="s3://bucket/llm-7b"
          onChange={(event) => set(['data'], event.target.value.trim() ? flowList(event.target.value.split(' ')) : null)}
        />
      </Field>
      <Field label="Name">
        <input value={named ? (said(file, 'name') ?? '') : ''} placeholder={nameOf(commandOf(file))} onChange={(event) => set(['name'], event.target.value ? scalar(event.target.value) : null)} />
      </Field>
      <Field label="Team">
        <select value={said(file, 'team') ?? ''} onChange={(event) => set(['team'], scalar(event.target.value))}>
          {teams.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </Field>
      <Field label={Number(replicas) > 1 ? 'GPUs of each replica' : 'GPUs'}>
        <input
          type="number"
          min={0}
          value={gpusOf(file)}
          onChange={(event) => change(withGpus(file, event.target.valueAsNumber || 0, classOf(file)))}
        />
      </Field>
      <Field label="Accelerator">
        <input value={classOf(file)} placeholder="any" onChange={(event) => change(withGpus(file, gpusOf(file), event.target.value))} />
      </Field>
      {(replicas === null || /^\d+$/.test(replicas)) && (
        <Field label="Replicas">
          <input type="number" min={1} value={replicas ?? ''} placeholder="1" onChange={(event) => set(['replicas'], event.target.valueAsNumber > 0 ? String(event.target.valueAsNumber) : null)} />
        </Field>
      )}
      <Field label="CPU cores">
        <input type="number" min={1} value={number('resources', 'cpu') || ''} onChange={(event) => set(['resources', 'cpu'], event.target.valueAsNumber ? String(event.target.valueAsNumber) : null)} />
      </Field>
      <Field label="Memory, GiB">
        <input type="number" min={1} value={number('resources', 'memory') || ''} onChange={(event) => set(['resources', 'memory'], event.target.valueAsNumber ? `${event.target.valueAsNumber}Gi` : null)} />
      </Field>
      <Field label="Hours at most">
        <input type="number" min={1} value={number('maxRunTime') || ''} onChange={(event) => set(['maxRunTime'], event.target.valueAsNumber ? `${event.target.valueAsNumber}h` : null)} />
      </Field>
      {more.length > 0 && <p className="whole faint">The file says more than the form: {more.join(', ')}. It stays as it is.</p>}
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

function cloneOf(job: StoredJob, where: string): string {
  return `allot clone ${job.id}${where === job.backend ? '' : ` --on ${shellWord(where)}`}`
}

const COMMAND = ['run', 'command']
const ACCELERATORS = ['resources', 'accelerators']

/** What runs, as somebody types it; empty where the file says it by a script. */
function commandOf(file: string): string {
  const words = wordsOf(file, ...COMMAND)
  if (words) return words[0] === 'sh' && words[1] === '-c' ? (words[2] ?? '') : words.map(shellWord).join(' ')
  const whole = said(file, 'run') ?? ''
  return /[\n{[]/.test(whole) ? '' : whole
}

function withCommand(file: string, command: string): string {
  return withValue(withValue(file, ['run', 'script'], null), COMMAND, `[sh, "-c", ${JSON.stringify(command)}]`)
}

function runs(file: string): boolean {
  return Boolean(commandOf(file).trim() || said(file, 'run', 'script'))
}

/** Devices by either form: `a100:2`, or a mapping. */
function gpusOf(file: string): number {
  const count = said(file, ...ACCELERATORS, 'count')
  if (count !== null) return Number(count) || 0
  const short = said(file, ...ACCELERATORS)
  if (short === null) return 0
  return Number(/:(\d+)$/.exec(short)?.[1] ?? 1)
}

function classOf(file: string): string {
  const found = said(file, ...ACCELERATORS, 'class')
  if (found !== null) return found
  const short = said(file, ...ACCELERATORS) ?? ''
  return /[{[\n]/.test(short) ? '' : short.replace(/:\d+$/, '')
}

function withGpus(file: string, count: number, class_: string): string {
  if (count <= 0) return withValue(file, ACCELERATORS, null)
  const short = said(file, ...ACCELERATORS)
  if (short !== null && said(file, ...ACCELERATORS, 'count') === null) return withValue(file, ACCELERATORS, class_ ? `${class_}:${count}` : `{count: ${count}}`)
  const counted = withValue(file, [...ACCELERATORS, 'count'], String(count))
  return withValue(counted, [...ACCELERATORS, 'class'], class_ ? scalar(class_) : null)
}

function topKeys(file: string): readonly string[] {
  return [...file.matchAll(/^([A-Za-z]\w*):/gm)].map((each) => each[1] ?? '')
}

function nameOf(command: string): string {
  const found = /([A-Za-z0-9][A-Za-z0-9-]*)\.(py|sh)\b/.exec(command)
  return (found?.[1] ?? command.split(/\s+/)[0] ?? 'job').toLowerCase().replaceAll(/[^a-z0-9-]/g, '-').slice(0, 40) || 'job'
}

/** What nobody has said yet, where it is meant: a name by what runs, and the first of one's teams. */
function filledIn(file: string, team: string | undefined): string {
  const named = said(file, 'name') === null ? headed(file, 'name', scalar(nameOf(commandOf(file)))) : file
  return team && said(named, 'team') === null ? headed(named, 'team', scalar(team), 'name') : named
}

/** The file with a line of its own below another, where people look for it. */
function headed(file: string, key: string, value: string, below = 'kind'): string {
  const line = new RegExp(`^${below}:.*$`, 'm').exec(file)
  return line ? file.replace(line[0], () => `${line[0]}\n${key}: ${value}`) : `${key}: ${value}\n${file}`
}
