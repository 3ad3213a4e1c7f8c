import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { NamedWork } from '../answers/documents'
import { changeQuota, quotaPreview } from '../answers/queries'
import { askAgain } from '../api/again'
import { Trouble } from '../api/problem'
import type { ChangedQuota, ForeseenQuota, QuotaWish } from '../api/schema'
import { CopyCommand } from '../parts/copy'
import { Panel, sourceOf } from '../parts/panel'
import { Sheet } from '../parts/sheet'
import { say, sayTrouble } from '../parts/toasts'
import { useTyped } from '../parts/typed'
import { useSettled } from '../store/settled'
import { plural } from '../words/format'

/** Milliseconds after the last step in which the directory is not asked yet. */
const SETTLES = 300

/** What becomes of other amounts: a commit to the platform directory, after which the cluster is made so. */
export function ChangeQuota({ wish, displaced }: { wish: QuotaWish; displaced: readonly NamedWork[] | undefined }) {
  const settled = useSettled(JSON.stringify(wish), SETTLES)
  const source = sourceOf(useQuery(quotaPreview(JSON.parse(settled) as QuotaWish)))
  const current = settled === JSON.stringify(wish)
  const [asks, setAsks] = useState(false)
  return (
    <Panel
      title="What becomes of it in the platform directory"
      source={current ? source : { ...source, data: undefined, trouble: null }}
      acts={source.data && current && <CopyCommand command={source.data.command} />}
      partial={(foreseen) => (foreseen.warnings.length ? `it would warn: ${foreseen.warnings.join('; ')}` : null)}
      empty={(foreseen) => (foreseen.diff ? null : <span>Nothing changes: the directory has it so already.</span>)}
    >
      {(foreseen) => (
        <>
          <pre className="patch">
            {foreseen.diff.split('\n').map((line, number) => (
              <span key={number} className={sideOf(line)}>
                {line}
                {'\n'}
              </span>
            ))}
          </pre>
          {foreseen.why_not ? (
            <p className="tone-wait">
              It cannot be changed here: {foreseen.why_not}. Run the command in your copy of the directory, then <code>allot apply</code>.
            </p>
          ) : (
            <div className="acts">
              <button type="button" className="act first" disabled={displaced === undefined} onClick={() => setAsks(true)}>
                {foreseen.proposed ? 'Propose it' : 'Change it'}
              </button>
              {displaced === undefined && <span className="faint">Whom it displaces is not told yet.</span>}
            </div>
          )}
          {asks && displaced && <Confirm wish={wish} foreseen={foreseen} displaced={displaced} close={() => setAsks(false)} />}
        </>
      )}
    </Panel>
  )
}

function sideOf(line: string): string {
  if (line.startsWith('+') && !line.startsWith('+++')) return 'side-declared'
  return line.startsWith('-') && !line.startsWith('---') ? 'side-live' : 'side-both'
}

function Confirm({ wish, foreseen, displaced, close }: { wish: QuotaWish; foreseen: ForeseenQuota; displaced: readonly NamedWork[]; close: () => void }) {
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  const [sends, setSends] = useState(false)
  // Amounts can be changed back; work that has lost its quota has lost what it did since its last checkpoint.
  const forGood = displaced.length > 0
  const typed = useTyped(forGood ? wish.team : null)
  const again = () => {
    for (const key of ['answer', 'quota', 'whatif', 'platform']) void askAgain(queries, { queryKey: [key] })
  }
  async function back(to: QuotaWish): Promise<void> {
    try {
      const seen = await queries.fetchQuery({ ...quotaPreview(to), staleTime: 0 })
      await changeQuota({ wish: to, expected: seen.expected, reason: 'changed back' })
      say('Changed back')
    } catch (error) {
      sayTrouble(error, 'not changed back')
    } finally {
      again()
    }
  }
  async function send(): Promise<void> {
    setSends(true)
    try {
      const done = await changeQuota({ wish, expected: foreseen.expected, reason })
      if (done.unmade.length) sayTrouble(unmade(done))
      else if (done.awaited) say(done.awaited)
      else say(`Changed, with commit ${done.commit.slice(0, 12)}`, forGood ? undefined : () => void back(done.back))
      close()
    } catch (error) {
      sayTrouble(error)
      close()
    } finally {
      setSends(false)
      again()
    }
  }
  return (
    <Sheet title={foreseen.proposed ? 'Propose it' : 'Change it'} open close={close}>
      <p>
        {forGood ? (
          <strong className="tone-bad">
            {plural(displaced.length, 'piece')} of running work {displaced.length === 1 ? 'loses its' : 'lose their'} quota at once, and what was not kept is lost.
          </strong>
        ) : (
          'No running work loses its quota. It can be changed back for ten seconds here, and later in the same way.'
        )}
      </p>
      <label className="field">
        <span className="label">Why</span>
        <textarea value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
      </label>
      {typed.field}
      <div className="acts">
        <button type="button" className="act first" disabled={sends || !typed.ready} onClick={() => void send()}>
          {sends ? 'Changing' : foreseen.proposed ? 'Propose it' : 'Change it'}
        </button>
        <button type="button" className="act" onClick={close}>
          Leave it
        </button>
        <CopyCommand command={foreseen.command} />
      </div>
    </Sheet>
  )
}

function unmade(done: ChangedQuota): Trouble {
  const why = done.unmade.map((each) => `${each.cluster}: ${each.why}`).join('; ')
  return new Trouble(0, 'it is committed, and the cluster is not so yet', why, 'drift shows what is left', '', '')
}
