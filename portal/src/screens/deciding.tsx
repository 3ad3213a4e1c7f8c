import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { askedAnew, requestMoves, type RequestMove } from '../answers/request_acts'
import { NOTHING_ELSE, type OtherWish, otherTerms, outOfBounds } from '../answers/other_terms'
import { askAgain } from '../api/again'
import { decide, whoami } from '../api/queries'
import type { AskedMove, GrantRequest, ToldRequest } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { Sheet } from '../parts/sheet'
import { say, sayTrouble } from '../parts/toasts'
import { useActs } from '../store/acts'
import { money, span } from '../words/format'
import { MOVES } from '../words/decisions'
import { devicesAsked, flavorsOf, lastsOf, placesOf, thingOf } from '../words/terms'
import { useAsking } from './asking'
import { effectWords, noEffectWords } from './evidence'
import { requestSearch } from './request_search'

const HOUR = 3_600_000
/** Of which nothing is to be set right before they are done. */
const AT_ONCE: ReadonlySet<RequestMove> = new Set(['accept'])
const LOOKS: Readonly<Partial<Record<RequestMove, string>>> = { approve: 'act first', accept: 'act first', deny: 'act danger' }

/** What whoever looks may do with a request now; an offer is taken with one act. */
export function Acts({ told }: { told: ToldRequest }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const me = useQuery(whoami).data
  const search = useSearch({ from: '/requests/$id' })
  const [opened, setOpened] = useState<RequestMove | null>(null)
  const [sending, setSending] = useState(false)
  const send = useAsking()
  const { request } = told
  const moves = requestMoves(request, told.decides, me)
  // The address may ask for it, as the palette does; what a role may not it does not give.
  const asked = opened ?? moves.find((each) => each === search.act) ?? null
  const act = asked && moves.includes(asked) ? asked : null
  function close(): void {
    setOpened(null)
    if (search.act) void navigate({ to: '.', search: requestSearch({}), replace: true })
  }
  async function done(move: AskedMove): Promise<void> {
    close()
    setSending(true)
    try {
      await decide(request.id, move)
      const wanted = move.act === 'withdraw' ? askedAnew(request) : null
      say(`Done: ${move.act}`, wanted ? () => void send(wanted) : undefined)
    } catch (error) {
      sayTrouble(error)
    } finally {
      await askAgain(queries, { queryKey: ['request', request.id] })
      void askAgain(queries, { queryKey: ['requests'] })
      void askAgain(queries, { queryKey: ['grants'] })
      setSending(false)
    }
  }
  function begin(move: RequestMove): void {
    if (AT_ONCE.has(move)) void done({ act: move, reason: '', terms: null, revision: request.revision })
    else setOpened(move)
  }
  const thing = `${thingOf(request.wish, request.terms)} for ${request.wish.team}`
  // From the palette even what is done at once is asked about once more: nobody sees there what it is.
  useActs(sending ? [] : moves.map((each) => ({ said: `${MOVES[each].verb} ${thing}`, go: () => setOpened(each) })))
  return (
    <>
      {moves.map((each) => (
        <button key={each} type="button" className={LOOKS[each] ?? 'act'} disabled={sending} onClick={() => begin(each)}>
          {MOVES[each].button}
        </button>
      ))}
      {moves.includes('accept') && <CopyCommand command={`allot request accept ${request.id}`} />}
      {act && <Decide key={act} told={told} act={act} turn={setOpened} close={close} done={done} />}
    </>
  )
}

interface DecideProps {
  readonly told: ToldRequest
  readonly act: RequestMove
  /** Do another thing instead. */
  readonly turn: (act: RequestMove) => void
  readonly close: () => void
  readonly done: (move: AskedMove) => Promise<void>
}

/** The act once more with what it does: price, time, and whose work waits longer. */
function Decide({ told, act, turn, close, done }: DecideProps) {
  const { request } = told
  const currency = useQuery(whoami).data?.currency ?? ''
  const lasts = lastsOf(request.terms)
  const [other, setOther] = useState<OtherWish>(NOTHING_ELSE)
  const [reason, setReason] = useState('')
  const terms = act === 'approve' || act === 'counter' ? otherTerms(other, request.terms) : null
  const beyond = act === 'approve' ? outOfBounds(other, request.terms) : ''
  const part = act === 'approve' && terms !== null
  const title = part ? 'Approve a part' : MOVES[act].title
  const stays = act === 'deny' || act === 'withdraw'
  const unsaid = (act === 'deny' && !reason.trim()) || (act === 'counter' && terms === null)
  return (
    <Sheet title={MOVES[act].title} open close={close}>
      <p>
        {thingOf(request.wish, request.terms)} for {request.wish.team}
        {lasts === null ? ', for good' : `, for ${span(lasts)}`}
        {request.terms.price === null ? '; its price is not known. ' : `, ${money(request.terms.price, currency)}. `}
        {request.terms.shares.length > 0 && (stays ? noEffectWords(told) : effectWords(told))}
      </p>
      {stays && <p className="faint">{backSaid(act, request)}</p>}
      <Other told={told} act={act} other={other} change={(some) => setOther({ ...other, ...some })} />
      {part && !beyond && <p className="faint">A part costs less: its price is reckoned for what is granted.</p>}
      {act === 'approve' && (devicesAsked(request.terms) > 0 || lasts !== null) && (
        <p className={beyond ? 'tone-bad' : 'faint'}>
          {beyond ? `${beyond}. ` : ''}More, or another accelerator, is an offer that {request.requester} has to accept:{' '}
          <button type="button" className="act plain" onClick={() => turn('counter')}>
            {MOVES.counter.button}
          </button>
        </p>
      )}
      <label className="field">
        <span className="label">Why</span>
        <textarea value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
      </label>
      <div className="acts">
        <button
          type="button"
          className={stays ? 'act danger' : 'act first'}
          disabled={unsaid || beyond !== ''}
          onClick={() => void done({ act, reason, terms, revision: request.revision })}
        >
          {title}
        </button>
        <button type="button" className="act" onClick={close}>
          Leave it
        </button>
        <CopyCommand command={commandOf(request.id, { act, reason, terms })} />
      </div>
    </Sheet>
  )
}

interface OtherProps {
  readonly told: ToldRequest
  readonly act: RequestMove
  readonly other: OtherWish
  readonly change: (some: Partial<OtherWish>) => void
}

/** What is to be different: of what is approved a part, of what is offered anything. */
function Other({ told, act, other, change }: OtherProps) {
  const { terms } = told.request
  const devices = devicesAsked(terms)
  const lasts = lastsOf(terms)
  const offers = act === 'counter'
  if (!offers && act !== 'approve') return null
  if (!devices && lasts === null && !offers) return null
  const hours = lasts === null ? 0 : Math.round((lasts / HOUR) * 100) / 100
  return (
    <div className="form">
      {devices > 0 && (
        <label className="field">
          <span className="label">{offers ? 'GPUs' : `GPUs, of ${devices}`}</span>
          <input type="number" min={1} max={offers ? undefined : devices} value={other.devices ?? devices} onChange={(event) => change({ devices: event.target.valueAsNumber || 1 })} />
        </label>
      )}
      {(offers || lasts !== null) && (
        <label className="field">
          <span className="label">{offers ? 'Hours' : `Hours, of ${hours}`}</span>
          <input type="number" min={1} max={offers ? undefined : Math.floor(hours)} value={other.hours ?? hours} onChange={(event) => change({ hours: event.target.valueAsNumber || 0 })} />
        </label>
      )}
      {offers && devices > 0 && (
        <>
          <label className="field">
            <span className="label">Accelerator</span>
            <input value={other.accelerator} placeholder={flavorsOf(terms)} onChange={(event) => change({ accelerator: event.target.value })} />
          </label>
          <label className="field">
            <span className="label">In, with commas in between</span>
            <input value={other.clusters} placeholder={placesOf(terms)} onChange={(event) => change({ clusters: event.target.value })} />
          </label>
        </>
      )}
    </div>
  )
}

/** Whether it can be had back, and how. */
function backSaid(act: RequestMove, request: GrantRequest): string {
  if (act === 'deny') return `It is not taken back: ${request.requester} may ask again, and is told why it was denied.`
  return askedAnew(request) ? 'For ten seconds it can be asked for again as it was, under a number of its own.' : 'It is not taken back: it has to be asked for anew.'
}

const COMMANDS: Readonly<Partial<Record<RequestMove, string>>> = { accept: 'request accept', withdraw: 'request withdraw' }

function commandOf(id: string, { act, reason, terms }: { act: RequestMove; reason: string; terms: AskedMove['terms'] }): string {
  const words = ['allot', COMMANDS[act] ?? act, id]
  if (terms?.devices) words.push('--gpus', String(terms.devices))
  if (terms?.accelerator) words.push('--accelerator', shellWord(terms.accelerator))
  for (const each of terms?.clusters ?? []) words.push('--on', shellWord(each))
  if (terms?.lasts) words.push('--for', `${terms.lasts / HOUR}h`)
  if (reason) words.push('-m', shellWord(reason))
  return words.join(' ')
}
