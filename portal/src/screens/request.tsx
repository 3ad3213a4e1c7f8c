import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { decide, requestOf, whoami } from '../api/queries'
import type { AskedMove, Effect, ToldRequest } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { Moment } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { Sheet } from '../parts/sheet'
import { Glyph, State } from '../parts/state'
import { say, sayTrouble } from '../parts/toasts'
import { money, plural, span } from '../words/format'
import { REQUEST } from '../words/states'
import { devicesOf } from '../words/terms'

/** A request with all that a decision needs, and the decision. */
export function RequestPage() {
  const { id } = useParams({ from: '/requests/$id' })
  const source = sourceOf(useQuery(requestOf(id)))
  const told = source.data
  return (
    <>
      {told && <Head told={told} />}
      <div className="columns">
        <Panel title="What is asked for" source={source}>
          {(now) => <Terms told={now} />}
        </Panel>
        <Panel title="What they needed so far" source={source} empty={(now) => (now.need ? null : <span>{now.unknown || 'Nothing is known of it.'}</span>)}>
          {(now) => <Need told={now} />}
        </Panel>
      </div>
      <Panel
        title="Who waits longer"
        source={source}
        partial={(now) => (now.unknown ? `not all is known: ${now.unknown}` : null)}
        empty={(now) =>
          now.effects.length ? null : (
            <span>{now.unknown ? 'Nobody is known to wait longer for it.' : 'Nobody waits longer for it.'}</span>
          )
        }
      >
        {(now) => <Effects of={now.effects} />}
      </Panel>
      <Panel title="Decisions" source={source} empty={(now) => (now.request.decisions.length ? null : <span>Nobody has decided yet.</span>)}>
        {(now) => <Decisions told={now} />}
      </Panel>
    </>
  )
}

function Head({ told }: { told: ToldRequest }) {
  const { request } = told
  const look = REQUEST[request.state]
  const said =
    request.state === 'waiting'
      ? told.deciders
        ? `${told.deciders} decides`
        : 'it waits'
      : request.state === 'offered'
        ? `${request.requester} has to accept what was offered`
        : (request.decisions.at(-1)?.reason ?? '')
  return (
    <>
      <div className="head">
        <h1>{devicesOf(request.terms) || `${request.wish.kind} ${request.wish.subject}`}</h1>
        <span className="faint mono">{request.id}</span>
        <span className="grow" />
        <CopyCommand command={`allot request show ${request.id}`} />
      </div>
      <div className={`verdict tone-${look.tone}`} role="status" aria-live="polite">
        <State of={look} />
        <p>
          {said}
          {told.warning ? ` ${told.warning}` : ''}
        </p>
        <Acts told={told} />
      </div>
    </>
  )
}

function Acts({ told }: { told: ToldRequest }) {
  const queries = useQueryClient()
  const me = useQuery(whoami).data
  const [act, setAct] = useState<AskedMove['act'] | null>(null)
  const { request } = told
  const mine = me?.name === request.requester
  async function done(move: AskedMove): Promise<void> {
    setAct(null)
    try {
      await decide(request.id, move)
      say(`Done: ${move.act}`)
    } catch (error) {
      sayTrouble(error)
    } finally {
      void queries.invalidateQueries({ queryKey: ['request', request.id] })
      void queries.invalidateQueries({ queryKey: ['requests'] })
      void queries.invalidateQueries({ queryKey: ['grants'] })
    }
  }
  return (
    <div className="acts">
      {request.state === 'waiting' && told.decides && (
        <>
          <button type="button" className="act first" onClick={() => setAct('approve')}>
            Approve
          </button>
          <button type="button" className="act" onClick={() => setAct('counter')}>
            Offer something else
          </button>
          <button type="button" className="act danger" onClick={() => setAct('deny')}>
            Deny
          </button>
        </>
      )}
      {request.state === 'offered' && mine && (
        <button type="button" className="act first" onClick={() => setAct('accept')}>
          Accept the offer
        </button>
      )}
      {(request.state === 'waiting' || request.state === 'offered') && mine && (
        <button type="button" className="act" onClick={() => setAct('withdraw')}>
          Withdraw
        </button>
      )}
      {act && <Decide told={told} act={act} close={() => setAct(null)} done={done} />}
    </div>
  )
}

const TITLES: Readonly<Record<string, string>> = {
  approve: 'Approve it',
  counter: 'Offer something else',
  deny: 'Deny it',
  accept: 'Accept the offer',
  withdraw: 'Withdraw it',
}

function Decide({ told, act, close, done }: { told: ToldRequest; act: AskedMove['act']; close: () => void; done: (move: AskedMove) => Promise<void> }) {
  const { request } = told
  const currency = useQuery(whoami).data?.currency ?? ''
  const all = request.terms.shares.reduce((sum, each) => sum + each.devices, 0)
  const lasts = request.terms.until === null ? null : request.terms.until - request.terms.since
  const [devices, setDevices] = useState(all)
  const [hours, setHours] = useState(lasts === null ? 0 : Math.round(lasts / 3_600_000))
  const [reason, setReason] = useState('')
  const terms =
    act === 'counter'
      ? { devices, lasts: hours ? hours * 3_600_000 : null, accelerator: null, clusters: null }
      : null
  const later = told.effects.filter((each) => each.after === null || each.before === null || each.after > each.before)
  return (
    <Sheet title={TITLES[act] ?? act} open close={close}>
      <p>
        {devicesOf(request.terms) || request.wish.kind} for {request.wish.team}
        {request.terms.price === null ? '' : `, ${money(request.terms.price, currency)}`}.{' '}
        {later.length ? `${plural(later.length, 'piece')} of work of others waits longer.` : told.unknown ? 'Who waits longer is not known.' : 'Nobody waits longer.'}
      </p>
      {act === 'counter' && (
        <div className="form">
          <label className="field">
            <span className="label">GPUs</span>
            <input type="number" min={1} max={all} value={devices} onChange={(event) => setDevices(event.target.valueAsNumber || 1)} />
          </label>
          <label className="field">
            <span className="label">Hours</span>
            <input type="number" min={1} value={hours} onChange={(event) => setHours(event.target.valueAsNumber || 0)} />
          </label>
        </div>
      )}
      {act !== 'accept' && (
        <label className="field">
          <span className="label">Why</span>
          <textarea value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
        </label>
      )}
      <div className="acts">
        <button
          type="button"
          className="act first"
          disabled={act === 'deny' && !reason.trim()}
          onClick={() => void done({ act, reason, terms, revision: request.revision })}
        >
          {TITLES[act] ?? act}
        </button>
        <button type="button" className="act" onClick={close}>
          Leave it
        </button>
        <CopyCommand command={commandOf(request.id, { act, reason, terms })} />
      </div>
    </Sheet>
  )
}

const COMMANDS: Readonly<Record<string, string>> = { accept: 'request accept', withdraw: 'request withdraw' }

function commandOf(id: string, { act, reason, terms }: Pick<AskedMove, 'act' | 'reason' | 'terms'>): string {
  const words = ['allot', COMMANDS[act] ?? act, id]
  if (terms?.devices) words.push('--gpus', String(terms.devices))
  if (terms?.lasts) words.push('--for', `${terms.lasts / 3_600_000}h`)
  if (reason) words.push('-m', shellWord(reason))
  return words.join(' ')
}

function Terms({ told }: { told: ToldRequest }) {
  const { request } = told
  const currency = useQuery(whoami).data?.currency ?? ''
  const before = devicesOf(request.asked)
  const now = devicesOf(request.terms)
  return (
    <dl className="facts">
      <dt>Team</dt>
      <dd>{request.wish.team}</dd>
      <dt>By</dt>
      <dd>{request.requester}</dd>
      <dt>For</dt>
      <dd>{request.wish.justification}</dd>
      {now && (
        <>
          <dt>GPUs</dt>
          <dd>
            {now}
            {before !== now && <span className="faint"> (asked for: {before})</span>}
          </dd>
        </>
      )}
      <dt>From</dt>
      <dd>
        <Moment at={request.terms.since} />
      </dd>
      <dt>Until</dt>
      <dd>{request.terms.until === null ? 'for good' : <Moment at={request.terms.until} />}</dd>
      <dt>Price</dt>
      <dd>{request.terms.price === null ? 'not known' : money(request.terms.price, currency)}</dd>
      {told.budget_left !== null && (
        <>
          <dt>Budget left</dt>
          <dd className={told.budget_left < 0 ? 'tone-bad' : ''}>{money(told.budget_left, currency)}{told.budget_month && ` in ${told.budget_month}`}, once it is granted</dd>
        </>
      )}
      {request.terms.taken.length > 0 && (
        <>
          <dt>Taken of</dt>
          <dd>{request.terms.taken.map((each) => `${each.team}: ${each.share.devices} ${each.share.flavor} in ${each.share.cluster}`).join('; ')}</dd>
        </>
      )}
      {told.after && (
        <>
          <dt>Afterwards</dt>
          <dd>{told.after}</dd>
        </>
      )}
    </dl>
  )
}

/** What the team has held of late beside what it has and asks for, as bars of one scale. */
function Need({ told }: { told: ToldRequest }) {
  const need = told.need
  if (!need) return null
  const asked = told.request.terms.shares.reduce((sum, each) => sum + each.devices, 0)
  const rows: readonly (readonly [string, number])[] = [
    ['guaranteed now', need.granted],
    ['held half of the time', need.half],
    ['held at most', need.most],
    ['with this', need.granted + asked],
  ]
  const most = Math.max(1, ...rows.map(([, number]) => number))
  return (
    <>
      <table className="table">
        <tbody>
          {rows.map(([name, number]) => (
            <tr key={name}>
              <td style={{ width: '40%' }} className="faint">
                {name}
              </td>
              <td>
                <svg className="meter" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={(number / most) * 100} height="8" rx="2" fill="var(--accent)" />
                </svg>
              </td>
              <td className="number" style={{ width: '18%' }}>
                {number}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="faint">
        Of the last {plural(need.days, 'day')}
        {need.idle === null ? '; idle time is not known' : `; ${Math.round(need.idle / 10)} % of what they held was idle`}.
      </p>
    </>
  )
}

/** Each piece of work that waits: until when without this, and with it. */
function Effects({ of }: { of: readonly Effect[] }) {
  const worst = Math.max(1, ...of.map((each) => Math.max(each.before ?? 0, each.after ?? 0)))
  return (
    <table className="table">
      <thead>
        <tr>
          <th>Work</th>
          <th style={{ width: '18%' }}>Team</th>
          <th style={{ width: '30%' }}>Waits</th>
          <th className="number" style={{ width: '26%' }}>
            Without → with it
          </th>
        </tr>
      </thead>
      <tbody>
        {of.map((each) => (
          <tr key={`${each.team}/${each.work}`}>
            <td>{each.work}</td>
            <td>{each.team}</td>
            <td>
              <svg className="meter" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect width={((each.after ?? worst) / worst) * 100} height="8" rx="2" fill="var(--wait)" />
                <rect width={((each.before ?? worst) / worst) * 100} height="8" rx="2" fill="var(--accent)" />
              </svg>
            </td>
            <td className="number">
              {said(each.before)} → {said(each.after)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function said(wait: number | null): string {
  return wait === null ? 'not in sight' : span(wait)
}

function Decisions({ told }: { told: ToldRequest }) {
  return (
    <ol className="timeline">
      {told.request.decisions.map((each, number) => (
        <li key={number}>
          <Glyph shape={each.act === 'deny' ? 'cross' : each.act === 'approve' || each.act === 'accept' ? 'check' : 'half'} tone={each.act === 'deny' ? 'bad' : 'move'} />
          <Moment at={each.at} />
          <span>
            <strong>{each.act}</strong> by {each.by || `the gate ${each.gate}`}
            {devicesOf(each.terms) && `: ${devicesOf(each.terms)}`}
            {each.reason && <span className="faint"> · {each.reason}</span>}
          </span>
        </li>
      ))}
    </ol>
  )
}
