import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { asTrouble } from '../api/problem'
import { ask, previewed, status, whoami } from '../api/queries'
import type { AskedRequest, WorkloadType } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { Failed, Skeleton } from '../parts/panel'
import { sayTrouble } from '../parts/toasts'
import { useSettled } from '../store/settled'
import { money, plural, span } from '../words/format'
import { devicesOf } from '../words/terms'

const HOUR = 3_600_000

/** More GPUs for a while: what it costs and whom it delays is said before it is asked for. */
export function AskPage() {
  const navigate = useNavigate()
  const told = useQuery(status).data
  const currency = useQuery(whoami).data?.currency ?? ''
  const [form, setForm] = useState({ team: '', accelerator: 'a100', devices: 8, hours: 72, workload: 'training' as WorkloadType, justification: '' })
  const team = form.team || (told?.teams[0] ?? '')
  const wanted = useMemo<AskedRequest | null>(
    () =>
      team && form.devices > 0 && form.hours > 0
        ? ({
            kind: 'gpus',
            team,
            workload: form.workload,
            justification: form.justification || 'not said yet',
            accelerator: form.accelerator,
            devices: form.devices,
            since: null,
            lasts: form.hours * HOUR,
            // What is left out has its usual value; the types of answers say that it is always there.
          } as unknown as AskedRequest)
        : null,
    [team, form],
  )
  const settled = useSettled(wanted, 400)
  const preview = useQuery({
    queryKey: ['preview', settled],
    queryFn: () => previewed(settled as AskedRequest),
    enabled: settled !== null,
    retry: false,
    staleTime: 10_000,
  })
  const set = (some: Partial<typeof form>) => setForm((before) => ({ ...before, ...some }))
  async function send(): Promise<void> {
    if (!wanted) return
    try {
      const request = await ask(wanted)
      await navigate({ to: '/requests/$id', params: { id: request.id } })
    } catch (error) {
      sayTrouble(error)
    }
  }
  return (
    <>
      <div className="head">
        <h1>Ask for GPUs</h1>
        <span className="grow" />
        <CopyCommand
          command={`allot request gpus ${form.devices} --accelerator ${shellWord(form.accelerator)} --for ${form.hours}h --team ${shellWord(team)} --workload ${form.workload} --why ${shellWord(form.justification)}`}
        />
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
            <h2>What for</h2>
          </header>
          <div className="body form">
            <label className="field">
              <span className="label">Team</span>
              <select value={team} onChange={(event) => set({ team: event.target.value })}>
                {(told?.teams ?? []).map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
            <label className="field">
              <span className="label">GPUs</span>
              <input type="number" min={1} value={form.devices} onChange={(event) => set({ devices: event.target.valueAsNumber || 0 })} />
            </label>
            <label className="field">
              <span className="label">Accelerator</span>
              <input value={form.accelerator} onChange={(event) => set({ accelerator: event.target.value })} />
            </label>
            <label className="field">
              <span className="label">Hours</span>
              <input type="number" min={1} value={form.hours} onChange={(event) => set({ hours: event.target.valueAsNumber || 0 })} />
            </label>
            <label className="field">
              <span className="label">Work</span>
              <select value={form.workload} onChange={(event) => set({ workload: event.target.value as WorkloadType })}>
                {['training', 'experiment', 'batch', 'serving', 'notebook'].map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
            <label className="field whole">
              <span className="label">Why</span>
              <textarea value={form.justification} maxLength={2000} onChange={(event) => set({ justification: event.target.value })} />
            </label>
            <div className="whole acts">
              <button type="submit" className="act first" disabled={!wanted || !form.justification.trim()}>
                Ask
              </button>
            </div>
          </div>
        </form>
        <section className="panel" aria-labelledby="preview" aria-live="polite">
          <header>
            <h2 id="preview">What it would do</h2>
          </header>
          {preview.data ? (
            <div className="body">
              <dl className="facts">
                <dt>Gives</dt>
                <dd>{devicesOf(preview.data.request.terms)}</dd>
                <dt>Price</dt>
                <dd>{preview.data.request.terms.price === null ? 'not known' : money(preview.data.request.terms.price, currency)}</dd>
                <dt>Decides</dt>
                <dd>{preview.data.deciders || 'nobody: it is given at once'}</dd>
                <dt>Waits longer</dt>
                <dd>
                  {preview.data.effects.length
                    ? preview.data.effects
                        .slice(0, 3)
                        .map((each) => `${each.work} of ${each.team}${each.after !== null && each.before !== null ? ` by ${span(each.after - each.before)}` : ''}`)
                        .join('; ') + (preview.data.effects.length > 3 ? `, and ${plural(preview.data.effects.length - 3, 'other')}` : '')
                    : preview.data.unknown || 'nobody'}
                </dd>
                <dt>Afterwards</dt>
                <dd>{preview.data.after}</dd>
              </dl>
              {preview.data.warning && <p className="tone-wait">{preview.data.warning}</p>}
            </div>
          ) : preview.error ? (
            <Failed trouble={asTrouble(preview.error)} again={() => void preview.refetch()} />
          ) : (
            <Skeleton lines={4} />
          )}
        </section>
      </div>
    </>
  )
}
