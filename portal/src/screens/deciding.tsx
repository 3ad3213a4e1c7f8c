import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { decide, whoami } from '../api/queries'
import type { AskedMove, ToldRequest } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { Sheet } from '../parts/sheet'
import { say, sayTrouble } from '../parts/toasts'
import { money, span } from '../words/format'
import { devicesAsked, lastsOf, thingOf } from '../words/terms'
import { effectWords } from './evidence'

const TITLES: Readonly<Record<string, string>> = {
  approve: 'Approve it',
  counter: 'Offer something else',
  deny: 'Deny it',
  accept: 'Accept the offer',
  withdraw: 'Withdraw it',
}
const HOUR = 3_600_000

/** What whoever looks may do with a request now; an offer is taken with one act. */
export function Acts({ told }: { told: ToldRequest }) {
  const queries = useQueryClient()
  const me = useQuery(whoami).data
  const [act, setAct] = useState<AskedMove['act'] | null>(null)
  const [sending, setSending] = useState(false)
  const { request } = told
  const mine = me?.name === request.requester
  async function done(move: AskedMove): Promise<void> {
    setAct(null)
    setSending(true)
    try {
      await decide(request.id, move)
      say(`Done: ${move.act}`)
    } catch (error) {
      sayTrouble(error)
    } finally {
      await queries.invalidateQueries({ queryKey: ['request', request.id] })
      void queries.invalidateQueries({ queryKey: ['requests'] })
      void queries.invalidateQueries({ queryKey: ['grants'] })
      setSending(false)
    }
  }
  return (
    <>
      {request.state === 'waiting' && told.decides && (
        <>
          <button type="button" className="act first" disabled={sending} onClick={() => setAct('approve')}>
            Approve
          </button>
          <button type="button" className="act" disabled={sending} onClick={() => setAct('counter')}>
            Offer something else
          </button>
          <button type="button" className="act danger" disabled={sending} onClick={() => setAct('deny')}>
            Deny
          </button>
        </>
      )}
      {request.state === 'offered' && mine && (
        <>
          <button type="button" className="act first" disabled={sending} onClick={() => void done({ act: 'accept', reason: '', terms: null, revision: request.revision })}>
            Accept the offer
          </button>
          <CopyCommand command={`allot request accept ${request.id}`} />
        </>
      )}
      {(request.state === 'waiting' || request.state === 'offered') && mine && (
        <button type="button" className="act" disabled={sending} onClick={() => setAct('withdraw')}>
          Withdraw
        </button>
      )}
      {act && <Decide told={told} act={act} close={() => setAct(null)} done={done} />}
    </>
  )
}

interface DecideProps {
  readonly told: ToldRequest
  readonly act: AskedMove['act']
  readonly close: () => void
  readonly done: (move: AskedMove) => Promise<void>
}

/** The act once more with what it does: price, time, and whose work waits longer. */
function Decide({ told, act, close, done }: DecideProps) {
  const { request } = told
  const currency = useQuery(whoami).data?.currency ?? ''
  const all = devicesAsked(request.terms)
  const lasts = lastsOf(request.terms)
  const [devices, setDevices] = useState(all)
  const [hours, setHours] = useState(lasts === null ? 0 : Math.max(1, Math.round(lasts / HOUR)))
  const [reason, setReason] = useState('')
  const other = {
    devices: all && devices !== all ? devices : null,
    lasts: hours && hours * HOUR !== lasts ? hours * HOUR : null,
    accelerator: null,
    clusters: null,
  }
  const terms = act === 'counter' ? other : null
  const same = act === 'counter' && other.devices === null && other.lasts === null
  return (
    <Sheet title={TITLES[act] ?? act} open close={close}>
      <p>
        {thingOf(request.wish, request.terms)} for {request.wish.team}
        {lasts === null ? ', for good' : `, for ${span(lasts)}`}
        {request.terms.price === null ? '; its price is not known. ' : `, ${money(request.terms.price, currency)}. `}
        {request.terms.shares.length > 0 && effectWords(told)}
      </p>
      {act === 'counter' && (
        <div className="form">
          {all > 0 && (
            <label className="field">
              <span className="label">GPUs</span>
              <input type="number" min={1} value={devices} onChange={(event) => setDevices(event.target.valueAsNumber || 1)} />
            </label>
          )}
          <label className="field">
            <span className="label">Hours</span>
            <input type="number" min={1} value={hours} onChange={(event) => setHours(event.target.valueAsNumber || 0)} />
          </label>
        </div>
      )}
      <label className="field">
        <span className="label">Why</span>
        <textarea value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
      </label>
      <div className="acts">
        <button
          type="button"
          className={act === 'deny' || act === 'withdraw' ? 'act danger' : 'act first'}
          disabled={(act === 'deny' && !reason.trim()) || same}
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
  if (terms?.lasts) words.push('--for', `${terms.lasts / HOUR}h`)
  if (reason) words.push('-m', shellWord(reason))
  return words.join(' ')
}
