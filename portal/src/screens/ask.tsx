import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { type ReactNode, useMemo, useState } from 'react'
import { asTrouble, Trouble } from '../api/problem'
import { grantOf, previewed, requestOf, status, whoami } from '../api/queries'
import type { AskedRequest, TeamGrant, ToldRequest, Wish, WorkloadType } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { Failed, Skeleton } from '../parts/panel'
import { FormPanel } from '../parts/form_panel'
import { useSettled } from '../store/settled'
import { money, span } from '../words/format'
import { devicesOf, lastsOf, thingOf } from '../words/terms'
import { Change, Effects, effectWords, Need, unknownOfWaits } from './evidence'
import { useAsking } from './asking'

const HOUR = 3_600_000
const WORK: readonly WorkloadType[] = ['training', 'experiment', 'batch', 'serving', 'notebook']

/** What a form of the screen says, all but the reason: the address has it, so that it can be sent to somebody. */
export interface AskSearch {
  readonly team?: string
  readonly gpus?: number
  readonly accelerator?: string
  readonly hours?: number
  readonly work?: WorkloadType
  /** Grant that is prolonged; with `gpus` it becomes another one at once. */
  readonly extends?: string
}

export function askSearch(given: Record<string, unknown>): AskSearch {
  const text = (name: string) => (typeof given[name] === 'string' && given[name] ? { [name]: given[name] } : {})
  // 0 is kept: it is what stands in a field that was emptied to be filled anew.
  const number = (name: string) => (given[name] !== undefined && Number(given[name]) >= 0 ? { [name]: Math.floor(Number(given[name])) } : {})
  const work = WORK.find((each) => each === given['work'])
  return { ...text('team'), ...number('gpus'), ...text('accelerator'), ...number('hours'), ...(work ? { work } : {}), ...text('extends') }
}

/** More GPUs for a while: what it costs and whom it delays is said before it is asked for. */
export function AskPage() {
  const search = useSearch({ from: '/ask' })
  const reference = search.extends ?? ''
  const grant = useQuery({ ...grantOf(reference), enabled: search.extends !== undefined })
  const request = useQuery({ ...requestOf(reference), enabled: search.extends !== undefined })
  if (search.extends === undefined) return <AskForm search={search} grant={null} before={null} />
  if (grant.data && request.data) return <AskForm search={search} grant={grant.data} before={request.data.request.wish} />
  const error = grant.error ?? request.error
  if (grant.data === null || error)
    return (
      <Failed
        trouble={error ? asTrouble(error) : new Trouble(404, `there is no grant ${search.extends}`, '', 'look at those that stand: requests', '', '')}
        again={() => void grant.refetch().then(() => request.refetch())}
      />
    )
  return <Skeleton lines={4} />
}

function AskForm({ search, grant, before }: { search: AskSearch; grant: TeamGrant | null; before: Wish | null }) {
  const navigate = useNavigate()
  const told = useQuery(status).data
  const [justification, setJustification] = useState('')
  const team = grant?.team ?? search.team ?? told?.teams[0] ?? ''
  const form = {
    accelerator: search.accelerator ?? grant?.terms.shares[0]?.flavor ?? 'a100',
    devices: search.gpus ?? (grant ? 0 : 8),
    hours: search.hours ?? (grant ? 24 : 72),
    workload: search.work ?? before?.workload ?? 'training',
  }
  const set = (some: Partial<AskSearch>) => void navigate({ to: '/ask', search: askSearch({ ...search, ...some }), replace: true })
  const wanted = useMemo<AskedRequest | null>(
    () =>
      team && form.hours > 0 && (grant !== null || form.devices > 0)
        ? ({
            kind: grant?.kind ?? 'gpus',
            team,
            workload: form.workload,
            justification: justification || 'not said yet',
            ...(form.devices > 0 ? { accelerator: form.accelerator, devices: form.devices } : {}),
            // By its environment a gate knows it again.
            ...(grant ? { extends: grant.id, subject: grant.subject, environment: before?.environment ?? '' } : {}),
            since: null,
            lasts: form.hours * HOUR,
            // What is left out has its usual value; the types of answers say that it is always there.
          } as unknown as AskedRequest)
        : null,
    [team, justification, grant, before, form.hours, form.devices, form.accelerator, form.workload],
  )
  const send = useAsking()
  const changes = grant !== null && form.devices > 0
  const title = grant ? (changes ? 'Change a grant' : 'Extend a grant') : 'Ask for GPUs'
  const where = `--accelerator ${shellWord(form.accelerator)}`
  const command = grant
    ? `allot extend ${grant.id} --for ${form.hours}h${changes ? ` --gpus ${form.devices} ${where}` : ''} --why ${shellWord(justification)}`
    : `allot request gpus ${form.devices} ${where} --for ${form.hours}h --team ${shellWord(team)} --workload ${form.workload} --why ${shellWord(justification)}`
  return (
    <>
      <div className="head">
        <h1>{title}</h1>
        {grant && (
          <span className="faint">
            {thingOf(grant, grant.terms)} of {grant.team}
          </span>
        )}
        <span className="grow" />
        <CopyCommand command={command} />
      </div>
      <div className="columns">
        <FormPanel title="What for" send={() => send(wanted)}>
          {!grant && (
            <label className="field">
              <span className="label">Team</span>
              <select value={team} onChange={(event) => set({ team: event.target.value })}>
                {(told?.teams ?? []).map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
          )}
          {(!grant || grant.kind === 'gpus') && (
            <>
              <Numbered label={grant ? 'GPUs, 0 to leave them as they are' : 'GPUs'} least={grant ? 0 : 1} value={form.devices} set={(gpus) => set({ gpus })} />
              <label className="field">
                <span className="label">Accelerator</span>
                <input value={form.accelerator} onChange={(event) => set({ accelerator: event.target.value })} />
              </label>
            </>
          )}
          <Numbered label={grant ? (changes ? 'Hours from now on' : 'Hours more') : 'Hours'} least={1} value={form.hours} set={(hours) => set({ hours })} />
          {!grant && (
            <label className="field">
              <span className="label">Work</span>
              <select value={form.workload} onChange={(event) => set({ work: event.target.value as WorkloadType })}>
                {WORK.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
          )}
          <label className="field whole">
            <span className="label">Why</span>
            <textarea value={justification} maxLength={2000} onChange={(event) => setJustification(event.target.value)} />
          </label>
          <div className="whole acts">
            <button type="submit" className="act first" disabled={!wanted || !justification.trim()}>
              Ask
            </button>
          </div>
        </FormPanel>
        <Preview wanted={wanted} waits={told === undefined} />
      </div>
    </>
  )
}

/** A number that may be empty while it is typed. */
function Numbered({ label, least, value, set }: { label: string; least: number; value: number; set: (value: number) => void }) {
  const [text, setText] = useState(String(value))
  return (
    <label className="field">
      <span className="label">{label}</span>
      <input
        type="number"
        min={least}
        value={Number(text) === value ? text : String(value)}
        onChange={(event) => {
          setText(event.target.value)
          set(event.target.valueAsNumber || 0)
        }}
      />
    </label>
  )
}

/** What a request would do, asked for once nothing was typed for a moment; `waits` while it is not known yet what can be asked. */
export function Preview({ wanted, waits = false, children }: { wanted: AskedRequest | null; waits?: boolean; children?: ReactNode }) {
  const settled = useSettled(wanted, 400)
  const preview = useQuery({
    queryKey: ['preview', settled],
    queryFn: () => previewed(settled as AskedRequest),
    enabled: settled !== null,
    staleTime: 10_000,
  })
  return (
    <section className="panel" aria-labelledby="preview" aria-live="polite">
      <header>
        <h2 id="preview">What it would do</h2>
      </header>
      {settled === null && !waits ? (
        <div className="empty">{children ?? <span>Say what you want: what it would do is told here before you ask.</span>}</div>
      ) : preview.data ? (
        <Told of={preview.data} />
      ) : preview.error ? (
        <Failed trouble={asTrouble(preview.error)} again={() => void preview.refetch()} />
      ) : (
        <Skeleton lines={4} />
      )}
    </section>
  )
}

function Told({ of }: { of: ToldRequest }) {
  const currency = useQuery(whoami).data?.currency ?? ''
  const { terms } = of.request
  const lasts = lastsOf(terms)
  const lacks = unknownOfWaits(of.unknown)
  return (
    <>
      <div className="body">
        <dl className="facts">
          <dt>Gives</dt>
          <dd>
            {thingOf(of.request.wish, terms)}
            {lasts !== null && devicesOf(terms) && `, for ${span(lasts)}`}
          </dd>
          <dt>Price</dt>
          <dd>{terms.price === null ? 'not known' : money(terms.price, currency)}</dd>
          {of.budget_left !== null && (
            <>
              <dt>Budget left</dt>
              <dd className={of.budget_left < 0 ? 'tone-bad' : ''}>{money(of.budget_left, currency)} this month, once it is granted</dd>
            </>
          )}
          <dt>Decides</dt>
          <dd>{of.deciders || 'nobody: it is given at once'}</dd>
          {terms.taken.length > 0 && (
            <>
              <dt>Taken of</dt>
              <dd>{terms.taken.map((each) => `${each.team}: ${each.share.devices} ${each.share.flavor}`).join('; ')}</dd>
            </>
          )}
          {devicesOf(terms) && (
            <>
              <dt>Others</dt>
              <dd>
                {effectWords(of)}
                {lacks && <span className="faint"> Not known: {lacks}.</span>}
              </dd>
            </>
          )}
          {of.after && (
            <>
              <dt>Afterwards</dt>
              <dd>{of.after}</dd>
            </>
          )}
        </dl>
        {of.warning && <p className="tone-wait">{of.warning}</p>}
        {of.effects.length > 0 && <Effects of={of.effects} most={5} />}
        <Need told={of} />
      </div>
      {of.change && <Change of={of.change} />}
    </>
  )
}
